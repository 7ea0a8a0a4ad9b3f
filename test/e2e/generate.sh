# RUN: bash %s %t
# Text depends on the seed and on nothing else; stdout holds only text.
. "$(dirname "$0")/Inputs/common.sh"

mpk=$(pack models/shakespeare)
generate() { mamba-run generate "$mpk" --prompt $'ROMEO:\n' --ignore-eos -n "${n:-60}" "$@"; }

generate --temperature 0.8 --seed 1 >one 2>log
grep -q 'tok/s' log
[ "$(wc -l <log)" = 1 ] || die "stderr is not one line: $(cat log)"
[ "$(wc -c <one)" -gt 60 ] || die "60 tokens made $(wc -c <one) bytes"
! grep -q 'tok/s' one || die 'the speed is on stdout'
iconv -f utf-8 -t utf-8 one >/dev/null

for options in '' '--threads 1' '--threads 5' --quiet; do
  generate --temperature 0.8 --seed 1 $options >again 2>log
  cmp one again
done
[ ! -s log ] || die "--quiet still says: $(cat log)"
generate --temperature 0.8 --seed 2 >two
! cmp -s one two || die 'two seeds give the same text'
generate --greedy --seed 1 >one
generate --greedy --seed 2 >two
cmp one two
generate --temperature 0 >two
cmp one two
generate --top-k 1 --seed 9 >two
cmp one two
generate --temperature 0.8 --seed 1 >one
generate --temperature 0.8 --seed 1 --top-k 100000 >two
cmp one two
generate --greedy >one

# A prompt from a file is a prompt; a reader that goes away is no failure.
printf 'ROMEO:\n' >prompt
mamba-run generate "$mpk" --prompt-file prompt -n 60 --ignore-eos --greedy >two
cmp one two
n=5000 generate --seed 3 | head -c 10 >/dev/null
