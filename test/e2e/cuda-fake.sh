# RUN: bash %s %t
# A pack on device cuda, whose driver is the fake one on the simulator: what
# device sim says, with and without graphs, and a state that changes devices.
. "$(dirname "$0")/Inputs/common.sh"
export MAMBA_CUDA_DRIVER=$MAMBA_BUILD/test/fake-cuda/libfakecuda.so
export MAMBA_CACHE=$PWD/cache MAMBA_SIM_CHECKS=off
mamba-pack build "$data/models/shakespeare" -o s.mpk --target=cuda:sm_80 --no-cache --quiet
options=(s.mpk --greedy --quiet)
generate() { mamba-run generate "${options[@]}" --prompt 'ROMEO:' -n 24 "$@"; }

generate --device=sim >want
FAKE_CUDA='checks=memory' generate --device=cuda >got
cmp got want
[ "$(find cache -name '*.kernel' | wc -l)" = 3 ] || die 'not kept: code, self-test and end-to-end check'
FAKE_CUDA='checks=off ptx=60' generate --device=cuda:0 >got # from the cache
cmp got want
MAMBA_CUDA_GRAPHS=off FAKE_CUDA='checks=off' generate --device=auto >got
cmp got want

# Kernels that begin while the one before them ends: the same bits.
mamba-pack build "$data/models/shakespeare" -o o.mpk --target=cuda:sm_90 --no-cache --quiet
mamba-pack inspect o.mpk | grep -E '^ *linear_.* yes ' >/dev/null || die 'inspect does not say what overlaps'
! mamba-pack inspect s.mpk | grep -E '^ *linear_.* yes ' >/dev/null || die 'a kernel for sm_80 overlaps'
overlapping() { mamba-run generate o.mpk --greedy --quiet --prompt 'ROMEO:' -n 12 "$@"; }
overlapping --device=sim >want-o
FAKE_CUDA='chips=90 checks=memory' overlapping --device=cuda >got
cmp got want-o
MAMBA_CUDA_OVERLAP=off FAKE_CUDA='chips=90 checks=off' overlapping --device=cuda >got
cmp got want-o
MAMBA_CUDA_OVERLAP=no FAKE_CUDA='chips=90' fails 1 "MAMBA_CUDA_OVERLAP must be on or off, got 'no'" mamba-run generate o.mpk --prompt x --device=cuda

# Half here, half there.
export FAKE_CUDA='checks=off'
mamba-run generate "${options[@]}" --prompt 'ROMEO:' -n 12 --device=cuda --save-state half >first
mamba-run generate "${options[@]}" --load-state half -n 12 --device=sim >rest
cat first rest | cmp - want

# Faults, each in one line.
FAKE_CUDA='chips=75' fails 1 "no code for a GPU of chip 'sm_75'" mamba-run generate "${options[@]}" --prompt x --device=cuda
FAKE_CUDA='memory=100000' fails 1 'for the weights, take a smaller or a quantised model; of the GPU.s 100000 bytes [0-9]+ are free: CUDA_ERROR_OUT_OF_MEMORY' mamba-run generate "${options[@]}" --prompt x --device=cuda
FAKE_CUDA='chips=' fails 1 'CUDA_ERROR_NO_DEVICE' mamba-run generate "${options[@]}" --prompt x --device=cuda
FAKE_CUDA='version=11000' fails 1 'CUDA 11.0, CUDA 11.4 is needed' mamba-run generate "${options[@]}" --prompt x --device=cuda
fails 1 'the driver has 1' mamba-run generate "${options[@]}" --prompt x --device=cuda:1
MAMBA_CUDA_PREFER=nvrtc MAMBA_CUDA_NVRTC=/nonexistent fails 1 'NVRTC .*does not load' mamba-run generate "${options[@]}" --prompt x --device=cuda
