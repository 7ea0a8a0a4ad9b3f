# RUN: bash %s %t
# What can go wrong on device cuda, through the fake driver: one line that says
# what to do, status 1, in time; what is no reason to fail goes on.
. "$(dirname "$0")/Inputs/common.sh"
fake=$MAMBA_BUILD/test/fake-cuda
export MAMBA_CUDA_DRIVER=$fake/libfakecuda.so MAMBA_SIM_CHECKS=off FAKE_CUDA='checks=off'
export MAMBA_CACHE=$PWD/cache
mpk=$(pack models/shakespeare --target=cpu:native,cuda:sm_80)

# Nothing hangs: 124 is no status that anybody expects.
mamba-run() { timeout 120 "$(type -P mamba-run)" "$@"; }
generate() { mamba-run generate "$mpk" --greedy --quiet --prompt 'ROMEO:' -n 8 "$@"; }
# refuses PATTERN [NAME=VALUE...]: device cuda does not work there.
refuses() {
  local pattern=$1
  shift
  (
    [ $# = 0 ] || export "$@"
    fails 1 "$pattern" mamba-run generate "$mpk" --greedy --quiet --prompt x -n 3 --device=cuda
  )
}
generate --device=sim >want

# The driver.
refuses "no device 'cuda', its driver does not load: .*; correct or unset MAMBA_CUDA_DRIVER, or use 'cpu' or 'sim'" \
  MAMBA_CUDA_DRIVER=/nonexistent/libcuda.so.1
refuses "does not load: .*; correct or unset MAMBA_CUDA_DRIVER" MAMBA_CUDA_DRIVER="$mpk"
refuses "has no 'cuLinkComplete', it must be for CUDA 11.4 or later: install a newer one" \
  MAMBA_CUDA_DRIVER="$fake/libfakecuda10.so"
refuses 'is for CUDA 11.0, CUDA 11.4 is needed: install a newer one' FAKE_CUDA=version=11000
refuses 'the driver finds no GPU, look at nvidia-smi' FAKE_CUDA=chips=
MAMBA_CUDA_DRIVER=$fake/libfakecuda11.so generate --device=cuda >got
cmp got want
for device in cuda:1 cuda:99; do
  fails 1 "GPU ${device#*:}: the driver has 1, counted from 0" mamba-run generate "$mpk" --device=$device --prompt x
done
for device in cuda: cuda:x cuda:-1 cuda:0x cuda:99999999999 CUDA; do
  fails '1|2' "$device" mamba-run generate "$mpk" --device=$device --prompt x
done

# The code. A chip that nobody knew runs the PTX of an older one.
rm -rf cache
FAKE_CUDA='checks=off chips=150' generate --device=cuda >got
cmp got want
refuses "has no code for a GPU of chip 'sm_75'.* build one with 'mamba-pack build --target=cuda:sm_75'" FAKE_CUDA=chips=75
refuses 'its cubin: .*; its PTX: .*; the PTX is newer than the driver, install a newer driver: .*; its CUDA C\+\+: .*MAMBA_CUDA_NVRTC' \
  FAKE_CUDA=ptx=60 MAMBA_CUDA_NVRTC=/nonexistent
refuses "its CUDA C\+\+: NVRTC 13.0 for sm_80: pack.cu\(3\): error: .*; MAMBA_CUDA_PREFER allows no other form, unset it" \
  MAMBA_CUDA_PREFER=nvrtc MAMBA_CUDA_NVRTC="$fake/libfakenvrtc.so"
refuses "NVRTC '/nonexistent' does not load, correct or unset MAMBA_CUDA_NVRTC" \
  MAMBA_CUDA_PREFER=nvrtc MAMBA_CUDA_NVRTC=/nonexistent
refuses "MAMBA_CUDA_PREFER must be cubin, ptx or nvrtc, got 'fastest'" MAMBA_CUDA_PREFER=fastest
refuses "MAMBA_CUDA_GRAPHS must be on or off, got '1'" MAMBA_CUDA_GRAPHS=1
mamba-pack build "$data/models/shakespeare" -o bare.mpk --target=cuda:sm_80 --no-cuda-source --quiet
(
  export MAMBA_CUDA_PREFER=nvrtc
  fails 1 'its CUDA C\+\+: the pack has none; MAMBA_CUDA_PREFER allows no other form, unset it' \
    mamba-run generate bare.mpk --device=cuda --prompt x
)

# The cache: damaged, empty, cut, a pipe, not writable, two at once.
rm -rf cache
generate --device=cuda >got &
generate --device=cuda >other
wait $!
cmp got want
cmp other want
[ "$(find cache -type f | wc -l)" = 3 ] || die "not three files: $(ls -a cache)"
for damage in 'truncate -s 0' 'truncate -s 1000' 'truncate -s +1' 'cp /bin/sh' 'rm'; do
  for file in cache/*; do $damage "$file"; done
  generate --device=cuda >got
  cmp got want
done
for file in cache/*; do
  rm "$file"
  mkfifo "$file"
done
generate --device=cuda >got
cmp got want
for folder in /dev/null /proc/nowhere /dev/full "$mpk/cache"; do
  MAMBA_CACHE=$folder generate --device=cuda >got
  cmp got want
done

# Memory: for the self-test, weights, the states of a step.
rm -rf cache
refuses "self-test of kernel .*: cannot get [0-9]+ bytes for a self-test, end what else uses the GPU; of the GPU's 100000 bytes" FAKE_CUDA=memory=100000
generate --device=cuda >got
refuses "bytes for the weights, take a smaller or a quantised model; of the GPU's 100000 bytes [0-9]+ are free: CUDA_ERROR_OUT_OF_MEMORY" FAKE_CUDA=memory=100000
size=3000000
until FAKE_CUDA="checks=off memory=$size" generate --device=cuda >got 2>log; do
  size=$((size + 100000))
  [ $size -lt 20000000 ] || die "$(cat log)"
done
cmp got want
head -c 20000 /dev/zero | tr '\0' 'a' >long
(
  export FAKE_CUDA="checks=off memory=$size"
  fails 1 "bytes for the activations of a step, feed less at once; of the GPU's $size bytes [0-9]+ are free" \
    mamba-run perplexity "$mpk" --device=cuda --file long --quiet
)

# In the middle: a launch, a GPU that is lost.
for fault in cuLaunchKernel,30,701 cuGraphLaunch,2,719 cuEventSynchronize,5,214; do
  status=0
  FAKE_CUDA="checks=off fail=$fault" generate --device=cuda >got 2>log || status=$?
  [ $status = 1 ] && [ "$(wc -l <log)" = 1 ] || die "status $status: $(cat log)"
  head -c "$(wc -c <got)" want | cmp - got
  grep -Eq "CUDA_ERROR_(LAUNCH_OUT_OF_RESOURCES.*needs more than the GPU has|LAUNCH_FAILED.*start it again|ECC_UNCORRECTABLE.*start it again)" log ||
    die "$(cat log)"
done
