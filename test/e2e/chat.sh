# RUN: bash %s %t
# A conversation by a pipe: stdout holds the answers and nothing else, the same for
# the same seed, and the state what was fed and shown.
. "$(dirname "$0")/Inputs/common.sh"

mpk=$(pack models/shakespeare)
chat() { mamba-run chat "$mpk" "$@"; }
sampling=(--temperature 0.8 --top-k 40 --seed 7 -n 40)

printf 'What is the matter?\n\nWho art thou?\nFarewell.' >lines
chat "${sampling[@]}" <lines >one 2>log
[ ! -s log ] || die "stderr has: $(cat log)"
[ "$(wc -l <one)" -ge 3 ] || die "three turns made: $(cat one)"
! grep -Eq '>|ROMEO:|JULIET:' one || die "more than answers: $(cat one)"
for options in '' '--threads 1' '--history h' --no-history --quiet; do
  chat "${sampling[@]}" $options <lines >again
  cmp one again
done
chat "${sampling[@]/7/8}" <lines >other
! cmp -s one other || die 'two seeds give the same text'
[ ! -e h ] || die 'lines that nobody typed are kept'

# Saved in one process and gone on with in another, it is as without the break.
printf 'What is the matter?\n/save state\n' | chat "${sampling[@]}" >first 2>log
grep -Eqx "mamba-run: saved [0-9]+ tokens to 'state'" log || die "$(cat log)"
printf '/load state\nWho art thou?\n/set n 40\nFarewell.\n' | chat -n 40 --quiet >rest
cat first rest | cmp - one
printf 'Who art thou?\nFarewell.\n' | chat --load-state state -n 40 >rest
cat first rest | cmp - one
printf 'What is the matter?\n' | chat "${sampling[@]}" --save-state left >/dev/null
cmp state left

# /reset and /seed begin again, a system text comes before.
printf 'Hello\n/reset\nWhat is the matter?\n' | chat "${sampling[@]}" --quiet >text
tail -n "$(wc -l <first)" text | cmp - first
printf 'What is the matter?\n/reset\n/set temperature 0.1\n/set temperature 0.8\n/seed 7\nWhat is the matter?\n' |
  chat "${sampling[@]}" --quiet >text
cat first first | cmp - text
printf '/stats\n/reset\n/stats\n' | chat --system 'ACT II. A garden.' 2>log
[ "$(grep -c 'the state holds [1-9][0-9]* tokens' log)" = 2 ] || die "$(cat log)"
printf 'What is the matter?\n' | chat "${sampling[@]}" --system $'KING:\nHa!' >text
! cmp -s text first || die 'the system text changes nothing'

# Greedy: the text of so many tokens, and how many tokens the state then holds.
chat_of() { # TOKENS [OPTION...]
  local count=$1
  shift
  printf 'Speak.\n/save state\n/stats\nMore.\n' | chat --greedy -n "$count" "$@" >text.all 2>log
  sed -n 's/.*the state holds \([0-9]*\) tokens.*/\1/p' log >position
}
never=(--stop '@@@@')
for n in 6 7 8 9 20; do
  chat_of $n "${never[@]}"
  cp text.all text.$n && cp position position.$n && cp state state.$n
done
python3 - <<'PYTHON'
whole = open("text.20").read()
texts = {n: open(f"text.{n}").read() for n in (6, 7, 8, 9)}
def common(a, b):
    i = 0
    while i < min(len(a), len(b)) and a[i] == b[i]:
        i += 1
    return i
# What n tokens say is what all runs with more begin with, without the newline.
ends = {}
for n in (6, 7, 8, 9):
    text = texts[n]
    ends[n] = max(i for i in range(len(text)) if text[i] == "\n" and whole.startswith(text[:i]))
assert ends[6] < ends[7] < ends[8] < ends[9], ends
border = whole[ends[6] : ends[8]]
across = whole[ends[7] - 1 : ends[8] + 1]
assert whole.find(border) == ends[6] and whole.find(across) == ends[7] - 1, (border, across)
escape = lambda s: s.replace("\\", "\\\\").replace("\n", "\\n")
open("border", "w").write(escape(border))
open("across", "w").write(escape(across))
open("shown.border", "w").write(whole[: ends[6]] + "\n")
open("shown.across", "w").write(whole[: ends[7] - 1] + "\n")
PYTHON

# A stop string that begins where a token does: the state is that of fewer tokens.
chat_of 20 --stop "$(cat border)" "${never[@]}"
head -c "$(wc -c <shown.border)" text.all | cmp - shown.border
cmp position position.6
grep -Eq 'read the answer as it was shown again, 6 tokens' log || die "$(cat log)"
test-tensors compare state state.6 --tolerance 1e-4
# One that begins and ends within tokens.
chat_of 20 "${never[@]}" --stop "$(cat across)"
head -c "$(wc -c <shown.across)" text.all | cmp - shown.across
# One that is begun only: what was held back is shown in the end.
chat_of 20 --stop "$(cat border)@"
cmp text.all text.20
cmp state state.20
# The limit is a whole answer: nothing is read twice.
! grep -q again log || die "$(cat log)"

# Noise breaks off within characters: what is shown is whole ones, and so is the state.
for _ in $(seq 100); do printf 'Speak.\n/stats\n'; done |
  chat --temperature 1000 --seed 5 -n 4 --ignore-eos "${never[@]}" >text 2>log
iconv -f utf-8 -t utf-8 text >/dev/null
grep -q 'chose 4 tokens .* read the answer as it was shown again, 3 tokens' log || die "$(cat log)"

