# RUN: bash %s %t
# mamba-tune for GPUs that are not here: records by prediction, the same every time, and
# the compiler's use of them.
. "$(dirname "$0")/Inputs/common.sh"

model=$data/models/shakespeare
kernel='conv1d split+conv1d+silu f32,f32,f32,f32->f32,f32 prefill'
tune() { mamba-tune "$model" --target cuda:sm_80 --kernels "$kernel" --quiet "$@"; }

tune --db a.tune --report a.svg >report
grep -q '^  2048 rows, default .* us, best .* us, .*x; [0-9]* predicted$' report
grep -q '^geometric mean of default by best over 1 kernels: ' report
! grep -Eq 'rank|[+]-' report || die 'a prediction has no spread'
grep -q '</svg>' a.svg
grep -Eq '^cuda:sm_80 \| conv1d .* \| predicted [0-9.]+us default [0-9.]+us rows 2048 \| A100 \| mamba ' a.tune
test "$(wc -l <a.tune)" = 1
test ! -e a.tune.journal

# The same records again; another chip has its own.
tune --db b.tune --device sim >/dev/null
cmp a.tune b.tune
mamba-tune "$model" --target cuda:sm_89 --chip RTX4090 --kernels "$kernel" --db c.tune --quiet >/dev/null
grep -q '| RTX4090 |' c.tune

# It goes on where it stopped.
tune --db d.tune --budget 0.000001s >report
grep -q '^stopped: what was found is in d.tune, --resume goes on$' report
tune --db d.tune --resume >/dev/null
cmp a.tune d.tune

# A signal keeps what was found.
mkdir tmp
TMPDIR=$PWD/tmp env --default-signal=INT mamba-tune "$model" --target cuda:sm_80 --db e.tune --quiet >report &
process=$!
for _ in $(seq 1200); do
  [ ! -s e.tune ] || break
  sleep 0.05
done
kill -INT $process
status=0
wait $process || status=$?
[ $status = 130 ] || die "SIGINT ends it with $status"
grep -q '^stopped: what was found is in e.tune, --resume goes on$' report
grep -q ' | predicted ' e.tune
[ -z "$(ls tmp)" ] || die "left behind: $(ls tmp)"

# The compiler takes what was found.
sed 's/| predicted .* rows/| predicted 1us default 2us rows/' a.tune >faster.tune
mamba-import "$model" -o model.mlir
mamba-opt model.mlir --mamba-pipeline=fused --target=cuda:sm_80 --no-db --db faster.tune -o fused
grep -q 'schedule_from = "database: A100, predicted"' fused

MAMBA_CUDA_DRIVER=/nonexistent fails 1 "no device 'cuda'" \
  mamba-tune "$model" --target cuda:sm_80 --device cuda --db x.tune
fails 1 "device 'cpu' does not run target 'cuda:sm_80': leave --device out, or name sim or cuda" \
  mamba-tune "$model" --target cuda:sm_80 --device cpu --db x.tune
fails 1 "device 'sim' does not run target 'cpu:x86-64-v3': leave --device out, or name cpu" \
  mamba-tune "$model" --target cpu:x86-64-v3 --device sim --db x.tune
fails 1 "chip 'A10' is sm_86, the target 'cuda:sm_80': name a chip of the target" \
  mamba-tune "$model" --target cuda:sm_80 --chip A10 --db x.tune
fails 1 'chip is for GPUs, target .cpu:x86-64-v3. is none' \
  mamba-tune "$model" --target cpu:x86-64-v3 --chip A10 --db x.tune
fails 2 'chip.*excludes.*list' mamba-tune "$model" --list --chip A100
test ! -e x.tune
