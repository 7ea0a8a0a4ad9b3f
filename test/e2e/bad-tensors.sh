# RUN: bash %s %t
# Inputs of logits and call: types, shapes, ids out of range.
. "$(dirname "$0")/Inputs/common.sh"

mpk=$(pack golden/mamba1)
logits() { fails 1 "$1" mamba-run logits "$mpk" --input "$2" --output refused; absent refused; }

test-tensors tokens good --rows 2 --columns 9 --decode 2 --vocab 200
mamba-run logits "$mpk" --input good --output fine
logits 'missing' missing
: >empty
logits 'empty' empty
logits 'input_ids' "$data/golden/selective_scan.safetensors"

# Ids go from 0 to 199; larger vocabularies have some beyond.
test-tensors tokens large --rows 2 --columns 9 --vocab 100000
logits 'input_ids.*199' large
test-tensors tokens decode --rows 2 --columns 1 --decode 40 --vocab 220 --seed 3
logits '_ids.*199' decode
test-tensors edit-header good shape '"shape":[2,9]' '"shape":[18]'
logits 'input_ids' shape
test-tensors edit-header good type '"I64"' '"F64"'
logits 'I64|F64' type
test-tensors add good wrong lengths=3
logits 'lengths' wrong
test-tensors add good wrong lengths=3,10
logits 'lengths.*10|10.*lengths' wrong
test-tensors add good wrong lengths=-1,3
logits 'lengths.*-1|-1.*lengths' wrong
# What lies past a length is not looked at.
test-tensors add large padded lengths=0,0
mamba-run logits "$mpk" --input padded --output fine

fails 1 'nowhere' mamba-run logits "$mpk" --input good --output nowhere/out
fails 1 'nonsense' mamba-run call "$mpk" --entry nonsense --input good --output refused

mamba-import --op=scan --sizes=E=16,N=16 -o scan.mlir
mamba-pack build scan.mlir -o scan.mpk
call() {
  fails 1 "$1" mamba-run call scan.mpk --entry "$2" --input "$3" --output refused "${@:4}"
  absent refused
}
scan=$data/golden/selective_scan.safetensors
call "'u'" scan "$scan"
call "'odd.(u|delta)'" scan "$scan" --prefix odd.
call "'u'" scan_gated good

# An own module's ids index its own table.
cat >own.mlir <<'MLIR'
func.func @own(%ids: tensor<?xi32> {ssm.name = "ids"}) -> (tensor<?x64xf32> {ssm.name = "y"}) {
  %w = ssm.weight "backbone.embeddings.weight" : tensor<200x64xf32>
  %y = ssm.embedding %w[%ids] : tensor<200x64xf32>, tensor<?xi32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
MLIR
mamba-pack build own.mlir -o own.mpk
mamba-pack inspect own.mpk | grep 'ids I32 \[T\] below 200' >/dev/null
ids() { # An I64 is two I32.
  test-tensors add good wide ids="$1"
  test-tensors edit-header wide own '"ids":{"dtype":"I64","shape":[2]' '"ids":{"dtype":"I32","shape":[1,4]'
}
call=(mamba-run call own.mpk --entry own --model "$data/golden/mamba1" --input own --output)
ids 3,199
"${call[@]}" fine
ids 3,200
fails 1 "row 2 of 'ids' is 200, must be from 0 to 199" "${call[@]}" refused
ids -1,0
fails 1 "row 0 of 'ids' is -1, must be from 0 to 199" "${call[@]}" refused
absent refused

test-tensors slice "$scan" short short.u short.delta:3 --row 0
call 'short.delta' scan short --prefix short.
fails 1 'no whole model' mamba-run generate scan.mpk --prompt x -n 1
fails 1 'no whole model' mamba-run logits scan.mpk --input good --output refused
