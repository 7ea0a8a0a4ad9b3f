# RUN: bash %s %t
# A tuning pack on a GPU, which is the fake one: what happens, not how fast. Of each
# variant the forms of its code are candidates, and the runtime takes the one that was
# the fastest.
. "$(dirname "$0")/Inputs/common.sh"
fake=$MAMBA_BUILD/test/fake-cuda
export MAMBA_CUDA_DRIVER=$fake/libfakecuda.so MAMBA_CUDA_NVRTC=/nonexistent
export MAMBA_CACHE=$PWD/cache MAMBA_SIM_CHECKS=off FAKE_CUDA='checks=off chips=80'

model=$data/models/shakespeare
key='linear linear f32,f32->f32 decode 384x44'
mamba-pack build "$model" --variants=2 -o g.mpk --target=cuda:sm_80,cuda:sm_90 --quiet
mamba-pack inspect g.mpk >shown
grep -q '^target cuda:sm_90, cuda:sm_90 in databases$' shown

# The GPU's own target is taken, and each variant is tried in each form that there is.
mamba-tune g.mpk --kernels "$key" --db g.tune --quiet >report
grep -Eq '; [2-4] timed' report
grep -Eq "^cuda:sm_80 \| $key \| .* \| measured [0-9.e-]+us spread .* rows 1( form [a-z]+)? \| Fake GPU 80 \| " g.tune
mamba-tune g.mpk --kernels "$key" --db g90.tune --target=cuda:sm_80 --device=cuda:0 --quiet >/dev/null
FAKE_CUDA='checks=off chips=90' mamba-tune g.mpk --kernels "$key" --db g90.tune --quiet >/dev/null
grep -q '^cuda:sm_90 | .* | Fake GPU 90 | ' g90.tune

# Of a model the pack is made on the way, the same one every time: --resume knows it again.
mamba-import --op=linear --sizes=K=40,O=24 -o one.mlir
onGpu=(mamba-tune one.mlir --target=cuda:sm_80 --device=cuda --db model.tune --quiet)
"${onGpu[@]}" --budget 0.001s >report
grep -q '^stopped: what was found is in model.tune' report
"${onGpu[@]}" --resume >report
grep -q '^cuda:sm_80 | linear .* | Fake GPU 80 | ' model.tune
FAKE_CUDA='chips=' fails 1 'CUDA_ERROR_NO_DEVICE' "${onGpu[@]}"
fails 1 'leave them out' "${onGpu[@]}" --chip A100

# What is recorded goes into a pack, and its form is what runs; where that form is not to
# be had the others' does, and it is said.
sed -e 's/ rows 1.* | Fake/ rows 1 form ptx | Fake/' g.tune >form.tune
options=(--target=cuda:sm_80 --no-db --check=off --quiet)
mamba-pack build "$model" -o own.mpk "${options[@]}"
mamba-pack build "$model" -o form.mpk --db form.tune "${options[@]}"
mamba-pack inspect form.mpk | grep 'Fake GPU 80, measured, code ptx' >/dev/null
mamba-pack inspect form.mpk --json | grep -o '"code_form":"ptx"' >/dev/null
generate() { mamba-run generate "$1" --greedy --device=cuda --prompt 'ROMEO:' -n 4; }
generate own.mpk >want 2>log
generate form.mpk >got 2>log
cmp got want
sed -e 's/form ptx/form nvrtc:64/' form.tune >nvrtc.tune
mamba-pack build "$model" -o nvrtc.mpk --db nvrtc.tune "${options[@]}"
generate nvrtc.mpk >got 2>log
cmp got want
grep -q 'kernels that are faster as nvrtc:64 run from their PTX: NVRTC ' log

# Faults.
FAKE_CUDA='chips=75' fails 1 "no code for a GPU of chip 'sm_75'" mamba-tune g.mpk --device=cuda
FAKE_CUDA='chips=' fails 1 'CUDA_ERROR_NO_DEVICE' mamba-tune g.mpk
MAMBA_CUDA_DRIVER=/nonexistent fails 1 'driver' mamba-tune g.mpk
MAMBA_CUDA_PREFER=ptx fails 1 'a sweep tries all of them: unset it' mamba-tune g.mpk
fails 1 "no target for this machine's processor" mamba-tune g.mpk --device=cpu
FAKE_CUDA='checks=off fail=cuGraphLaunch,1,700' mamba-tune g.mpk --kernels "$key" --db f.tune --quiet >report
grep -q 'not tuned: the default fails when it is timed: .*CUDA_ERROR_ILLEGAL_ADDRESS' report
test ! -s f.tune
