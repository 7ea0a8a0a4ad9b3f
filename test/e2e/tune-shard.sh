# RUN: bash %s %t
# Shares of a sweep: each kernel is in one of them, and one machine does one sweep at a
# time.
. "$(dirname "$0")/Inputs/common.sh"

model=$data/models/shakespeare
choices "$model" ' decode ' >keys
count=$(wc -l <keys)
[ "$count" -ge 3 ] || die "too few kernels: $(cat keys)"
target=$(mamba-tune "$model" --kernels none --shard 1/2 --quiet; ls *.tune)
[[ $target =~ ^(there is nothing to tune in shard 1/2).(cpu-.*)-1-of-2\.tune$ ]] || die "named: $target"
level=${BASH_REMATCH[2]}
[ ! -s "$level-1-of-2.tune" ] || die 'a share of nothing has records'
rm "$level-1-of-2.tune"

# One share more than kernels: the last is empty, and says so.
n=$((count + 1))
for i in $(seq $n); do
  mamba-tune "$model" --kernels ' decode ' --shard $i/$n --quiet >report.$i
done
grep -qx "there is nothing to tune in shard $n/$n" report.$n
[ -e "$level-$n-of-$n.tune" ] && [ ! -s "$level-$n-of-$n.tune" ] || die 'an empty share has no empty database'
absent "$level-$n-of-$n.tune.journal"
for i in $(seq "$count"); do
  [ "$(wc -l <"$level-$i-of-$n.tune")" = 1 ] || die "share $i: $(cat "$level-$i-of-$n.tune")"
done
mamba-tune merge "$level"-*-of-$n.tune -o all.tune 2>said
grep -qx "mamba-tune: $count records of $count are in all.tune" said || die "said: $(cat said)"
key_of() { sed 's/^[^|]* | \([^|]*\) | .*/\1/' "$1" | sort; }
key_of all.tune >dealt
sort keys | cmp - dealt
# The largest is dealt first.
key_of "$level-1-of-$n.tune" | cmp - <(head -n 1 keys)

# What is written where is the user's to say.
mamba-tune "$model" --kernels 'rows last_rows f32->f32 prefill' --shard 1/1 --db one.tune --quiet >none
[ "$(wc -l <one.tune)" = 1 ]

# One sweep at a time; who waits can be stopped, who is killed is waited for no longer.
export TMPDIR=$PWD/tmp
mkdir tmp
env --default-signal=TERM mamba-tune "$model" --db first.tune --quiet >none &
first=$!
for _ in $(seq 1200); do
  [ -z "$(ls tmp)" ] || break
  sleep 0.05
done
env --default-signal=TERM mamba-tune "$model" --kernels ' decode ' --db second.tune >report 2>log &
second=$!
wait_for() { # PATTERN FILE
  for _ in $(seq 1200); do
    ! grep -q "$1" "$2" || return 0
    sleep 0.05
  done
  die "no '$1' in $2: $(cat "$2")"
}
waiting="^mamba-tune: waiting for another mamba-tune on this machine to end, process $first of user $(id -u); --no-wait goes ahead$"
wait_for "$waiting" log
kill $second
status=0
wait $second || status=$?
[ $status = 143 ] || die "stopped while it waits: $status"
grep -q '^stopped: what was found is in second.tune, --resume goes on$' report
[ ! -e second.tune ] || die 'something was found while it waited'
mamba-tune "$model" --kernels 'rows last_rows f32->f32 prefill' --db beside.tune --no-wait >report 2>log
grep -q ' measured ' beside.tune
! grep -q waiting log || die 'it waited'
mamba-tune "$model" --kernels 'rows last_rows f32->f32 prefill' --db third.tune >report 2>log &
third=$!
wait_for "$waiting" log
kill -9 $first
wait $third
grep -q ' measured ' third.tune
# What the killed one has left goes away with the next sweep.
mamba-tune "$model" --kernels 'rows last_rows f32->f32 prefill' --db fourth.tune --quiet >none
[ -z "$(ls tmp)" ] || die "left behind: $(ls tmp)"

fails 2 "shard.*must be I/N, as in 2/8, .*, got '0/2'" mamba-tune "$model" --shard 0/2
fails 2 "shard.*got '3/2'" mamba-tune "$model" --shard 3/2
fails 2 "shard.*got 'a'" mamba-tune "$model" --shard a
fails 2 'shard.*excludes.*list' mamba-tune "$model" --list --shard 1/2
