# ragged.sh SCRATCH CASE VOCABULARY [BUILD OPTION...]: what a sequence gives does not
# depend on its neighbours, their lengths or its place in the batch. With options
# for fewer bits not more than the rounding of rows explains.
. "$(dirname "$0")/common.sh"
case=$2 vocabulary=$3
shift 3
near='--tolerance 1e-5'
[ $# = 0 ] || near='--tolerance 4e-2'

# alone PACK FILE LENGTHS CHECK RUN_OPTION...: every row of a batch against the
# same row by itself. CHECK are the options of `compare`.
alone() {
  local mpk=$1 file=$2 lengths=$3 check=$4 row=0 length states
  shift 4
  test-tensors add "$file" batch.in lengths="$lengths"
  mamba-run logits "$mpk" --input batch.in --output batch.out "$@"
  states=(conv_state.0 ssm_state.0 conv_state.1 ssm_state.1)
  for length in ${lengths//,/ }; do
    test-tensors slice "$file" row.in input_ids:"$length" decode_ids --row $row
    mamba-run logits "$mpk" --input row.in --output row.out "$@"
    test-tensors slice batch.out wanted logits:"$length" decode_logits "${states[@]}" --row $row
    echo "row $row of lengths $lengths:"
    test-tensors compare row.out wanted logits decode_logits "${states[@]}" $check
    row=$((row + 1))
  done
}

test-tensors tokens five.in --rows 5 --columns 33 --decode 3 --vocab "$vocabulary" --seed 1
test-tensors tokens two.in --rows 2 --columns 90 --decode 3 --vocab "$vocabulary" --seed 2

mpk=$(pack "golden/$case" "$@")
alone "$mpk" five.in 33,0,1,17,7 "$near"
alone "$mpk" five.in 0,0,0,5,0 "$near"
alone "$mpk" five.in 1,1,1,1,1 "$near"
alone "$mpk" two.in 2,90 "$near" --chunk 16

# Invariant programs give the very bits, for any split of the tokens too.
mpk=$(pack "golden/$case" --batch-invariant "$@")
alone "$mpk" five.in 33,0,1,17,7 --bits --batch-invariant
alone "$mpk" five.in 1,1,0,1,1 --bits --batch-invariant
alone "$mpk" two.in 2,90 --bits --batch-invariant
for chunk in 1 7 16 64; do
  mamba-run logits "$mpk" --input two.in --output pieces.out --batch-invariant --chunk $chunk
  [ $chunk != 1 ] || cp pieces.out first.out
  test-tensors compare pieces.out first.out --bits
done
mamba-run logits "$mpk" --input two.in --output pieces.out --batch-invariant
test-tensors compare pieces.out first.out --bits
# They are right, not only equal.
if [ $# = 0 ]; then
  golden=$data/golden/$case/golden.safetensors
  mamba-run logits "$mpk" --input "$golden" --output golden.out --batch-invariant
  test-tensors compare golden.out "$golden" --tolerance 2e-4 --except layer0_output
fi

# A pack without them says so.
mpk=$(pack "golden/$case")
fails 1 'batch-invariant' mamba-run logits "$mpk" --input two.in --output none --batch-invariant
absent none
