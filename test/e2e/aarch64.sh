# RUN: bash %s %t
# REQUIRES: aarch64-sysroot
# One pack for x86-64 and AArch64: each machine takes its own code, the best that the
# processor can run, and both give the golden data and the same text.
. "$(dirname "$0")/Inputs/common.sh"
. "$(dirname "$0")/Inputs/aarch64.sh"
folder=$data/golden/mamba1-odd
input=$folder/golden.safetensors
targets=cpu:x86-64-v3,cpu:aarch64,cpu:aarch64-dotprod
all=$(pack golden/mamba1-odd --target=$targets)

# Cortex-A72 has no dot products, Neoverse N1 has.
for processor in cortex-a72:cpu:aarch64 neoverse-n1:cpu:aarch64-dotprod; do
  model=${processor%%:*} best=${processor#*:}
  on $model mamba-run bench "$all" --prompt-len 2 --gen-len 2 --repetitions 1 --json >best.json
  grep -q "\"$best\"" best.json || die "on $model: $(cat best.json)"
  on $model mamba-run logits "$all" --input "$input" --output $model
  test-tensors compare $model "$input" --tolerance 2e-4 --except layer0_output
done
for options in '--chunk 7 --threads 2' '--chunk 1' '--threads 5' '--target cpu:aarch64'; do
  on neoverse-n1 mamba-run logits "$all" --input "$input" --output other $options
  test-tensors compare other cortex-a72 --bits
done

# Each kernel's self-test, and the model's from end to end.
passes='passes [1-9][0-9]* self-tests; end to end 4 steps are right'
on neoverse-n1 mamba-pack verify "$all" --quiet >shown
grep -Eq "cpu:aarch64 $passes" shown || die "shown: $(cat shown)"
grep -Eq "cpu:aarch64-dotprod $passes" shown || die "shown: $(cat shown)"
grep -q "cpu:x86-64-v3 is not tested here: it is for 'x86_64', this is 'aarch64'$" shown || die "shown: $(cat shown)"
mamba-pack verify "$all" --quiet >shown
grep -q "cpu:aarch64 is not tested here: it is for 'aarch64', this is 'x86_64'$" shown || die "shown: $(cat shown)"

# Code for others is refused by name.
arm_only=$(pack golden/mamba1-odd --target=cpu:aarch64-dotprod)
fails 1 "no target for this machine's processor: 'cpu:aarch64-dotprod' is for 'aarch64', this is 'x86_64'" \
  mamba-run logits "$arm_only" --input "$input" --output refused
fails 1 "'cpu:aarch64' of .* does not run here: it is for 'aarch64', this is 'x86_64'" \
  mamba-run logits "$all" --target cpu:aarch64 --input "$input" --output refused
x86_only=$(pack golden/mamba1-odd --target=cpu:x86-64-v3)
mamba-run() { on cortex-a72 mamba-run "$@"; }
fails 1 "no target for this machine's processor: 'cpu:x86-64-v3' is for 'x86_64', this is 'aarch64'" \
  mamba-run logits "$x86_only" --input "$input" --output refused
fails 1 "'cpu:aarch64-dotprod' needs 'dotprod', which this processor lacks" \
  mamba-run logits "$arm_only" --input "$input" --output refused
unset -f mamba-run
absent refused

# Text, and a state that goes from one to the other.
text=$(pack models/shakespeare --target=$targets)
generate() { mamba-run generate "$text" --greedy --ignore-eos --quiet "$@"; }
generate --prompt $'ROMEO:\n' -n 40 >whole
generate --prompt $'ROMEO:\n' -n 8 --save-state state >pieces
mamba-run() { on neoverse-n1 mamba-run "$@"; }
generate --prompt $'ROMEO:\n' -n 40 | cmp - whole
generate --load-state state -n 16 --save-state state >>pieces
unset -f mamba-run
generate --load-state state -n 16 >>pieces
cmp pieces whole
