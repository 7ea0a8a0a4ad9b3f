# RUN: bash %s %t
# What mamba-opt writes takes a name when it is whole: over its own input, and not at all
# where something is wrong.
. "$(dirname "$0")/Inputs/common.sh"
mamba-import "$data/golden/mamba1" -o model.mlir
[ "$(wc -c <model.mlir)" -gt 16384 ] || die 'the module is too small to be mapped'
mamba-opt model.mlir >wanted
mamba-opt model.mlir -o model.mlir
cmp wanted model.mlir
mamba-opt model.mlir --mamba-pipeline=ptx --target=cuda:sm_80 -o ./model.mlir
grep -q '^\.visible \.entry' model.mlir

echo old >kept
echo 'garbage(' >bad.mlir
if mamba-opt bad.mlir -o kept 2>log; then die 'garbage is a module'; fi
[ "$(cat kept)" = old ] || die "an output of a failure: $(cat kept)"
fails 1 "cannot write 'nowhere/x'" mamba-opt wanted -o nowhere/x
