# RUN: bash %s %t
# The programs of tools/examples, against the shared library.
. "$(dirname "$0")/Inputs/common.sh"
model=$data/models/shakespeare
mpk=$(pack models/shakespeare --embed-weights --batch-invariant)

# The same text and the same figures as the tool's.
example-hello "$mpk" $'ROMEO:\n' 40 >said
mamba-run generate "$mpk" --prompt $'ROMEO:\n' -n 40 --temperature 0.8 --seed 7 --quiet >wanted
[ "$(cat said)" = "$(cat wanted)" ] || die "hello says: $(cat said)"
[ "$(wc -c <said)" -gt 60 ]
example-score "$mpk" "$model/sample.txt" | grep -x 'tokens 690, nll per token 2\.23865[67], perplexity 9\.3807[12].*'

# Characters of a game: a budget changes when they speak, not what they say.
lines() { grep '^frame' "$1" | sed 's/^frame *[0-9]* *//' | sort; }
example-game "$mpk" --save romeo >free 2>notes
lines free >said
[ "$(wc -l <said)" = 5 ] || die "$(cat free)"
grep -q '^(ROMEO leaves; all that it remembers are 119 KB)$' said
[ "$(grep -c '^ROMEO: .' said)" = 2 ]
grep -q '^JULIET: .' said
grep -q '^GLOUCESTER: .' said
test-tensors compare romeo romeo --bits # It is a safetensors file.
# A clock of half a millisecond a row: no frame is longer than its budget.
example-game "$mpk" --save romeo --row-ms 0.5 --budget 4 >slow 2>notes
lines slow | diff said -
grep -x 'slowest frame 4.000 ms, longest step 4.000 ms' notes
# Too small a budget is overshot by one row, and everybody gets a turn.
example-game "$mpk" --save romeo --row-ms 0.5 --budget 0.1 >slower 2>notes
lines slower | diff said -
grep -x 'slowest frame 0.500 ms, longest step 0.500 ms' notes
frames() { sed -n 's/ frames$//p' "$1"; }
[ "$(frames free)" -lt "$(frames slow)" ]
[ "$(frames slow)" -lt "$(frames slower)" ]
# By the real clock too, whatever it says.
example-game "$mpk" --save romeo --budget 2 >real 2>notes
lines real | diff said -
# Whoever is cut off says less.
example-game "$mpk" --save romeo --row-ms 0.5 --budget 4 --frames 3 >cut 2>notes
grep -x '3 frames' cut

# Failures are one line and a status.
refuses() { # STATUS TEXT COMMAND...
  local wanted=$1 text=$2 status=0
  shift 2
  "$@" >out 2>err || status=$?
  [ $status = "$wanted" ] || die "'$*' ends with $status: $(cat err)"
  [ ! -s out ] && [ "$(wc -l <err)" = 1 ] || die "$(cat out err)"
  grep -q "$text" err || die "$(cat err)"
}
refuses 1 "^hello: .*'nope.mpk'" example-hello nope.mpk
refuses 1 "^score: .*'nope.mpk'" example-score nope.mpk "$model/sample.txt"
refuses 1 "^score: cannot read 'nope'" example-score "$mpk" nope
refuses 1 "^game: .*'nope.mpk'" example-game nope.mpk
for example in hello score game; do
  refuses 2 "^usage: $example PACK" example-$example
done
refuses 2 '^usage: game PACK' example-game "$mpk" --nope 3
for option in --budget --frames --row-ms; do
  for value in x 3x '' -1 nan; do
    refuses 2 '^usage: game PACK' example-game "$mpk" $option "$value"
  done
done
