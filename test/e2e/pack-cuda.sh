# RUN: bash %s %t
# Packs with PTX: built the same each time, shown, verified on the simulated
# GPU; what cannot be is said in one line.
. "$(dirname "$0")/Inputs/common.sh"
folder=$data/golden/mamba1
input=$folder/golden.safetensors

mamba-pack build "$folder" -o a.mpk --target=cuda:sm_80 --quiet
mamba-pack build "$folder" -o b.mpk --target=cuda:sm_80 --quiet
cmp a.mpk b.mpk
mamba-pack build "$folder" -o three.mpk --target=cpu:native,cuda:sm_75,cuda:sm_90a --quiet

# What inspect shows: PTX, and of each kernel what a block takes.
mamba-pack inspect a.mpk >shown
grep -Eq '^target cuda:sm_80: sm_80( |$)' shown
grep -Eq '^  PTX [0-9.]+ [kM]?B, (no cubin|cubin [0-9.]+ [kM]?B), CUDA C\+\+ [0-9.]+ [kM]?B, [0-9]+ kernels; packed weights' shown
grep -Eq '^ +kernel +code +threads +registers +shared +overlap +runs +tests +blocks +from +schedule$' shown
mamba-pack inspect a.mpk --json >json
grep -q '"launch":{"threads":[1-9]' json
grep -q '"cubin":' json
grep -q '"variants":\[' json

# What begins while the kernel before ends, unless that is switched off.
mamba-import --op=scan --sizes=E=19,N=5 -o scan.mlir
mamba-pack build scan.mlir -o overlap.mpk --target=cuda:sm_90a --quiet
mamba-pack build scan.mlir -o apart.mpk --target=cuda:sm_90a --no-overlap --quiet
mamba-pack inspect overlap.mpk --json | grep '"overlap":true' >/dev/null
mamba-pack inspect apart.mpk --json | grep '"overlap":false' >/dev/null
if grep -q '"overlap":true' json || mamba-pack inspect apart.mpk --json | grep '"overlap":true' >/dev/null; then
  die 'overlaps where it must not'
fi

# The kernels as CUDA C++, unless it is left out; the rest is the same.
grep -q '"cuda":"cuda.0"' json
test-tensors show-code a.mpk kernels.cu --blob=cuda.0
grep -q '^// Kernels for cuda:sm_80' kernels.cu
grep -q '^extern "C" __global__ void __launch_bounds__' kernels.cu
mamba-pack build "$folder" -o without.mpk --target=cuda:sm_80 --no-cuda-source --quiet
mamba-pack inspect without.mpk | grep -E '^  PTX .*, no CUDA C\+\+, [0-9]+ kernels;' >/dev/null
mamba-pack inspect without.mpk --json | grep '"cuda":null' >/dev/null
test-tensors show-code a.mpk with.ptx
test-tensors show-code without.mpk without.ptx
cmp with.ptx without.ptx

# Verify runs every kernel on the device that is asked for.
for threads in 0 1 3; do
  mamba-pack verify a.mpk --device=sim --threads=$threads --quiet >shown 2>log
  grep -Eq '^a.mpk: [0-9]+ blobs are whole; cuda:sm_80 passes [1-9][0-9]* self-tests on sim; end to end 4 steps are right: ' shown
  [ ! -s log ] || die "--quiet is not quiet: $(cat log)"
done
mamba-pack verify three.mpk --device=sim --quiet | grep 'cuda:sm_90a passes' >/dev/null
MAMBA_SIM_TARGET=cuda:sm_75 mamba-pack verify three.mpk --device=sim --quiet | grep 'cuda:sm_75 passes' >/dev/null
mamba-pack verify three.mpk --device=cpu --quiet | grep 'cpu:native passes' >/dev/null
mamba-pack verify three.mpk --quiet | grep 'cpu:native passes' >/dev/null

# Devices and targets that are not there.
run() { mamba-run logits "$@" --input "$input" --output none; }
cpu=$(pack golden/mamba1)
fails 1 "no PTX for device 'sim'.*cpu:native.*build --target=cuda:sm_80" mamba-pack verify "$cpu" --device=sim --quiet
fails 1 'cuda:sm_80' mamba-pack verify a.mpk --device=cpu --quiet
MAMBA_CUDA_DRIVER=/nonexistent fails 1 "no device 'cuda'.*'sim'" mamba-pack verify a.mpk --device=cuda --quiet
fails 1 "no PTX for device 'sim'" mamba-run logits "$cpu" --device=sim --input "$input" --output none
MAMBA_SIM_TARGET=cuda:sm_86 fails 1 "no cuda target 'cuda:sm_86'.*it has 'cuda:sm_75'" \
  mamba-run logits three.mpk --device=sim --input "$input" --output none
MAMBA_SIM_CHECKS=some fails 1 "MAMBA_SIM_CHECKS must be all, memory or off, got 'some'" \
  mamba-run logits a.mpk --device=sim --input "$input" --output none
absent none

# However much is checked, the result is the same.
mamba-run logits a.mpk --device=sim --input "$input" --output all
for checks in memory off; do
  MAMBA_SIM_CHECKS=$checks mamba-run logits a.mpk --device=sim --input "$input" --output $checks
  test-tensors compare $checks all --bits
done

# A profile names every kernel that ran, on stderr.
mamba-run logits a.mpk --device=sim --input "$input" --output out --profile >stdout 2>profile
[ ! -s stdout ] || die 'the profile is on stdout'
test-tensors compare out all --bits
grep -q 'linear_' profile
grep -q 'scan_' profile
fails 1 "no target for 'cpu'|cpu" mamba-run logits a.mpk --device=cpu --profile --input "$input" --output none
fails 2 'chip.*profile' mamba-run logits a.mpk --device=sim --chip sm_80 --input "$input" --output none
fails 1 'sm_12' mamba-run logits a.mpk --device=sim --profile --chip sm_12 --input "$input" --output none
absent none
