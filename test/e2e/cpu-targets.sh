# RUN: bash %s %t
# REQUIRES: x86-64-v4
# One pack with code for several processors: the best is taken, any other by
# name, and each holds the golden cases. verify tests all that run here.
. "$(dirname "$0")/Inputs/common.sh"
folder=$data/golden/mamba1-odd
mpk=$(pack golden/mamba1-odd --target=cpu:x86-64-v3,cpu:x86-64-v4-amx,cpu:x86-64-v4)
best=cpu:x86-64-v4
runnable=2
if mamba-run logits "$mpk" --target cpu:x86-64-v4-amx --input "$folder/golden.safetensors" --output amx 2>why; then
  best=cpu:x86-64-v4-amx
  runnable=3
else
  grep -q "'cpu:x86-64-v4-amx' of .* does not run here: it needs" why
fi
input=$folder/golden.safetensors

logits() { # TARGET|best FILE
  local target=(--target "$1")
  [ "$1" != best ] || target=()
  mamba-run logits "$mpk" --model "$folder" --input "$input" --output "$2" ${target[@]+"${target[@]}"}
}
for target in cpu:x86-64-v3 cpu:x86-64-v4 $best best; do
  logits $target "$target.out"
  test-tensors compare "$target.out" "$input" --tolerance 2e-4 --except layer0_output
done
mamba-run bench "$mpk" --prompt-len 2 --gen-len 2 --json >best.json
grep -q "\"$best\"" best.json
mamba-run bench "$mpk" --target cpu:x86-64-v3 --prompt-len 2 --gen-len 2 --json >named.json
grep -q '"cpu:x86-64-v3"' named.json
# Kernels of prefill and of decode apart: in the JSON, else as tables on stderr.
bench=(mamba-run bench "$mpk" --prompt-len 20 --gen-len 3 --repetitions 2 --threads 2 --profile)
"${bench[@]}" --json >profile.json 2>stderr
[ ! -s stderr ] || die "stderr: $(cat stderr)"
python3 - <<'PYTHON'
import json
profile = json.load(open("profile.json"))["profile"]
steps = {program["class"]: program["steps"] for program in profile["programs"]}
assert profile["threads"] == 2 and steps == {"prefill": 2, "decode": 6}, profile
for program in profile["programs"]:
    assert any(k["name"].startswith("scan_") and k["bytes"] > 0 for k in program["kernels"]), program
PYTHON
"${bench[@]}" >stdout 2>stderr
grep -q '^decode' stdout
grep -q '^entry next, class decode: 6 steps of 1.0 tokens on 2 threads' stderr
grep -q '^linear_' stderr
fails 1 "is for device 'sim'" mamba-run bench "$mpk" --profile --chip sm_80

passes='passes [1-9][0-9]* self-tests; end to end 4 steps are right'
mamba-pack verify "$mpk" --quiet >shown
[ "$(wc -l <shown)" = 3 ] || die "shown: $(cat shown)"
[ "$(grep -Ec "$passes" shown)" = $runnable ] || die "shown: $(cat shown)"
[ $runnable = 3 ] || grep -q ': cpu:x86-64-v4-amx is not tested here: it needs' shown
grep -Eq "blobs are whole; cpu:x86-64-v3 $passes" shown
grep -Eq ".mpk: cpu:x86-64-v4 $passes" shown
mamba-pack verify "$mpk" --quiet --target cpu:x86-64-v3 >shown
[ "$(wc -l <shown)" = 1 ] || die "shown: $(cat shown)"
grep -Eq "blobs are whole; cpu:x86-64-v3 $passes" shown

# What is wrong is found in the target that is not the best, too.
test-tensors edit-manifest "$mpk" plan.mpk '["state",0]' '["state",2]'
fails 1 "'cpu:x86-64-v3': step 2, sequence 0: the logits" mamba-pack verify plan.mpk --quiet
mamba-pack verify plan.mpk --quiet --target cpu:x86-64-v4 >shown

# Names that are not there, and code for other processors.
has="it has 'cpu:x86-64-v3', 'cpu:x86-64-v4-amx', 'cpu:x86-64-v4'"
refused() { fails "$@" --model "$folder" --input "$input" --output refused; }
refused 1 "no target 'cpu:x86-64-v5' in pack .*; $has" mamba-run logits "$mpk" --target cpu:x86-64-v5
refused 2 'must not be empty' mamba-run logits "$mpk" --target ''
fails 1 "no target 'native' in pack .*; $has" mamba-pack verify "$mpk" --quiet --target native
fails 2 'must not be empty' mamba-pack verify "$mpk" --target ''
v3=$(mamba-pack inspect "$mpk" --json | grep -o '"features":\[[^]]*\]' | sed -n 1p)
test-tensors edit-manifest "$mpk" foreign.mpk "$v3" "${v3%]},\"tbm\"]"
lacks="it needs 'tbm', which this processor lacks"
refused 1 "target 'cpu:x86-64-v3' of 'foreign.mpk' does not run here: $lacks" \
  mamba-run logits foreign.mpk --target cpu:x86-64-v3
absent refused
mamba-pack verify foreign.mpk --quiet >shown
grep -Eq "cpu:x86-64-v4 $passes" shown
grep -q "^foreign.mpk: cpu:x86-64-v3 is not tested here: $lacks$" shown
refused 1 "target 'cpu:x86-64-v3' of .* is for device 'cpu', device 'sim' runs cuda targets" \
  mamba-run logits "$mpk" --device=sim --target cpu:x86-64-v3
