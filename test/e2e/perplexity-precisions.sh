# RUN: bash %s %t
# What each precision costs in perplexity, by the bundled model on the text that
# it was tested with, or, where that is absent, on the text that it once wrote.
. "$(dirname "$0")/Inputs/common.sh"
text=$MAMBA_SHARED_DATA/models/shakespeare/val.txt
[ -e "$text" ] || text=$data/models/shakespeare/sample.txt

# perplexity WEIGHTS ACTIVATIONS [TARGET]: of the pack of these precisions.
perplexity() {
  local mpk
  mpk=$(pack models/shakespeare --weights=$1 --activations=$2 --target=cpu:${3:-native})
  mamba-run perplexity "$mpk" --device=cpu --file "$text" |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["perplexity"])'
}

exact=$(perplexity f32 f32)
echo "f32: perplexity $exact"
# loss WEIGHTS ACTIVATIONS PERCENT [TARGET]: is at most that.
loss() {
  local found
  found=$(perplexity $1 $2 ${4:-native})
  python3 - "$1" "$2" "$exact" "$found" "$3" <<'PYTHON'
import sys

weights, activations, exact, found, most = sys.argv[1:3] + [float(x) for x in sys.argv[3:]]
percent = 100 * (found / exact - 1)
print(f"weights {weights}, activations {activations}: perplexity {found:.6f}, loss {percent:.4f} %")
sys.exit(f"more than {most} %" if abs(percent) > most else 0)
PYTHON
}
loss f16 f32 0.05
loss f16 f16 0.05
loss bf16 f32 0.1
loss bf16 bf16 0.1
loss int8 f32 0.5
loss int8 bf16 0.5
loss int4 f32 5
loss int4 bf16 5
# Without tiles all projections read rows of int8.
loss int8 int8 0.5 x86-64-v3
loss int4 int8 5 x86-64-v3
