# RUN: bash %s %t
# A pack built with --scan-slices scans a long sequence in slices of time (class long):
# the bits do not depend on threads, and the numbers are those of the pack without.
. "$(dirname "$0")/Inputs/common.sh"
model=models/shakespeare

whole=$(pack $model)
sliced=$(pack $model --scan-slices=4)
mamba-pack inspect "$sliced" | grep 'long .*T >= 256, S <= 1, in 4 slices ' >/dev/null ||
  die 'no class long'
mamba-pack inspect "$sliced" --json | grep '"slices": *4' >/dev/null || die 'not in the manifest'
! mamba-pack inspect "$whole" | grep ' long ' >/dev/null || die 'class long without --scan-slices'
mamba-pack verify "$sliced" --device=cpu --quiet >/dev/null

run() { mamba-run logits "$1" --device=cpu --input "$2" --output "$3" --quiet "${@:4}"; }
# near A B TOLERANCE: what tokens and steps gave, and the states after.
near() { test-tensors compare "$1" "$2" --tolerance "$3"; }
same() { test-tensors compare "$1" "$2" --bits; }

test-tensors tokens one.in --rows 1 --columns 701 --decode 3 --vocab 1024 --seed 7
run "$whole" one.in whole.out --threads 2
run "$sliced" one.in sliced.out --threads 1
near sliced.out whole.out 2e-5
cmp -s sliced.out whole.out && die 'the same bits: class long was not taken'
for threads in 2 3 7; do
  run "$sliced" one.in again.out --threads $threads
  same again.out sliced.out
done
# In pieces, which are sliced where they are long enough, and not one token below.
run "$sliced" one.in pieces.out --chunk 300
near pieces.out whole.out 2e-5
cmp -s pieces.out whole.out && die 'the same bits: pieces of 300 were not sliced'
run "$sliced" one.in pieces.out --chunk 255
same pieces.out whole.out
# Two sequences are more than the rule takes.
test-tensors tokens two.in --rows 2 --columns 300 --decode 1 --vocab 1024 --seed 8
run "$whole" two.in whole2.out
run "$sliced" two.in sliced2.out
same sliced2.out whole2.out
# More slices take three, of which one may be empty.
eight=$(pack $model --scan-slices=8)
test-tensors tokens rows.in --rows 3 --columns 310 --decode 2 --vocab 1024 --seed 9
test-tensors add rows.in three.in lengths=310,0,287
run "$whole" three.in whole3.out
run "$eight" three.in sliced3.out --threads 1
near sliced3.out whole3.out 2e-5
cmp -s sliced3.out whole3.out && die 'the same bits: three sequences were not sliced'
run "$eight" three.in again.out --threads 3
same again.out sliced3.out

# Narrow blocks: more tiles, the same bits, with slices and without.
narrow=$(pack $model --scan-block=16)
mamba-pack inspect "$narrow" | grep 'scan_384x16.* S\*24 .*col_block = 16' >/dev/null ||
  die 'no blocks of 16 channels'
run "$narrow" one.in narrow.out
same narrow.out whole.out
run "$(pack $model --scan-block=16 --scan-slices=4)" one.in narrow.out
same narrow.out sliced.out

# Of bf16 rows and matrices, whose tiles project dt: off by the rounding of rows.
many=$(pack $model --scan-slices=7 --weights=bf16 --activations=bf16)
run "$(pack $model --weights=bf16 --activations=bf16)" one.in whole.out
run "$many" one.in sliced.out --threads 1
near sliced.out whole.out 4e-2
run "$many" one.in again.out --threads 3
same again.out sliced.out

build=(mamba-pack build "$data/$model" -o none.mpk --quiet)
for count in 1 17 x; do
  fails 2 "--scan-slices: .*$count" "${build[@]}" --scan-slices=$count
done
fails 2 '--batch-invariant' "${build[@]}" --scan-slices=4 --batch-invariant
fails 2 '--scan-slices: cuda targets have rules' "${build[@]}" --scan-slices=4 --target=cuda:sm_80
fails 2 '--scan-block: cuda targets have rules' "${build[@]}" --scan-block=16 --target=cuda:sm_80
fails 2 '--scan-block: .*17' "${build[@]}" --scan-block=17
absent none.mpk

# Where there is no scan it says that it changed nothing.
mamba-import --op=linear --sizes=K=8,O=8 -o linear.mlir
mamba-pack build linear.mlir -o linear.mpk --target=cpu:x86-64-v3 --scan-slices=4 2>log
grep -qx 'mamba-pack: --scan-slices changed nothing: no cpu target has a scan to cut into slices' log
mamba-import --op=scan --sizes=E=19,N=5 -o scan.mlir
mamba-pack build scan.mlir -o scan.mpk --target=cpu:x86-64-v3 --scan-slices=4 2>log
! grep -q 'changed nothing' log || die "said: $(cat log)"
