# golden.sh SCRATCH CASE [BUILD OPTION...]: the logits and states of a golden
# case, for prompts fed whole and in pieces, with any number of threads.
. "$(dirname "$0")/common.sh"
case=$2
shift 2

mpk=$(pack "golden/$case" "$@")
golden=$data/golden/$case/golden.safetensors
for chunk in 1 7 whole; do
  pieces=(--chunk "$chunk")
  [ $chunk != whole ] || pieces=()
  for threads in 1 2 5; do
    mamba-run logits "$mpk" --input "$golden" --output "$chunk.$threads" \
      --threads $threads ${pieces[@]+"${pieces[@]}"}
    test-tensors compare "$chunk.$threads" "$chunk.1" --bits
  done
  echo "chunk $chunk, against the golden data:"
  test-tensors compare "$chunk.1" "$golden" --tolerance 2e-4 --except layer0_output
done
