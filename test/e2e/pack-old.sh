# RUN: bash %s %t
# REQUIRES: x86-64-v3
# A pack that was made before there were minor versions of the format: it loads,
# passes its tests, computes what it did, and becomes part of new packs.
. "$(dirname "$0")/Inputs/common.sh"
old=$data/packs/format-4.0.mpk
folder=$data/golden/mamba1-odd
input=$folder/golden.safetensors

mamba-pack inspect "$old" | grep 'format 4.0, built by' >/dev/null
mamba-pack verify "$old" --model "$folder" --quiet >shown
grep -q 'cpu:x86-64-v3 passes 20 self-tests; end to end 4 steps are right' shown
mamba-run logits "$old" --model "$folder" --input "$input" --output out --quiet
test-tensors compare out "$input" --tolerance 2e-4 --except layer0_output

mamba-pack strip "$old" --keep=cpu:x86-64-v3 -o new.mpk
mamba-pack inspect new.mpk | grep 'format 4.3, built by' >/dev/null
mamba-pack build "$folder" -o gpu.mpk --target=cuda:sm_80 --no-cuda-source --quiet
mamba-pack merge "$old" gpu.mpk -o both.mpk
for pack in new.mpk both.mpk; do
  mamba-pack verify $pack --device=cpu --model "$folder" --quiet >shown
  grep -q 'cpu:x86-64-v3 passes 20 self-tests; end to end 4 steps are right' shown
  mamba-run logits $pack --device=cpu --model "$folder" --input "$input" --output again --quiet
  test-tensors compare again out --bits
done
[ "$(stat -c %s new.mpk)" -lt "$(stat -c %s "$old")" ] || die 'the manifest is not compressed'
