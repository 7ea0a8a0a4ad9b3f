# RUN: bash %s %t
# The bundled model writes the same text on the simulated GPU as on the CPU, and
# a text that one began goes on on the other.
. "$(dirname "$0")/Inputs/common.sh"

mpk=$(pack models/shakespeare --target=cpu:native,cuda:sm_80)
generate() { mamba-run generate "$mpk" --ignore-eos --greedy "$@"; }

generate --prompt $'ROMEO:\n' -n 200 --device=cpu >cpu
generate --prompt $'ROMEO:\n' -n 200 --device=sim >sim 2>log
cmp cpu sim
[ "$(wc -l <log)" = 1 ] || die "stderr is not one line: $(cat log)"

for devices in cpu:sim sim:cpu; do
  generate --prompt $'ROMEO:\n' -n 30 --device=${devices%:*} --save-state state >first
  generate --load-state state -n 170 --device=${devices#*:} >rest
  cat first rest | cmp - cpu
done

# A drawn text too: the sampler is the same.
drawn=(--ignore-eos --prompt $'JULIET:\n' -n 40 --temperature 0.8 --top-k 20 --seed 5)
mamba-run generate "$mpk" "${drawn[@]}" --device=cpu >cpu
mamba-run generate "$mpk" "${drawn[@]}" --device=sim >sim
cmp cpu sim
