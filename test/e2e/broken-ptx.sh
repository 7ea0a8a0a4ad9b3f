# RUN: bash %s %t
# The kernels are the pack's PTX and nothing else: another instruction in it
# changes the result or fails, and what cannot be run is named with its line.
. "$(dirname "$0")/Inputs/common.sh"

mpk=$(pack golden/mamba1-odd --target=cuda:sm_80)
input=$data/golden/mamba1-odd/golden.safetensors
test-tensors show-code "$mpk" good.ptx
test-tensors slice "$input" in input_ids:5 --row 0
mamba-run logits "$mpk" --device=sim --input in --output good

# caught PACK: the self-tests do not pass.
caught() {
  fails 1 "self-test of kernel|kernel '|code\.0" mamba-pack verify "$1" --device=sim --quiet
}

# Text that is no PTX, an instruction that no GPU has, one that is missing.
line=$(grep -n 'fma.rn.f32' good.ptx | head -1 | cut -d: -f1)
test-tensors edit-code "$mpk" bad.mpk fma.rn.f32 'fma.rn.f32 ,' --line "$line"
fails 1 "code.0.*$line" mamba-run logits bad.mpk --device=sim --input in --output none
test-tensors edit-code "$mpk" bad.mpk fma.rn.f32 fmb.rn.f32 --line "$line"
fails 1 "$line.*fmb|fmb.*$line" mamba-run logits bad.mpk --device=sim --input in --output none
absent none

# Every tenth of the instructions that compute, one at a time.
swaps=(fma.rn.f32:fma.rz.f32 add.rn.f32:sub.rn.f32 add.f32:sub.f32 mul.f32:add.f32 mul.rn.f32:add.rn.f32
  sub.f32:add.f32 sub.rn.f32:add.rn.f32 ex2.approx.ftz.f32:lg2.approx.ftz.f32 st.global:st.shared
  setp.lt:setp.ge setp.ge:setp.lt setp.gt:setp.le shfl.sync.bfly:shfl.sync.down)
# A rounding that differs may hide in the tolerance: fma becomes a product.
tried=0
while IFS=: read -r line text; do
  for swap in "${swaps[@]}"; do
    from=${swap%%:*} to=${swap#*:}
    [[ $text == *"$from"* ]] || continue
    [ $((line % 10)) = 0 ] || continue
    [ $from != fma.rn.f32 ] || { from=$text to=${text/fma.rn.f32/mul.rn.f32} to="${to%,*};"; }
    test-tensors edit-code "$mpk" bad.mpk "$from" "$to" --line "$line"
    caught bad.mpk
    tried=$((tried + 1))
    break
  done
done < <(grep -nE '^\s+(@!?%p[0-9]+ )?[a-z]' good.ptx)
[ $tried -gt 5 ] || die "only $tried instructions were changed"

# Without a barrier, threads race.
line=$(grep -n 'bar\(rier\)\?\.sync' good.ptx | head -1 | cut -d: -f1)
text=$(sed -n "${line}p" good.ptx)
test-tensors edit-code "$mpk" bad.mpk "$text" '' --line "$line"
fails 1 'race' mamba-pack verify bad.mpk --device=sim --quiet
