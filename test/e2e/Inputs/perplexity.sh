# perplexity.sh SCRATCH FILE "TABLE ROW" [OPTION...]: the likelihood of a text
# equals the float64 reference's, a row of the table in the model's README.
# The file is beside the model, here or in other people's data.
. "$(dirname "$0")/common.sh"
for folder in "$data" "$MAMBA_SHARED_DATA"; do
  text=$folder/models/shakespeare/$2
  [ ! -e "$text" ] || break
done
row=$3
shift 3

mpk=$(pack models/shakespeare)
mamba-run perplexity "$mpk" --file "$text" "$@" >answer
cat answer
[ "$(wc -l <answer)" = 1 ] || die 'not one line'
python3 - "$data/models/shakespeare/README.md" "$row" <<'PYTHON'
import json, sys

answer = json.load(open("answer"))
for line in open(sys.argv[1]):
    cells = [cell.strip() for cell in line.split("|")]
    if line.startswith("| " + sys.argv[2]):
        break
else:
    sys.exit(f"no row {sys.argv[2]!r} in the table")
predicted, nll, perplexity, bits = (float(cell) for cell in cells[3:7])
assert answer["tokens"] == predicted, (answer, predicted)
for name, wanted in ("nll_per_token", nll), ("bits_per_byte", bits):
    assert abs(answer[name] - wanted) <= 1e-3, (name, answer[name], wanted)
assert abs(answer["perplexity"] / perplexity - 1) <= 1e-3, (answer, perplexity)
PYTHON
