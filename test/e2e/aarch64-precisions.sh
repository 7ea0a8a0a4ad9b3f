# RUN: bash %s %t
# REQUIRES: aarch64-sysroot
# AArch64 with weights and rows in fewer bits, against f32 with a checkpoint whose
# matrices were rounded beforehand, run here. With and without dot products a model of
# integers gives the same bits, and code with them is not run where they are not.
. "$(dirname "$0")/Inputs/common.sh"
. "$(dirname "$0")/Inputs/aarch64.sh"
folder=$data/golden/mamba1-odd
input=$folder/golden.safetensors
test-tensors tokens tokens --rows 5 --columns 33 --decode 3 --vocab 97 --seed 1
test-tensors add tokens batch lengths=33,0,1,17,7

# near GOT WANTED ACTIVATIONS: within what the rounding of rows explains.
near() {
  local logits=4e-2 states=6e-2
  case $3 in
  f32) logits=2e-4 states=2e-4 ;;
  f16) logits=4e-3 states=6e-3 ;;
  int8) logits=8e-2 states=12e-2 ;;
  esac
  test-tensors compare "$1" "$2" logits decode_logits --tolerance $logits
  test-tensors compare "$1" "$2" --tolerance $states --except logits --except decode_logits --except layer0_output
}

for precisions in 'bf16 bf16' 'f16 f16' 'int8 f32' 'int4 bf16' 'int8 int8' 'int4 int8'; do
  read -r weights activations <<<"$precisions"
  echo "weights $weights, rows $activations:"
  mpk=$(pack golden/mamba1-odd --target=cpu:aarch64,cpu:aarch64-dotprod --weights=$weights --activations=$activations)
  rounded=$folder
  if [ $weights != f32 ]; then
    rounded=rounded.$weights
    [ -d $rounded ] || python3 "$MAMBA_SOURCE/test/e2e/Inputs/quantise.py" "$folder" $rounded $weights
  fi
  mamba-pack build "$rounded" -o rounded.mpk --quiet
  for file in "$input" batch; do
    mamba-run logits rounded.mpk --device=cpu --input "$file" --output wanted
    on cortex-a72 mamba-run logits "$mpk" --input "$file" --output plain
    near plain wanted $activations
    on neoverse-n1 mamba-run logits "$mpk" --input "$file" --output dots --chunk 7 --threads 2
    test-tensors compare dots plain --bits
  done
  on neoverse-n1 mamba-pack verify "$mpk" --quiet >shown
  [ "$(grep -c 'passes [1-9][0-9]* self-tests; end to end 4 steps are right' shown)" = 2 ] || die "shown: $(cat shown)"
done

# What a scan with rows and states that fill no vector gives.
golden=$data/golden/selective_scan.safetensors
mamba-import --op=scan --sizes=E=19,N=5 -o scan.mlir
mamba-pack build scan.mlir -o scan.mpk --target=cpu:aarch64 --quiet
on cortex-a72 mamba-run call scan.mpk --entry scan_gated --input "$golden" --prefix odd. --output scanned
test-tensors compare scanned "$golden" y=y_gated h_last --expected-prefix odd. --tolerance 2e-4

# Were dot products run where they are not, it would be noticed.
features=$(mamba-pack inspect "$mpk" --json | grep -o '"features":\["dotprod"[^]]*\]')
test-tensors edit-manifest "$mpk" liar.mpk "$features" '"features":["fp-armv8","neon"]'
status=0
on cortex-a72 mamba-run logits liar.mpk --target cpu:aarch64-dotprod --input "$input" --output refused 2>said || status=$?
[ $status = 132 ] || die "dot products on a Cortex-A72 end with status $status, not with an illegal instruction: $(cat said)"
absent refused
