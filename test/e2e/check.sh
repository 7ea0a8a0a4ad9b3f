# RUN: bash %s %t
# The end-to-end check of a pack: made from the checkpoint, run by verify and at
# the first load on a GPU, whose place the processor takes if it fails.
. "$(dirname "$0")/Inputs/common.sh"
folder=$data/golden/mamba1
input=$folder/golden.safetensors

mamba-pack build "$folder" -o a.mpk --target=cpu:native,cuda:sm_80 --no-cuda-source 2>log
grep -q 'computing the end-to-end check$' log
mamba-pack inspect a.mpk | grep '^end-to-end check: 4 steps of 2 sequences, tolerance 0.0002, weights [0-9a-f]*$' >/dev/null

# Left out, and said so.
mamba-pack build "$folder" -o none.mpk --check=off 2>log
grep -q '^mamba-pack: no end-to-end check: --check=off$' log
mamba-pack inspect none.mpk | grep '^no end-to-end check$' >/dev/null
mamba-pack verify none.mpk --quiet | grep 'self-tests; no end-to-end check: the pack has none$' >/dev/null
mamba-import --op=scan --sizes E=19,N=5 -o scan.mlir
mamba-pack build scan.mlir -o scan.mpk 2>log
grep -q "no end-to-end check: 'scan.mlir' is no whole model$" log
fails 1 "the end-to-end check: 'scan.mlir' is no whole model" mamba-pack build scan.mlir -o refused.mpk --check=on --quiet
fails 2 "must be on, off or auto, got 'some'" mamba-pack build "$folder" -o refused.mpk --check=some
absent refused.mpk
# The folder has gone since the module was made.
cp -r "$folder" gone
mamba-import gone -o gone.mlir
mamba-pack build gone.mlir -o gone.mpk --quiet
rm -r gone
mamba-pack verify gone.mpk --quiet | grep 'self-tests; no end-to-end check: the weights are not loaded$' >/dev/null
mamba-pack verify gone.mpk --quiet --model "$folder" | grep 'end to end 4 steps are right' >/dev/null
fails 1 'nowhere' mamba-pack verify gone.mpk --quiet --model nowhere
mamba-pack build gone.mlir -o late.mpk 2>log
grep -q "no end-to-end check: .*gone" log
fails 1 "the end-to-end check: .*gone" mamba-pack build gone.mlir -o refused.mpk --check=on --quiet

# Weights of the same shapes that are others, and those that are embedded.
mkdir other
cp "$folder"/config.json other
test-tensors flip "$folder/model.safetensors" other/model.safetensors --tensor backbone.layers.1.mixer.D --at 2
mamba-pack verify a.mpk --quiet --model other | grep "self-tests; no end-to-end check: the pack's is for other weights$" >/dev/null
mamba-pack build "$folder" -o embedded.mpk --embed-weights --quiet
mamba-pack verify embedded.mpk --quiet | grep 'end to end 4 steps are right' >/dev/null

# Matrices in fewer bits, against the reference with the same.
for precisions in 'int8 f32' 'int4 bf16' 'bf16 f16'; do
  read -r weights activations <<<"$precisions"
  mamba-pack build "$folder" -o few.mpk --target=cuda:sm_80 --no-cuda-source --quiet \
    --weights=$weights --activations=$activations
  MAMBA_SIM_CHECKS=off mamba-pack verify few.mpk --device=sim --quiet | grep 'end to end 4 steps are right'
done

# A wrong plan of right kernels: decoding mistakes one layer's state for another's.
test-tensors edit-manifest a.mpk plan.mpk '["state",0]' '["state",2]'
fails 1 "'cpu:native': step 2, sequence 0: the logits after token 21" mamba-pack verify plan.mpk --quiet

# A check that asks for what the model does not give.
test-tensors edit-manifest a.mpk wrong.mpk '[2,3]' '[3,2]'
failure="step 1, sequence 0: the logits after token 21 have relative error [0-9.]+, allowed is 0.0002"
fails 1 "end-to-end check of target 'cpu:native': $failure" mamba-pack verify wrong.mpk --quiet
MAMBA_SIM_CHECKS=off fails 1 "'cuda:sm_80': $failure" mamba-pack verify wrong.mpk --device=sim --quiet
# On a processor it runs by verify alone.
mamba-run logits wrong.mpk --device=cpu --input "$input" --output cpu --quiet

# On GPUs.
export MAMBA_CUDA_DRIVER=$MAMBA_BUILD/test/fake-cuda/libfakecuda.so
export MAMBA_CACHE=$PWD/cache FAKE_CUDA='chips=80,90 checks=off'
for device in cuda cuda:1 auto; do
  mamba-pack verify a.mpk --device=$device --quiet | grep 'cuda:sm_80 passes .* end to end 4 steps are right' >/dev/null
done
fails 1 'the driver has 2' mamba-pack verify a.mpk --device=cuda:2 --quiet
fails 2 "cuda:N.*got 'cuda:x'.*mamba-pack verify --help" mamba-pack verify a.mpk --device=cuda:x
for again in 1 2; do
  fails 1 "'cuda:sm_80': $failure" mamba-run logits wrong.mpk --device=cuda --input "$input" --output refused --quiet
  mamba-run logits wrong.mpk --device=auto --input "$input" --output auto 2>log
  grep -Eq "^mamba-run: runs on the processor, as no GPU does: end-to-end check of target 'cuda:sm_80': $failure" log
  test-tensors compare auto cpu --bits
done
# Without code for this processor there is nothing to take its place.
mamba-pack build "$folder" -o gpu.mpk --target=cuda:sm_80 --no-cuda-source --quiet
test-tensors edit-manifest gpu.mpk wrong-gpu.mpk '[2,3]' '[3,2]'
fails 1 "'cuda:sm_80': $failure" mamba-run logits wrong-gpu.mpk --device=auto --input "$input" --output refused --quiet
rm -rf cache
mamba-run logits a.mpk --device=cuda --input "$input" --output first --quiet
kept=$(find cache -name '*.kernel' | wc -l)
mamba-run logits wrong.mpk --device=auto --input "$input" --output auto --quiet
absent refused
# The code was kept before; now that its kernels passed, and not that the model did.
[ "$(find cache -name '*.kernel' | wc -l)" = $((kept + 1)) ] || die 'what the cache keeps'
mamba-run logits a.mpk --device=auto --input "$input" --output auto 2>log
[ ! -s log ] || die "a warning without need: $(cat log)"
