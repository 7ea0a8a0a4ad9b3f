# RUN: bash %s %t
# A model's generation_config.json goes into the pack and says how text is made
# where the command line does not; values that cannot be are refused.
. "$(dirname "$0")/Inputs/common.sh"

model=$data/models/shakespeare
mkdir m
cp "$model"/* m
chmod -R u+w m
rm -f m/generation_config.json
build() { mamba-pack build m -o "$1" --check=off --quiet; }
run() { mamba-run generate "$@" --prompt 'ROMEO:' -n 40 2>stderr; }
note="mamba-run: sampling as the model's generation_config.json says: "
export MAMBA_CACHE=$PWD/kernels # The packs have the same kernels.

build plain.mpk
run plain.mpk --greedy >greedy
run plain.mpk --seed 1 >plain
run plain.mpk --temperature 0.5 --top-k 7 --repetition-penalty 1.3 --seed 1 >chosen
! grep -q generation_config stderr || die 'a note without a file'
mamba-pack inspect plain.mpk | grep -q 'generation_config.json no'

echo '{"do_sample": true, "temperature": 0.5, "top_k": 7, "repetition_penalty": 1.3}' >m/generation_config.json
build said.mpk
mamba-pack inspect said.mpk | grep -q 'generation_config.json yes'
run said.mpk --seed 1 >out
cmp out chosen
grep -Fqx "${note}temperature 0.5, top_k 7, repetition_penalty 1.3" stderr
# So is a conversation, which is told of it too.
chat() { printf 'Art thou?\n' | mamba-run chat "$@" -n 20 --seed 1 2>stderr; }
chat said.mpk >out
grep -Fqx "${note}temperature 0.5, top_k 7, repetition_penalty 1.3" stderr
chat plain.mpk --temperature 0.5 --top-k 7 --repetition-penalty 1.3 | cmp - out
! grep -q generation_config stderr || die 'a note without a file'
chat said.mpk --quiet | cmp - out
[ ! -s stderr ] || die "--quiet is not: $(cat stderr)"
# The command line wins; with --quiet nobody tells.
run said.mpk --temperature 1 --top-k 0 --repetition-penalty 1 --seed 1 >out
cmp out plain
! grep -q generation_config stderr || die 'a note of what is not so'
run said.mpk --top-k 3 --seed 1 >out
grep -Fqx "${note}temperature 0.5, repetition_penalty 1.3" stderr
run said.mpk --seed 1 --quiet >out
cmp out chosen
[ ! -s stderr ] || die "--quiet is not: $(cat stderr)"
# So does a saved state.
run plain.mpk --seed 1 --save-state state >first
mamba-run generate plain.mpk --load-state state -n 20 --quiet >rest
mamba-run generate said.mpk --load-state state -n 20 2>stderr >out
cmp out rest
! grep -q generation_config stderr || die 'a note though the state says otherwise'

# What others write for every token, and for 7.
for every in 0 -1 null; do
  echo "{\"top_k\": $every}" >m/generation_config.json
  build every.mpk
  run every.mpk --seed 1 >out
  cmp out plain
  ! grep -q generation_config stderr || die "a note of top_k $every: $(cat stderr)"
done
echo '{"temperature": 0.5, "top_k": 7.0, "repetition_penalty": 1.3}' >m/generation_config.json
build every.mpk
run every.mpk --seed 1 >out
cmp out chosen

# Not to sample is greedy.
echo '{"do_sample": false, "temperature": 0.7}' >m/generation_config.json
build quiet.mpk
run quiet.mpk >out
cmp out greedy
grep -Fqx "${note}temperature 0 (greedy)" stderr
run quiet.mpk --temperature 1 --seed 1 >out
cmp out plain

# The end of a text: this file's, before config.json's. Of a pack and what is
# made of it.
newline=$(python3 -c '
import json
print(json.load(open("m/tokenizer.json"))["model"]["vocab"]["\u010a"])')
echo "{\"eos_token_id\": [$newline]}" >m/generation_config.json
build ends.mpk
mamba-pack strip ends.mpk --keep=cpu:native -o stripped.mpk
ended() { mamba-run generate "$1" --prompt $'ROMEO:\n' -n 40 --greedy --quiet "${@:2}"; }
ended plain.mpk >greedy
[ "$(wc -l <greedy)" -gt 1 ] || die "a text of one line shows nothing: $(cat greedy)"
for pack in ends.mpk stripped.mpk; do
  ended $pack --ignore-eos | cmp - greedy
  ended $pack >out
  printf %s "$(head -1 greedy)" | cmp - out
done
build_other() { mamba-pack build m -o other.mpk --target=cpu:x86-64-v3 --check=off --quiet; }
build_other
mamba-pack merge ends.mpk other.mpk -o both.mpk
mamba-pack inspect both.mpk | grep -q 'generation_config.json yes'
rm m/generation_config.json
build_other
fails 1 'their generation_config.json differ' mamba-pack merge ends.mpk other.mpk -o none.mpk

# refused TEXT PATTERN
refused() {
  echo "$1" >m/generation_config.json
  fails 1 "'[^']*/m/generation_config.json': $2" mamba-pack build m -o none.mpk --quiet
  absent none.mpk
}
refused '{"temperature": -1}' "'temperature' must be a finite number of at least 0 and at most 1e30, got -1"
refused '{"temperature": 1e39}' "'temperature' must be a finite number of at least 0 .*, got 1e[+]39"
refused '{"top_k": -5}' "'top_k' must be an integer from 0 to 4294967295, or -1 for every token, got -5"
refused '{"top_k": 49.5}' "'top_k' must be an integer .*, got 49.5"
refused '{"top_p": 1.5}' "'top_p' must be above 0 and at most 1, got 1.5"
refused '{"min_p": 2}' "'min_p' must be between 0 and 1, got 2"
refused '{"repetition_penalty": 0}' "'repetition_penalty' must be above 0 and at most 1e30, got 0"
refused '{"do_sample": "no"}' "'do_sample' must be true or false, got a string"
refused '{"eos_token_id": -1}' "'eos_token_id' must be an integer from 0 to 2147483647, got -1"
refused '{' 'line 2, column 1: '
refused '[]' 'must be an object, got an array'
