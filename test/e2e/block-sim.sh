# RUN: bash %s %t
# One block alone on the simulated GPU: the residual stream after layer 0, and
# its states, which go in as they come out.
. "$(dirname "$0")/Inputs/common.sh"

for case in mamba1 mamba1-odd; do
  folder=$data/golden/$case
  mamba-import "$folder" --level=block:0 -o $case.mlir
  mamba-pack build $case.mlir -o $case.mpk --target=cuda:sm_80
  test-tensors embed "$folder/golden.safetensors" $case.in \
    --model "$folder/model.safetensors" --weight backbone.embeddings.weight
  mamba-run call $case.mpk --device=sim --entry block --input $case.in --output $case.out
  test-tensors compare $case.out "$folder/golden.safetensors" --tolerance 2e-4 \
    y=layer0_output conv_state=conv_state.0 ssm_state=ssm_state.0
done

# A row by itself gives what it gave in the batch.
test-tensors slice mamba1.in row.in x --row 1
mamba-run call mamba1.mpk --device=sim --entry block --input row.in --output row.out
test-tensors slice mamba1.out batch.row y conv_state ssm_state --row 1
test-tensors compare row.out batch.row --tolerance 1e-5
