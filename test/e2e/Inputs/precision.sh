# precision.sh SCRATCH CASE WEIGHTS ACTIVATIONS TARGET: a golden case with weights
# and rows in fewer bits, on the CPU or from PTX on the simulated GPU. It must give
# what the CPU gives in f32 with a checkpoint whose matrices were rounded
# beforehand, by other code; where no small integers are involved, the golden
# data too.
. "$(dirname "$0")/common.sh"
case=$2 weights=$3 activations=$4 target=$5
device=cpu
[[ $target = cpu:* ]] || device=sim

golden=$data/golden/$case
input=$golden/golden.safetensors
mpk=$(pack "golden/$case" --target=$target --weights=$weights --activations=$activations --no-cuda-source)
mamba-pack inspect "$mpk" | grep "^precisions: weights $weights, activations $activations\$" >/dev/null
rounded=$golden
if [ $weights != f32 ]; then
  rounded=rounded
  python3 "$(dirname "$0")/quantise.py" "$golden" rounded $weights
fi
mamba-pack build $rounded -o rounded.mpk --quiet

# compare GOT WANTED: within what the rounding of rows explains.
compare() {
  local logits=4e-2 states=6e-2
  [ $activations != int8 ] || { logits=8e-2 states=12e-2; }
  [ $activations != f16 ] || { logits=4e-3 states=6e-3; }
  [ $activations != f32 ] || { logits=2e-4 states=2e-4; }
  test-tensors compare $1 $2 logits decode_logits --tolerance $logits
  test-tensors compare $1 $2 --tolerance $states --except logits --except decode_logits --except layer0_output
}

mamba-run logits rounded.mpk --device=cpu --input "$input" --output wanted
for chunk in 1 7 whole; do
  pieces=(--chunk "$chunk")
  [ $chunk != whole ] || pieces=()
  mamba-run logits "$mpk" --device=$device --input "$input" --output $chunk ${pieces[@]+"${pieces[@]}"}
  echo "chunk $chunk, against f32:"
  compare $chunk wanted
  # But by tiles, a CPU multiplies in one order, however the prompt is cut.
  case $activations.$target in
  f32.cpu:* | *.cpu:x86-64-v3 | *.cpu:x86-64-v4 | *.cpu:x86-64-v4-vnni) test-tensors compare $chunk 1 --bits ;;
  esac
done
case $weights in
int*) ;;
*)
  echo 'against the golden data:'
  test-tensors compare whole "$input" logits decode_logits --tolerance 4e-2
  test-tensors compare whole "$input" --tolerance 6e-2 --except logits --except decode_logits --except layer0_output
  ;;
esac

# Ragged: what a sequence gives does not depend on its neighbours.
test-tensors tokens in --rows 5 --columns 33 --decode 3 --vocab 97 --seed 1
test-tensors add in batch.in lengths=33,0,1,17,7
mamba-run logits rounded.mpk --device=cpu --input batch.in --output wanted
mamba-run logits "$mpk" --device=$device --input batch.in --output batch
echo 'ragged, against f32:'
compare batch wanted
mamba-run logits "$mpk" --device=$device --input batch.in --output three --threads 3
test-tensors compare three batch --bits
