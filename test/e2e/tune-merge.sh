# RUN: bash %s %t
# mamba-tune merge: one database of several, and what it refuses.
. "$(dirname "$0")/Inputs/common.sh"

line() { # DIMS SCHEDULE FIGURE CHIP DATE
  echo "cpu:x86-64-v4 | scan selective_scan f32,f32->f32 prefill $1 | $2 |" \
    "$3 default 12us rows 512 threads 2 | $4 | mamba 0.1.0 llvm 22.1.8 $5"
}
measured='measured 10us spread 1%'
{
  echo '# a comment'
  line 64x16 chunk=1 "$measured" 'Chip A' 2026-11-20
  line 32x16 chunk=2 "$measured" 'Chip A' 2026-11-22
  line 16x16 chunk=3 'predicted 1us' 'Chip A' 2026-11-22
} >a.tune
{
  line 64x16 chunk=4 "$measured" 'Chip A' 2026-11-21
  line 32x16 chunk=5 "$measured" 'Chip B' 2026-11-01
  line 16x16 chunk=6 "$measured" 'Chip A' 2026-11-01
} >b.tune
: >empty.tune
{
  line 16x16 chunk=6 "$measured" 'Chip A' 2026-11-01
  line 32x16 chunk=2 "$measured" 'Chip A' 2026-11-22
  line 32x16 chunk=5 "$measured" 'Chip B' 2026-11-01
  line 64x16 chunk=4 "$measured" 'Chip A' 2026-11-21
} >wanted

# The order of the files does not count; a database of its own output is what it was.
mamba-tune merge a.tune b.tune empty.tune -o x.tune >stdout 2>stderr
[ ! -s stdout ] || die 'merge into a file writes to stdout'
grep -qx 'mamba-tune: 4 records of 6 are in x.tune' stderr || die "said: $(cat stderr)"
cmp x.tune wanted
mamba-tune merge b.tune empty.tune a.tune -o y.tune --quiet 2>stderr
[ ! -s stderr ] || die "said in spite of --quiet: $(cat stderr)"
cmp y.tune wanted
mamba-tune merge x.tune -o x.tune --quiet
cmp x.tune wanted

# Into one of the inputs, and through pipes.
cp a.tune into.tune
mamba-tune merge into.tune b.tune -o into.tune --quiet
cmp into.tune wanted
mamba-tune merge a.tune - -o - --quiet <b.tune >piped
cmp piped wanted
mamba-tune merge <(cat a.tune) <(cat b.tune) -o - 2>stderr | cmp - wanted
grep -qx 'mamba-tune: 4 records of 6 are in standard output' stderr

# A share that is not done is said, and merged.
echo '{}' >b.tune.journal
mamba-tune merge a.tune b.tune -o z.tune 2>stderr
grep -q "^mamba-tune: 'b.tune' is of a sweep that is not done: " stderr || die "said: $(cat stderr)"
cmp z.tune wanted
rm b.tune.journal

# The compiler reads it.
mamba-import "$data/golden/mamba1" -o model.mlir
mamba-opt model.mlir --mamba-pipeline=fused --db x.tune -o none

# What is wrong is said in a line, and the output is left as it was.
cp wanted out.tune
echo '# comment' >bad.tune
line 64x16 chunk=1 'guessed 10us' 'Chip A' 2026-11-20 >>bad.tune
fails 1 "bad.tune:2: a figure reads like 'measured .*', got 'guessed 10us" \
  mamba-tune merge a.tune bad.tune -o out.tune
cp bad.tune stdin
status=0
mamba-tune merge - -o out.tune <stdin 2>stderr || status=$?
[ $status = 1 ] && grep -q '^mamba-tune: standard input:2: a figure' stderr || die "status $status: $(cat stderr)"
fails 1 "cannot open 'no-such.tune'" mamba-tune merge a.tune no-such.tune -o out.tune
fails 1 "cannot (read|open) '.'" mamba-tune merge a.tune . -o out.tune
truncate -s 65M large.tune
fails 1 "cannot read 'large.tune': it holds more than 67108864 bytes" \
  mamba-tune merge large.tune -o out.tune
fails 1 "cannot read '/dev/zero': it holds more than 67108864 bytes" \
  mamba-tune merge /dev/zero -o out.tune
cmp out.tune wanted
fails 1 "cannot write 'no/such/x.tune'" mamba-tune merge a.tune -o no/such/x.tune
fails 1 "cannot write '/dev/full': No space left" mamba-tune merge a.tune -o /dev/full
status=0
mamba-tune merge a.tune -o - --quiet >/dev/full 2>stderr || status=$?
[ $status = 1 ] && grep -qx 'mamba-tune: cannot write to standard output: No space left on device' stderr ||
  die "a full disk: status $status, $(cat stderr)"
fails 2 'output is required.*mamba-tune merge --help' mamba-tune merge a.tune
fails 2 'databases is required' mamba-tune merge -o out.tune
fails 2 'standard input can be read once' mamba-tune merge - - -o out.tune
[ -z "$(find . -name '.mamba-*')" ] || die 'a temporary is left behind'

# A folder named merge is a model still.
fails 1 'merge' mamba-tune ./merge --list
mamba-tune --help | grep 'mamba-tune merge --help' >/dev/null
mamba-tune merge --help | grep 'newest, then the fastest' >/dev/null
