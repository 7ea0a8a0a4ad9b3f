# RUN: bash %s %t
# REQUIRES: nvrtc
# The C++ of variants, compiled by NVIDIA's NVRTC, is tried beside the other forms, with
# fewer registers too.
. "$(dirname "$0")/Inputs/common.sh"
fake=$MAMBA_BUILD/test/fake-cuda
export MAMBA_CUDA_DRIVER=$fake/libfakecuda.so MAMBA_CUDA_NVRTC=$fake/libfakenvrtc.so FAKE_NVRTC=$NVRTC
export MAMBA_CACHE=$PWD/cache MAMBA_SIM_CHECKS=off FAKE_CUDA='checks=off chips=80'

model=$data/models/shakespeare
key='linear linear f32,f32->f32 decode 384x44'
mamba-pack build "$model" --variants=2 -o g.mpk --target=cuda:sm_80 --quiet
mamba-tune g.mpk --kernels "$key" --db g.tune --report g.svg --quiet >report
grep -q ', nvrtc: ' g.svg
grep -q '; 10 timed' report
! grep -q ' failed' report || die "$(cat report)"

# The runtime takes that form, where it was the fastest.
sed -e 's/ rows 1.* | Fake/ rows 1 form nvrtc:64 | Fake/' g.tune >form.tune
options=(--target=cuda:sm_80 --no-db --check=off --quiet)
mamba-pack build "$model" -o form.mpk --db form.tune "${options[@]}"
generate() { mamba-run generate form.mpk --greedy --prompt 'ROMEO:' -n 4 "$@"; }
generate --device=cuda >got 2>log
! grep -q 'run from their' log || die "$(cat log)"
generate --device=sim >want 2>log
cmp got want
