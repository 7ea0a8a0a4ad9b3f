# RUN: bash %s %t
# REQUIRES: aarch64-sysroot
# The AArch64 class with products of bf16: taken where they are, within what rounding
# explains of f32 with matrices rounded beforehand, run here. Where matrices are bf16 it
# gives the same bits for one row, for many and for any threads, and it is not run where
# there are no such instructions.
. "$(dirname "$0")/Inputs/common.sh"
. "$(dirname "$0")/Inputs/aarch64.sh"
folder=$data/golden/mamba1-odd
test-tensors tokens tokens --rows 5 --columns 33 --decode 3 --vocab 97 --seed 1
test-tensors add tokens batch lengths=33,0,1,17,7
best=cpu:aarch64-bf16

for precisions in 'bf16 bf16' 'int8 bf16' 'int4 bf16' 'int8 int8'; do
  read -r weights activations <<<"$precisions"
  echo "weights $weights, rows $activations:"
  targets=$best logits=4e-2 states=6e-2
  case $precisions in
  bf16*) targets=cpu:aarch64-dotprod,$best ;;
  *int8) logits=8e-2 states=12e-2 ;;
  esac
  mpk=$(pack golden/mamba1-odd --target=$targets --weights=$weights --activations=$activations --batch-invariant)
  rounded=$scratch/rounded.$weights
  [ -d "$rounded" ] || python3 "$MAMBA_SOURCE/test/e2e/Inputs/quantise.py" "$folder" "$rounded" $weights
  mamba-pack build "$rounded" -o rounded.mpk --quiet
  mamba-run logits rounded.mpk --device=cpu --input batch --output wanted
  on max mamba-run logits "$mpk" --input batch --output whole
  test-tensors compare whole wanted logits decode_logits --tolerance $logits
  test-tensors compare whole wanted --tolerance $states --except logits --except decode_logits --except layer0_output
  on max mamba-run logits "$mpk" --input batch --output pieces --chunk 5 --threads 2
  case $precisions in
  int?\ bf16) # Few rows meet integers that are not rounded to bf16.
    test-tensors compare pieces whole logits decode_logits --tolerance $logits
    on max mamba-run logits "$mpk" --input batch --output pieces --threads 3
    test-tensors compare pieces whole --bits ;;
  *) test-tensors compare pieces whole --bits ;;
  esac
  # A batch-invariant program has the same bits whatever the format.
  on max mamba-run logits "$mpk" --input batch --output whole --batch-invariant
  on max mamba-run logits "$mpk" --input batch --output pieces --batch-invariant --chunk 5 --threads 2
  test-tensors compare pieces whole --bits
  on max mamba-pack verify "$mpk" --quiet >shown
  grep -q "^.*$best passes [1-9][0-9]* self-tests; end to end 4 steps are right" shown || die "shown: $(cat shown)"
done

# Neoverse N1 has no products of bf16: the next best is taken, and code with them is
# refused by name. Were it run all the same, it would be noticed.
mpk=$(pack golden/mamba1-odd --target=cpu:aarch64-dotprod,$best --weights=bf16 --activations=bf16 --batch-invariant)
for processor in max:$best neoverse-n1:cpu:aarch64-dotprod; do
  on ${processor%%:*} mamba-run bench "$mpk" --prompt-len 2 --gen-len 2 --repetitions 1 --json >taken.json
  grep -q "\"${processor#*:}\"" taken.json || die "on ${processor%%:*}: $(cat taken.json)"
done
mamba-run() { on neoverse-n1 mamba-run "$@"; }
fails 1 "'$best' of .* does not run here: it needs 'bf16', which this processor lacks" \
  mamba-run logits "$mpk" --target $best --input batch --output refused
unset -f mamba-run
features=$(mamba-pack inspect "$mpk" --json | grep -o '"features":\["bf16"[^]]*\]')
test-tensors edit-manifest "$mpk" liar.mpk "$features" '"features":["fp-armv8","neon"]'
status=0
on neoverse-n1 mamba-run logits liar.mpk --target $best --input batch --output refused 2>said || status=$?
[ $status = 132 ] || die "products of bf16 on a Neoverse N1 end with status $status, not with an illegal instruction: $(cat said)"
absent refused
