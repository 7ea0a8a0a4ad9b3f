# ragged-sim.sh SCRATCH CASE VOCABULARY: on the simulated GPU too, what a
# sequence gives does not depend on its neighbours, and it is what the CPU gives.
. "$(dirname "$0")/common.sh"
case=$2 vocabulary=$3

mpk=$(pack "golden/$case" --target=cpu:native,cuda:sm_80)
test-tensors tokens in --rows 5 --columns 33 --decode 3 --vocab "$vocabulary" --seed 1
for lengths in 33,0,1,17,7 0,0,0,5,0 1,1,1,1,1; do
  test-tensors add in batch.in lengths=$lengths
  for device in cpu sim; do
    mamba-run logits "$mpk" --device=$device --input batch.in --output batch.$device
  done
  echo "lengths $lengths, against the CPU:"
  test-tensors compare batch.sim batch.cpu --tolerance 1e-4
done

# Rows by themselves, of the last batch with lengths that differ.
test-tensors add in batch.in lengths=33,0,1,17,7
mamba-run logits "$mpk" --device=sim --input batch.in --output batch.sim
states=(conv_state.0 ssm_state.0 conv_state.1 ssm_state.1)
row=0
for length in 33 0 1 17 7; do
  test-tensors slice in row.in input_ids:$length decode_ids --row $row
  mamba-run logits "$mpk" --device=sim --input row.in --output row.out
  test-tensors slice batch.sim wanted logits:$length decode_logits "${states[@]}" --row $row
  echo "row $row:"
  test-tensors compare row.out wanted logits decode_logits "${states[@]}" --tolerance 1e-5
  row=$((row + 1))
done
