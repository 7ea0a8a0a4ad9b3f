# RUN: bash %s %t
# REQUIRES: x86-64-v3
# merge and strip: what is made of finished packs is what build would have made.
. "$(dirname "$0")/Inputs/common.sh"
folder=$data/golden/mamba1
input=$folder/golden.safetensors
export MAMBA_SIM_CHECKS=off

mamba-pack build "$folder" -o cpu.mpk --target=cpu:x86-64-v3 --quiet
mamba-pack build "$folder" -o gpu.mpk --target=cuda:sm_80,cuda:sm_90 --quiet
mamba-pack build "$folder" -o all.mpk --target=cpu:x86-64-v3,cuda:sm_80,cuda:sm_90 --quiet
mamba-pack merge cpu.mpk gpu.mpk -o merged.mpk >stdout 2>stderr
[ ! -s stdout ] && [ ! -s stderr ] || die 'merge says something'
cmp merged.mpk all.mpk
mamba-pack strip all.mpk --keep=cpu:x86-64-v3 -o one.mpk
cmp one.mpk cpu.mpk
mamba-pack strip merged.mpk --keep=cuda:sm_90,cuda:sm_80 -o two.mpk
cmp two.mpk gpu.mpk

# Pieces of targets.
mamba-pack build "$folder" -o bare.mpk --target=cuda:sm_80 --no-cuda-source --quiet
mamba-pack strip all.mpk --keep=cuda:sm_80 --drop=cuda-source -o without.mpk
cmp without.mpk bare.mpk
mamba-pack strip all.mpk --drop=cuda-source,cubin,golden -o least.mpk
mamba-pack inspect least.mpk | grep -E 'PTX .*, no cubin, no CUDA C\+\+' >/dev/null
mamba-pack verify least.mpk --device=cpu --quiet | grep -E 'passes 0 self-tests, [0-9]+ kernels have none; no end-to-end check' >/dev/null
mamba-pack verify least.mpk --device=sim --quiet >/dev/null
for pack in cpu least; do
  mamba-run logits $pack.mpk --device=cpu --input "$input" --output $pack.out --quiet
done
cmp cpu.out least.out

# Every target on all that runs it; what does not run is said.
MAMBA_CUDA_DRIVER=/nonexistent mamba-pack verify merged.mpk --quiet >shown
[ "$(wc -l <shown)" = 4 ] || die "shown: $(cat shown)"
right='self-tests%s; end to end 4 steps are right'
grep -q "blobs are whole; cpu:x86-64-v3 passes [1-9][0-9]* $(printf "$right" '')" shown
grep -q "cuda:sm_80 passes [1-9][0-9]* $(printf "$right" ' on sim')" shown
grep -q "cuda:sm_90 passes [1-9][0-9]* $(printf "$right" ' on sim')" shown
grep -q '^merged.mpk: nothing is tested on a GPU: ' shown
export MAMBA_CUDA_DRIVER=$MAMBA_BUILD/test/fake-cuda/libfakecuda.so FAKE_CUDA='chips=80,120 checks=off'
mamba-pack verify merged.mpk --quiet >shown
[ "$(wc -l <shown)" = 7 ] || die "shown: $(cat shown)"
grep -q "cuda:sm_80 passes [1-9][0-9]* $(printf "$right" ' on cuda:0')" shown
grep -q "cuda:sm_90 passes [1-9][0-9]* $(printf "$right" ' on cuda:1')" shown
grep -q "^merged.mpk: cuda:sm_90 is not tested on cuda:0: .* is 'sm_80'$" shown
mamba-pack verify merged.mpk --target=cuda:sm_90 --quiet >shown
[ "$(wc -l <shown)" = 3 ] || die "shown: $(cat shown)"
test-tensors edit-manifest merged.mpk foreign.mpk '"features":["avx",' '"features":["avx","unheard-of",'
mamba-pack verify foreign.mpk --target=cuda:sm_80 --quiet >/dev/null
mamba-pack verify foreign.mpk --quiet | grep "^foreign.mpk: cpu:x86-64-v3 is not tested here: it needs 'unheard-of'" >/dev/null
mamba-pack strip foreign.mpk --keep=cpu:x86-64-v3 -o nothing.mpk
fails 1 "unheard-of" mamba-pack verify nothing.mpk --quiet
# One wrong target is enough, whichever device finds it.
test-tensors edit-manifest merged.mpk wrong.mpk '[2,3]' '[3,2]'
fails 1 "'cuda:sm_90': step 1, sequence 0" mamba-pack verify wrong.mpk --target=cuda:sm_90 --quiet

# Embedded weights.
mamba-pack build "$folder" -o embedded.mpk --target=cpu:x86-64-v3 --embed-weights --quiet
mamba-pack merge gpu.mpk embedded.mpk -o out.mpk
mamba-pack inspect out.mpk | grep ', embedded$' >/dev/null
mamba-pack strip out.mpk --keep=cpu:x86-64-v3 -o again.mpk
cmp again.mpk embedded.mpk
rm out.mpk again.mpk

# What does not go together, and what is no task.
merge() { fails 1 "$1" mamba-pack merge "${@:2}" -o none.mpk; }
mamba-pack build "$folder" -o int8.mpk --target=cuda:sm_80 --weights=int8 --no-cuda-source --quiet
merge "'cpu.mpk' and 'int8.mpk' cannot be merged: the precisions differ, weights f32 .* weights int8" cpu.mpk int8.mpk
merge "cannot be merged: the models differ" cpu.mpk "$(pack golden/mamba1-odd)"
merge "cannot be merged: both have target 'cuda:sm_80'" gpu.mpk bare.mpk
merge 'missing.mpk' cpu.mpk missing.mpk
merge 'missing.mpk' missing.mpk cpu.mpk
test-tensors flip gpu.mpk flipped.mpk --tensor code.1 --at 100
merge "code.1.*SHA-256" cpu.mpk flipped.mpk
fails 1 "code.1.*SHA-256" mamba-pack strip flipped.mpk --keep=cuda:sm_90 -o none.mpk
mamba-pack strip flipped.mpk --keep=cuda:sm_80 -o whole.mpk
fails 1 "no target 'cpu:z80' in pack .*it has 'cpu:x86-64-v3', 'cuda:sm_80', 'cuda:sm_90'" \
  mamba-pack strip all.mpk --keep=cpu:z80 -o none.mpk
fails 2 'use --keep or --drop.*mamba-pack strip --help' mamba-pack strip all.mpk -o none.mpk
fails 2 'ptx' mamba-pack strip all.mpk --drop=ptx -o none.mpk
fails 2 'empty' mamba-pack strip all.mpk --keep '' -o none.mpk
cp cpu.mpk same.mpk
fails 2 "'./same.mpk' is what is read" mamba-pack strip same.mpk --drop=golden -o ./same.mpk
fails 2 "'./same.mpk' is what is read" mamba-pack merge gpu.mpk same.mpk -o ./same.mpk
fails 2 "'./same.mpk' is what is read" mamba-pack merge same.mpk gpu.mpk -o ./same.mpk
fails 2 'standard output' mamba-pack merge cpu.mpk gpu.mpk -o -
fails 2 'standard output' mamba-pack strip all.mpk --drop=golden -o -
fails 2 'merge --help' mamba-pack merge cpu.mpk -o none.mpk
fails 1 'folder' mamba-pack merge cpu.mpk gpu.mpk -o folder/none.mpk
cmp same.mpk cpu.mpk
absent none.mpk
