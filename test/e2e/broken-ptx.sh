# RUN: bash %s %t
# The kernels are the pack's PTX and nothing else: another instruction in it
# changes the result or fails, and what cannot be run is named with its line.
. "$(dirname "$0")/Inputs/common.sh"

mpk=$(pack golden/mamba1-odd --target=cuda:sm_80)
input=$data/golden/mamba1-odd/golden.safetensors
test-tensors show-code "$mpk" good.ptx

# Text that is no PTX, an instruction that no GPU has, a kernel that is gone.
refused() {
  fails 1 "$1" mamba-run logits bad.mpk --device=sim --input "$input" --output none
  absent none
}
line=$(grep -m 1 -n 'fma.rn' good.ptx | cut -d: -f1)
test-tensors edit-code "$mpk" bad.mpk ', %' ', , %' --line "$line"
refused "code.0.*$line"
test-tensors edit-code "$mpk" bad.mpk fma.rn fmb.rn --line "$line"
refused "$line.*fmb"
test-tensors edit-code "$mpk" bad.mpk '.entry embedding' '.entry embedded'
refused "its PTX has no kernel 'embedding"
test-tensors edit-code "$mpk" bad.mpk '.target sm_80' '.target sm_8o'
refused 'sm_8o'

# survivors KERNEL STEP: how many of the changed packs pass their self-tests.
survivors() {
  tried=0 survived=0
  while IFS=$'\x1f' read -r line from to; do
    test-tensors edit-code "$mpk" bad.mpk "$from" "$to" --line "$line"
    status=0
    mamba-pack verify bad.mpk --device=sim --quiet >shown 2>log || status=$?
    tried=$((tried + 1))
    if [ $status = 0 ]; then
      survived=$((survived + 1))
      echo "unseen, line $line: $from -> $to"
    else
      [ $status = 1 ] && [ "$(wc -l <log)" = 1 ] || die "status $status: $(cat log)"
    fi
  done < <(python3 "$(dirname "$0")/Inputs/mutate.py" "$1" "$2" good.ptx)
}

# Of the embedding every instruction counts. Elsewhere some guard edges that the
# self-tests do not reach, or rows that nobody reads.
survivors "$(grep -m 1 -o 'embedding_[a-z0-9_]*' good.ptx)" 1
[ $tried -ge 8 ] && [ $survived = 0 ] || die "$survived of $tried changes were not seen"
survivors all 97
echo "$survived of $tried changes were not seen"
[ $tried -ge 30 ] && [ $survived -le $((tried / 5)) ] || die "$survived of $tried changes were not seen"

# Without a barrier, threads race.
line=$(grep -m 1 -n 'bar.sync\|barrier.sync' good.ptx | cut -d: -f1)
test-tensors edit-code "$mpk" bad.mpk "$(sed -n "${line}p" good.ptx)" '' --line "$line"
fails 1 'race' mamba-pack verify bad.mpk --device=sim --quiet
