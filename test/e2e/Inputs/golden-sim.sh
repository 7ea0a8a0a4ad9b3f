# golden-sim.sh SCRATCH CASE CHIP: the logits and states of a golden case, from
# the PTX in a pack on the simulated GPU, for prompts fed whole and in pieces.
. "$(dirname "$0")/common.sh"
case=$2 chip=$3

mpk=$(pack "golden/$case" --target=cuda:$chip)
golden=$data/golden/$case/golden.safetensors
for chunk in 1 7 whole; do
  pieces=(--chunk "$chunk")
  [ $chunk != whole ] || pieces=()
  mamba-run logits "$mpk" --device=sim --input "$golden" --output $chunk \
    ${pieces[@]+"${pieces[@]}"}
  echo "chunk $chunk, against the golden data:"
  test-tensors compare $chunk "$golden" --tolerance 2e-4 --except layer0_output
done
# The same bits for any number of threads.
mamba-run logits "$mpk" --device=sim --input "$golden" --output three --threads 3
test-tensors compare three whole --bits
