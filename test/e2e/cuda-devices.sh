# RUN: bash %s %t
# Device cuda keeps the contract of the others, on the fake driver: ragged
# batches, batch-invariant programs, a sequence that goes from GPU to GPU.
. "$(dirname "$0")/Inputs/common.sh"
export MAMBA_CUDA_DRIVER=$MAMBA_BUILD/test/fake-cuda/libfakecuda.so
export MAMBA_SIM_CHECKS=off FAKE_CUDA='checks=off chips=80,90' MAMBA_CACHE=$PWD/cache

# Empty sequences, decode steps, any pieces: the bits of device sim.
mpk=$(pack golden/mamba1 --target=cpu:native,cuda:sm_80)
test-tensors tokens in --rows 5 --columns 33 --decode 3 --vocab 200 --seed 1
for lengths in 33,0,1,17,7 0,0,0,5,0 1,1,1,1,1; do
  test-tensors add in batch.in lengths=$lengths
  mamba-run logits "$mpk" --device=sim --input batch.in --output sim
  for device in cuda:0 cuda:1; do
    mamba-run logits "$mpk" --device=$device --input batch.in --output gpu
    test-tensors compare gpu sim --bits
  done
  MAMBA_CUDA_GRAPHS=off mamba-run logits "$mpk" --device=cuda --input batch.in --output gpu
  test-tensors compare gpu sim --bits
done
golden=$data/golden/mamba1/golden.safetensors
fails 1 "'cuda' counts nothing, a profile needs device 'cpu' or 'sim'" \
  mamba-run logits "$mpk" --device=cuda --profile --input "$golden" --output none
for chunk in 1 7 64; do
  mamba-run logits "$mpk" --device=cuda --input "$golden" --output gpu --chunk $chunk
  test-tensors compare gpu "$golden" --tolerance 2e-4 --except layer0_output
done

# Invariant programs: the very bits, whatever the neighbours and the pieces.
mpk=$(pack golden/mamba1 --target=cuda:sm_80 --batch-invariant)
test-tensors add in batch.in lengths=33,0,1,17,7
mamba-run logits "$mpk" --device=cuda --input batch.in --output batch --batch-invariant
row=0
for length in 33 0 1 17 7; do
  test-tensors slice in row.in input_ids:$length decode_ids --row $row
  mamba-run logits "$mpk" --device=cuda --input row.in --output alone --batch-invariant --chunk 4
  test-tensors slice batch wanted logits:$length decode_logits --row $row
  test-tensors compare alone wanted logits decode_logits --bits
  row=$((row + 1))
done

# Here, there, and on the processor, token by token.
mpk=$(pack models/shakespeare --target=cpu:native,cuda:sm_80)
generate() { mamba-run generate "$mpk" --greedy --quiet "$@"; }
generate --prompt 'ROMEO:' -n 12 --device=cuda:0 >want
generate --prompt 'ROMEO:' -n 3 --device=cuda:0 --save-state state >pieces
for device in cuda:1 cpu cuda:0; do
  generate --load-state state -n 3 --device=$device --save-state state >>pieces
done
cmp pieces want
