# RUN: bash %s %t
# REQUIRES: nvrtc
# The whole way of a pack's CUDA C++: NVIDIA's own NVRTC compiles it, and it
# gives the bits that the pack's PTX gives, on two chips and from the cache.
. "$(dirname "$0")/Inputs/common.sh"
fake=$MAMBA_BUILD/test/fake-cuda
export MAMBA_CUDA_DRIVER=$fake/libfakecuda.so MAMBA_CUDA_PREFER=nvrtc
export MAMBA_SIM_CHECKS=off MAMBA_CACHE=$PWD/cache
mpk=$(pack golden/mamba1 --target=cuda:sm_80)
golden=$data/golden/mamba1/golden.safetensors
logits() { mamba-run logits "$mpk" --input "$golden" --output "$@"; }
logits want --device=sim

# To PTX, for the simulated GPU.
export MAMBA_CUDA_NVRTC=$fake/libfakenvrtc.so FAKE_NVRTC=$NVRTC
for chip in 80 90; do
  for again in compiled kept; do
    FAKE_CUDA="chips=$chip checks=off" logits got --device=cuda
    test-tensors compare got want --bits
  done
done
[ "$(find cache -type f | wc -l)" = 6 ] || die "not code, self-test and end-to-end check of two chips: $(ls cache)"

# To machine code, for a real one: all kernels compile, and only this driver
# does not know what to do with it.
export MAMBA_CACHE=off
for chip in 75 80 86 90 100 120; do
  pack=$mpk
  [ $chip != 75 ] || pack=$(pack golden/mamba1 --target=cuda:sm_75)
  FAKE_CUDA="chips=$chip" MAMBA_CUDA_NVRTC=$NVRTC fails 1 \
    'its CUDA C\+\+: cannot load it: CUDA_ERROR_NO_BINARY_FOR_GPU' \
    mamba-run logits "$pack" --device=cuda --input "$golden" --output none
done
# A chip that this NVRTC does not know yet.
FAKE_CUDA='chips=150' MAMBA_CUDA_NVRTC=$NVRTC fails 1 'NVRTC [0-9.]+ for sm_150: .*install a newer' \
  mamba-run logits "$mpk" --device=cuda --input "$golden" --output none
absent none