# A GPU chooses a step ahead of who reads; the state is right all the same.
both=$(pack models/shakespeare --target=cpu:native,cuda:sm_80)
for device in cpu sim; do
  printf 'Speak.\nMore.\n/stats\n' | MAMBA_SIM_CHECKS=off mamba-run chat "$both" --device=$device \
    --greedy -n 20 --stop "$(cat border)" >$device 2>log
  sed 's/ in [0-9.]* s ([^)]*)//g' log >held.$device
done
cmp cpu sim
cmp held.cpu held.sim

# The name of a speaker ends an answer; so does what a template has after one.
printf 'Speak.\n' | chat --greedy -n 200 --template '{user}:\n{text}\n\n{character}:\n{answer}@' >text
! grep -q '^ROMEO:' text || die "$(cat text)"
printf 'Speak.\n' | chat --greedy -n 200 >text
! grep -q '^$' text || die "$(cat text)"
printf 'Speak.\n' | chat --greedy -n 20 --template '{user}:\n{text}\n\n{character}:\n' >again
printf 'Speak.\n' | chat --greedy -n 20 >text
cmp text again
printf '//Speak.\n/stats\n' | chat --greedy -n 20 --stop @@@@ 2>log >/dev/null
held=$(sed -n 's/.*the state holds \([0-9]*\) tokens.*/\1/p' log)
[ "$held" = $(($(cat position.20) + 1)) ] || die "a slash was lost: $(cat log)"

# What goes wrong is one line, the conversation goes on, a script ends with 1.
sed 's/"num_hidden_layers": 4/"num_hidden_layers": 2/' \
  "$data/models/shakespeare/config.json" >config.json
mamba-import config.json --random-weights=1 -o small
cp "$data/models/shakespeare/tokenizer.json" small
mamba-pack build small -o small.mpk --check=off --quiet
printf 'Hi\n/save foreign\n' | mamba-run chat small.mpk -n 2 --quiet >/dev/null
cp small.mpk kept.mpk
for file in "'./small.mpk' is what is read" "'small/config.json' is a file of the checkpoint"; do
  status=0
  sed "s,'\(.*\)'.*,/save \1," <<<"$file" | mamba-run chat small.mpk --quiet >text 2>log || status=$?
  [ $status = 1 ] && grep -q "^mamba-run: $file, name another file$" log || die "$file: status $status: $(cat log)"
done
cmp small.mpk kept.mpk
cmp small/config.json config.json || die 'the checkpoint was changed'
goes_wrong() { # PATTERN LINE
  local status=0
  printf 'What is the matter?\n%b\nWho art thou?\nFarewell.\n' "$2" | chat "${sampling[@]}" --quiet >text 2>log || status=$?
  [ $status = 1 ] || die "'$2' ends with $status: $(cat log)"
  [ "$(wc -l <log)" = 1 ] && grep -Eq "^mamba-run: .*($1)" log || die "'$2' says: $(cat log)"
  cmp text one
}
goes_wrong "no command '/nonsense', /help lists them" /nonsense
goes_wrong "no command '/'" '/ '
goes_wrong "'nowhere'" '/load nowhere'
goes_wrong "'foreign'.*model" '/load foreign'
goes_wrong "'nowhere/state'" '/save nowhere/state'
goes_wrong '/save needs a file' /save
goes_wrong '/seed: must be a whole number' '/seed x'
goes_wrong '/set temperature: must be a finite number of at least 0' '/set temperature -1'
goes_wrong "/set temperature: must be a finite number of at least 0 and at most 1e30, got '1e400'" '/set temperature 1e400'
goes_wrong '/set n: must be a whole number' '/set n'
goes_wrong "/set knows temperature, .* got 'colour'" '/set colour red'
goes_wrong "/stats takes nothing, got 'now'" '/stats now'
goes_wrong 'not UTF-8' 'a\xff'
absent nowhere
printf '/help\n/set\n/quit\nWho art thou?\n' | chat "${sampling[@]}" >text 2>log
[ ! -s text ] || die "after /quit: $(cat text)"
grep -q '^/save FILE' log && grep -q 'temperature 0.8, top-k 40, .* n 40, seed 7$' log || die "$(cat log)"

# A reader that goes away is no failure.
status=(0)
yes 'What is the matter?' | chat -n 20 | head -c 10 >/dev/null || status=("${PIPESTATUS[@]}")
[ "${status[1]:-0}" = 0 ] || die "a closed pipe ends it with ${status[1]}"

fails 2 'template.*must have \{text\} once' mamba-run chat "$mpk" --template 'Q: A:'
fails 2 'may have \{answer\} once, after \{text\}' mamba-run chat "$mpk" --template '{answer}{text}'
fails 2 'must stand before n, t or another' mamba-run chat "$mpk" --template '{text}\x'
fails 2 'stop.*must not be empty' mamba-run chat "$mpk" --stop ''
fails 2 'system.*must be UTF-8' mamba-run chat "$mpk" --system $'\xff'
fails 2 'must be a name on one line' mamba-run chat "$mpk" --user ''
fails 2 'system' mamba-run chat "$mpk" --system x --load-state state
fails 2 'history' mamba-run chat "$mpk" --history h --no-history
fails 2 "'0'" mamba-run chat "$mpk" -n 0
fails 1 "'nowhere/state'" mamba-run chat "$mpk" --save-state nowhere/state
fails 1 "'foreign'" mamba-run chat "$mpk" --load-state foreign
