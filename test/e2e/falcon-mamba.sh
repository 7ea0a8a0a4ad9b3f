# RUN: bash %s %t
# Falcon-Mamba has the kernels of the Mamba-1 with the same tensors, one for one, with
# the norms in those that read the rows, in each class and in slices of time.
. "$(dirname "$0")/Inputs/common.sh"
case=golden/falcon-mamba

# The same checkpoint as if it were Mamba-1.
mkdir plain
ln -s "$data/$case/model.safetensors" plain/model.safetensors
python3 - "$data/$case/config.json" > plain/config.json <<'PY'
import json, sys
config = json.load(open(sys.argv[1]))
del config["architectures"], config["expand"]
print(json.dumps(config | {"model_type": "mamba"}))
PY

targets=cpu:x86-64-v3,cuda:sm_80
falcon=$(pack $case --target=$targets --no-cuda-source)
mamba-pack build plain -o plain.mpk --target=$targets --no-cuda-source --quiet
mamba-pack inspect "$falcon" | grep '^model falcon_mamba, 2 layers' >/dev/null
mamba-pack inspect "$falcon" --json > falcon.json
mamba-pack inspect plain.mpk --json > plain.json
python3 - falcon.json plain.json <<'PY'
import json, sys
def launches(file):
    return [
        (target["name"], program["entry"], program["class"], len(program["dispatches"]))
        for target in json.load(open(file))["targets"]
        for program in target["programs"]
    ]
falcon, plain = map(launches, sys.argv[1:])
assert falcon == plain and len(falcon) > 12, (falcon, plain)
PY
mamba-pack verify "$falcon" --device=cpu --quiet >/dev/null

# In slices of time, on the CPU and on the simulated GPU; class long of the latter
# needs 2,048 rows.
near() { test-tensors compare "$1" "$2" --tolerance 5e-5; }
sliced=$(pack golden/falcon-mamba-odd --scan-slices=4)
whole=$(pack golden/falcon-mamba-odd --target=cpu:native,cuda:sm_80 --no-cuda-source)
test-tensors tokens in --rows 1 --columns 2060 --decode 3 --vocab 97 --seed 7
mamba-run logits "$whole" --device=cpu --input in --output whole --quiet
mamba-run logits "$sliced" --device=cpu --input in --output sliced --quiet
near sliced whole
cmp -s sliced whole && die 'the same bits: class long was not taken'
mamba-pack inspect "$whole" | grep 'long .*T >= 2048' >/dev/null || die 'no class long'
MAMBA_SIM_CHECKS=off mamba-run logits "$whole" --device=sim --input in --output long --chunk 4096 --quiet
near long whole

# A schedule's key holds the norms.
mamba-tune "$data/$case" --list --target=cpu:x86-64-v3 > list
grep '^scan .*rms_norm.*linear.*selective_scan.* decode ' list >/dev/null || die "no norms in $(cat list)"
