# RUN: bash %s %t
# Windows that overlap: what they share is context, and every token but the first
# counts once. Against float64 over what `logits` says of each window by itself.
. "$(dirname "$0")/Inputs/common.sh"

mpk=$(pack models/shakespeare)
head -c 260 "$data/models/shakespeare/sample.txt" >text
python3 "$MAMBA_SOURCE/test/e2e/Inputs/strided.py" ids text "$data/models/shakespeare/tokenizer.json"
for sizes in '16 5' '16 1' '17 16' '16 16' '40 39' '1000 7'; do
  read -r window stride <<<"$sizes"
  mamba-run perplexity "$mpk" --file text --window "$window" --stride "$stride" >"answer.$window.$stride"
  python3 "$MAMBA_SOURCE/test/e2e/Inputs/strided.py" windows "$window" "$stride"
  mamba-run logits "$mpk" --input windows --output logits
  python3 "$MAMBA_SOURCE/test/e2e/Inputs/strided.py" check "answer.$window.$stride" "$window" "$stride"
done

# Windows that share nothing are what --window alone makes; one window is the whole.
without() { python3 -c 'import json, sys
answer = json.load(open(sys.argv[1]))
print({key: answer[key] for key in answer if key not in ("window", "stride")})' "$1"; }
mamba-run perplexity "$mpk" --file text --window 16 >alone
grep -q '"window":16}$' alone
[ "$(without alone)" = "$(without answer.16.16)" ] || die "$(cat alone answer.16.16)"
mamba-run perplexity "$mpk" --file text >whole
! grep -Eq 'window|stride' whole || die "$(cat whole)"
[ "$(without whole)" = "$(without answer.1000.7)" ] || die "$(cat whole answer.1000.7)"

fails 2 'stride.*must be at most the window, 16, got 17' mamba-run perplexity "$mpk" --file text --window 16 --stride 17
fails 2 'stride' mamba-run perplexity "$mpk" --file text --window 16 --stride 0
fails 2 'stride.*window' mamba-run perplexity "$mpk" --file text --stride 4
