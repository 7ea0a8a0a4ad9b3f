# RUN: bash %s %t
# REQUIRES: qemu-user
# A processor that lacks a feature meets no instruction of it: it runs what it
# can, or is told what it lacks. QEMU has neither AVX-512 nor AMX.
. "$(dirname "$0")/Inputs/common.sh"
folder=$data/golden/mamba1-odd
input=$folder/golden.safetensors
all=$(pack golden/mamba1-odd --target=cpu:x86-64-v3,cpu:x86-64-v4-amx,cpu:x86-64-v4)
wide=$(pack golden/mamba1-odd --target=cpu:x86-64-v4)

# on MODEL TOOL [ARGUMENT...]: the tool on such a processor, without QEMU's notes
# on what it cannot emulate.
on() {
  local model=$1 tool=$2 status=0
  shift 2
  qemu-x86_64 -cpu "$model" "$MAMBA_BUILD/bin/$tool" "$@" 2>said || status=$?
  grep -v '^qemu-x86_64: warning: ' said >&2 || true
  return $status
}
# lacking MODEL PATTERN ARGUMENT...: mamba-run says so.
lacking() {
  local model=$1 pattern=$2
  mamba-run() { on "$model" mamba-run "$@"; }
  shift 2
  fails 1 "$pattern" mamba-run logits "$@" --model "$folder" --input "$input" --output refused
  unset -f mamba-run
  absent refused
}

# With AVX2, and one whose AVX-512 is masked.
mamba-run logits "$all" --target cpu:x86-64-v3 --input "$input" --output here
for model in Haswell Skylake-Server; do
  on $model mamba-run logits "$all" --input "$input" --output $model
  test-tensors compare $model here --bits
done
test-tensors compare Haswell "$input" --tolerance 2e-4 --except layer0_output
on Haswell mamba-pack verify "$all" --quiet >shown
grep -Eq 'blobs are whole; cpu:x86-64-v3 passes [1-9][0-9]* self-tests; end to end 4 steps are right' shown
grep -q ': cpu:x86-64-v4-amx is not tested here: it needs .amx-bf16., which this processor lacks$' shown
grep -q ': cpu:x86-64-v4 is not tested here: it needs .avx512bw., which this processor lacks$' shown
lacking Haswell "no target for this machine's processor: 'cpu:x86-64-v4' needs 'avx512bw', which this processor lacks" "$wide"
lacking Haswell "'cpu:x86-64-v4' of .* does not run here: it needs 'avx512bw'" "$all" --target cpu:x86-64-v4

# One feature less.
for feature in fma f16c bmi2 avx2; do
  lacking Haswell,-$feature "needs '$feature', which this processor lacks" "$all" --target cpu:x86-64-v3
done

# Without AVX the tools run, the simulator of GPUs too.
lacking Nehalem "'cpu:x86-64-v3' needs 'avx', which this processor lacks; 'cpu:x86-64-v4-amx' needs '.*; 'cpu:x86-64-v4' needs 'avx'" "$all"
on Conroe mamba-pack inspect "$all" >shown
gpu=$(pack golden/mamba1-odd --target=cuda:sm_80 --no-cuda-source)
on Nehalem mamba-run logits "$gpu" --device=sim --input "$input" --output simulated
test-tensors compare simulated "$input" --tolerance 2e-4 --except layer0_output

# Were code of AVX2 run there, it would be noticed.
features=$(mamba-pack inspect "$all" --json | grep -o '"features":\[[^]]*\]' | sed -n 1p)
test-tensors edit-manifest "$all" liar.mpk "$features" '"features":["sse2"]'
status=0
on Nehalem mamba-run logits liar.mpk --input "$input" --output refused 2>/dev/null || status=$?
[ $status = 132 ] || die "AVX2 on a Nehalem ends with status $status, not with an illegal instruction"
