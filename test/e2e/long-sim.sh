# RUN: bash %s %t
# One long sequence is scanned in slices (class long) on the simulated GPU: what a
# CPU and the same GPU in pieces find, with a state that goes on into decode.
. "$(dirname "$0")/Inputs/common.sh"

mpk=$(pack golden/mamba1-odd --target=cuda:sm_80,cpu:native)
mamba-pack inspect "$mpk" | grep 'long .*T >= 2048, S <= ' >/dev/null || die 'no class long'
test-tensors tokens in.safetensors --rows 1 --columns 2301 --decode 3 --vocab 97 --seed 7
run() { mamba-run logits "$mpk" --input in.safetensors --output "$1" --quiet "${@:2}"; }
run cpu.safetensors --device=cpu
run long.safetensors --device=sim --chunk 4096
MAMBA_SIM_CHECKS=off run pieces.safetensors --device=sim --chunk 300
test-tensors compare long.safetensors cpu.safetensors --tolerance 2e-5
test-tensors compare pieces.safetensors cpu.safetensors --tolerance 2e-5
cmp -s long.safetensors pieces.safetensors && die 'the same bits: class long was not taken'
exit 0
