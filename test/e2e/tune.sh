# RUN: bash %s %t
# mamba-tune: the space, a sweep of one kernel, what goes on where it stopped, and the
# compiler's use of what was found.
. "$(dirname "$0")/Inputs/common.sh"

model=$data/models/shakespeare
kernel='rows last_rows f32->f32 prefill'

# The space, as text and as JSON.
mamba-tune "$model" --list >list
grep -q '^linear rms_norm+linear f32,f32->f32 prefill 192x768$' list
mamba-tune "$model" --list --all --json >list.json
python3 - list.json <<'PYTHON'
import json, sys
kernels = json.load(open(sys.argv[1]))
assert len({k["key"] for k in kernels}) == len(kernels)
for k in kernels:
    assert k["schedules"][0] == k["default"] and len(k["schedules"]) == k["candidates"]
assert any(k["candidates"] > 10 for k in kernels)
PYTHON

# A sweep that ends at once, and goes on.
mamba-tune "$model" --kernels "$kernel" --db x.tune --budget 0.000001s --quiet >report
grep -q '^stopped: what was found is in .*x.tune, --resume goes on$' report
test ! -s x.tune
mamba-tune "$model" --kernels "$kernel" --db x.tune --resume --report x.svg \
  >report 2>log
grep -q '^geometric mean of default by best over 1 kernels: ' report
grep -q '^mamba-tune: rows last_rows .*: default ' log
grep -q '</svg>' x.svg
test "$(wc -l <x.tune)" = 1
grep -Eq ' \| measured .* \| mamba [0-9.]+ llvm [0-9.]+ [0-9]{4}-[0-9-]+$' x.tune
test ! -e x.tune.journal

# Who is stopped leaves no folder, keeps what was found and says so.
export TMPDIR=$PWD/tmp
mkdir tmp
stopped() { # SIGNAL STATUS: of a sweep of all kernels, stopped when it has begun
  local signal=$1 wanted=$2 status=0 process
  env --default-signal=HUP,TERM mamba-tune "$model" --db y.tune --quiet >report &
  process=$!
  for _ in $(seq 1200); do
    ! begun || break
    sleep 0.05
  done
  kill -$signal $process
  wait $process || status=$?
  [ $status = $wanted ] || die "SIG$signal ends it with $status"
  grep -q '^stopped: what was found is in y.tune, --resume goes on$' report
  [ -z "$(ls tmp)" ] || die "left behind: $(ls tmp)"
}
begun() { compgen -G 'tmp/mamba-tune-*' >/dev/null; }
stopped HUP 129
begun() { [ -s y.tune ]; }
stopped TERM 143
test -s y.tune.journal && test -s y.tune
fails 1 'of a sweep with other options' \
  mamba-tune "$model" --db y.tune --resume --batch-invariant --budget 0.000001s
unset TMPDIR

# The compiler reads what was written, and takes it where it fits.
mamba-import "$model" -o model.mlir
target=$(cut -d' ' -f1 x.tune)
opt() { mamba-opt model.mlir --mamba-pipeline=kernels --target="$target" --no-db "$@" -o plan; }
opt --db x.tune
grep -q 'schedule_from = "database: .*, measured"' plan
opt
! grep -q schedule_from plan || die 'a schedule comes from no database'

# What is wrong is said in a line.
echo nonsense >bad.tune
fails 1 "bad.tune:1: a record has 6 fields between ' . ', got 1" \
  mamba-tune "$model" --kernels "$kernel" --db bad.tune
not mamba-opt model.mlir --mamba-pipeline=fused --db bad.tune 2>stderr
grep -q 'error: bad.tune:1: a record has 6 fields' stderr
not mamba-opt model.mlir --mamba-pipeline=fused --db no-such-file 2>stderr
grep -q "error: cannot open 'no-such-file': " stderr
mkfifo fifo
truncate -s 65M large.tune
for file in fifo /dev/zero large.tune; do
  ! timeout 60 mamba-opt model.mlir --mamba-pipeline=fused --db $file >none 2>stderr || die "$file is read"
  grep -Eq "error: cannot (map|read) '$file': it (is a pipe or a device|holds more than 67108864 bytes)" stderr
done
fails 1 "target 'cpu:z80' is not supported" mamba-tune "$model" --list --target cpu:z80
fails 1 "no kernel of '.*' matches 'nosuch', --list shows them" \
  mamba-tune "$model" --kernels nosuch --db none.tune
absent none.tune
fails 1 'no-such-model' mamba-tune no-such-model --list
fails 2 "must be a time like 90s, 10m or 1h, got 'soon'" mamba-tune "$model" --budget soon
fails 2 'report.*x.tune' mamba-tune "$model" --db x.tune --report ./x.tune
fails 2 'all.*requires.*list' mamba-tune "$model" --all
fails 2 'db.*excludes.*list' mamba-tune "$model" --list --db x.tune
fails 2 'a model is missing.*mamba-tune --help' mamba-tune
