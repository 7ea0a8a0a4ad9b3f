# RUN: bash %s %t
# A sweep that is stopped, or whose processes are, keeps what was found and leaves
# nothing else behind; --resume goes on from there.
. "$(dirname "$0")/Inputs/common.sh"

model=$data/models/shakespeare
choices "$model" ' decode ' >keys
count=$(wc -l <keys)
[ "$count" -ge 3 ] || die "too few kernels: $(cat keys)"
export TMPDIR=$PWD/tmp
mkdir tmp
wait_until() { # COMMAND...
  for _ in $(seq 1200); do
    ! "$@" || return 0
    sleep 0.05
  done
  die "never: $*"
}
# Processes that a sweep has left.
left() { env -u TMPDIR grep -lsz "^TMPDIR=$TMPDIR\$" /proc/[0-9]*/environ || true; }
is_clean() { [ -z "$(left)" ]; }
clean() {
  wait_until is_clean
  [ -z "$(ls tmp)" ] || die "left behind: $(ls tmp)"
  [ -z "$(find . -name '.mamba-*')" ] || die 'a file is half written'
}
begin() { # OPTION...: a sweep in a group of its own, as on a terminal
  setsid env --default-signal=INT,TERM mamba-tune "$model" "$@" >report 2>log &
  sweep=$!
}
ended() { # STATUS: of that sweep
  local status=0
  wait $sweep || status=$?
  [ $status = "$1" ] || die "it ends with $status, not $1: $(cat report log)"
}

# Ctrl-C, which all processes of the group get, after the first kernel.
for signal in INT:130 TERM:143; do
  db=${signal%:*}.tune
  begin --kernels ' decode ' --db $db
  wait_until test -s $db
  [ $signal = TERM:143 ] && kill -TERM $sweep || kill -INT -- -$sweep
  ended ${signal#*:}
  clean
  grep -qx "stopped: what was found is in $db, --resume goes on" report
  found=$(wc -l <$db)
  [ $found -ge 1 ] && [ $found -lt $count ] || die "found $found"
  [ $(wc -l <$db.journal) = $((found + 1)) ] || die "the journal differs: $(cat $db.journal)"
  sed '/^geometric/,$d' report >before
  cp $db first

  # Other options are another sweep.
  fails 1 'is of a sweep with other options: .*; without --resume it is begun anew' \
    mamba-tune "$model" --kernels ' decode ' --db $db --resume --shard 1/2

  mamba-tune "$model" --kernels ' decode ' --db $db --resume >report 2>log
  [ "$(wc -l <$db)" = $count ] || die "found: $(cat $db)"
  [ ! -e $db.journal ] || die 'a journal is left'
  # What was found is in the report and the database as it was, and was not done again.
  head -n "$(wc -l <before)" report | cmp - before
  grep -q '^geometric mean of default by best over ' report
  [ "$(comm -23 first $db)" = '' ] || die 'a record has changed'
  [ "$(grep -c ': default ' log)" = $((count - found)) ] || die "done again: $(cat log)"
  clean
done

# A budget that ends in the middle of a kernel is no failure.
begin --db budget.tune --budget 2s
ended 0
clean
grep -qx 'stopped: what was found is in budget.tune, --resume goes on' report

# A process that times crashes: its candidate is out, and the sweep goes on.
begin --kernels ' decode ' --db crash.tune
timer() {
  local file
  for file in $(env -u TMPDIR grep -lsz '^@time$' /proc/[0-9]*/cmdline); do
    timer=${file//[^0-9]/}
    ! env -u TMPDIR grep -qsz "^TMPDIR=$TMPDIR\$" "/proc/$timer/environ" || return 0
  done
  return 1
}
wait_until timer
kill -SEGV $timer
ended 0
clean
# If it was the default's turn, or nobody's yet, it is a failure of the kernel.
grep -Eq '(crashes when it is timed|did not start): signal 11' report ||
  die "not recorded: $(cat report)"
[ "$(grep -c ' f32.*->f32.* decode ' report)" = $count ] || die "the sweep did not go on: $(cat report)"
[ ! -e crash.tune.journal ]

# A sweep that is killed takes with it a process that hangs.
begin --kernels ' decode ' --db kill.tune
wait_until timer
# It has said so to the system before it ignores SIGHUP and SIGINT.
ignores() { grep -q '^SigIgn:.*[37bf]$' "/proc/$timer/status"; }
wait_until ignores
kill -STOP $timer
kill -9 $sweep
wait_until is_clean
