# RUN: bash %s %t
# A pack built with --batch-invariant has no variants by the number of sequences
# in its invariant programs: a row has the same bits alone and among many.
. "$(dirname "$0")/Inputs/common.sh"

mpk=$(pack golden/mamba1 --target=cuda:sm_80 --batch-invariant)
mamba-pack inspect "$mpk" --json > inspect.json
python3 - inspect.json <<'PY'
import json, sys
[target] = json.load(open(sys.argv[1]))["targets"]
programs = target["programs"]
invariant = [p for p in programs if p["invariant"]]
assert invariant and len(invariant) < len(programs)
assert not any(d["variants"] for p in invariant for d in p["dispatches"])
assert any(d["variants"] for p in programs if not p["invariant"] for d in p["dispatches"])
PY
