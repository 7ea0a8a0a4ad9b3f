# RUN: bash %s %t
# REQUIRES: x86-64-v3
# A pack for all machines, in parallel and out of the cache: always the same bytes,
# and nothing left behind.
. "$(dirname "$0")/Inputs/common.sh"
export MAMBA_SIM_CHECKS=off MAMBA_CUDA_DRIVER=/nonexistent TMPDIR=$PWD/tmp
mkdir tmp
mamba-import --op=scan --sizes=E=19,N=5 -o scan.mlir

mamba-pack build scan.mlir -o all.mpk --target=all --jobs=3 2>log
mamba-pack inspect all.mpk | sed -n 's/^target \([^ ]*\): .*/\1/p' | sort >got
mamba-pack build --help | grep -Eo '(cpu|cuda):[a-z0-9-]+(_[0-9]+a?)?' | grep -v native | sort -u >want
for target in cpu:x86-64-v3 cpu:x86-64-v4 cpu:x86-64-v4-amx cuda:sm_75 cuda:sm_80 cuda:sm_90a cuda:sm_120; do
  grep -qx $target got || die "no $target in all: $(cat got)"
done
diff want got
grep -q '^mamba-pack: compiling for cuda:sm_120$' log
grep -q '^mamba-pack: cuda:sm_120: [1-9][0-9]* kernels$' log
mamba-pack build scan.mlir -o one.mpk --target=all --jobs=1 --quiet
cmp all.mpk one.mpk
mamba-pack verify all.mpk --quiet >shown
[ "$(grep -Ec 'cuda:sm_[0-9a]+ passes [1-9][0-9]* self-tests on sim; ' shown)" = "$(grep -c cuda <got)" ] || die "shown: $(cat shown)"
# Self-tests of GPUs are the same ones: kept once.
mamba-pack inspect all.mpk --json >json
[ "$(grep -o '"golden\.[0-9]*":{' json | wc -l)" -lt "$(grep -o '"stride":' json | wc -l)" ] || die 'golden data is kept more than once'
fails 2 "'cuda:sm_80' is named twice" mamba-pack build scan.mlir -o none.mpk --target=all,cuda:sm_80
fails 2 'jobs' mamba-pack build scan.mlir -o none.mpk --jobs=-1
# Who asks for too much gets what is of use.
mamba-pack build scan.mlir -o jobs.mpk --target=all --jobs=1024 2>log
grep -Eq '^mamba-pack: 1024 jobs are more than two a processor: [0-9]+ run at a time$' log
cmp jobs.mpk all.mpk
absent none.mpk

# The same model at the same path, from another folder.
mkdir elsewhere
(cd elsewhere && mamba-pack build ../scan.mlir -o there.mpk --target=all --quiet)
cmp all.mpk elsewhere/there.mpk

# The cache: filled, used, damaged, refused, not there.
build() { mamba-pack build scan.mlir --target=cpu:x86-64-v3,cuda:sm_80 "$@" 2>log; }
known() { grep -c 'kernels, [1-9][0-9]* from the cache$' log || true; }
build -o plain.mpk --no-cache
build -o cold.mpk --cache-dir=cache
[ "$(known)" = 0 ] || die "a new cache has something: $(cat log)"
build -o warm.mpk --cache-dir=cache
[ "$(known)" = 2 ] || die "the cache is not used: $(cat log)"
for entry in cache/*; do
  printf x | dd of="$entry" bs=1 seek=90 conv=notrunc status=none
done
build -o damaged.mpk --cache-dir=cache
[ "$(known)" = 0 ] || die "damage is not seen: $(cat log)"
build -o mended.mpk --cache-dir=cache
[ "$(known)" = 2 ] || die "damage is not mended: $(cat log)"
: >file
build -o refused.mpk --cache-dir=file/cache
grep -q "warning: --cache-dir 'file/cache' is no folder, no kernel is kept: Not a directory" log || die "no warning: $(cat log)"
build -o refused.mpk --cache-dir=file
grep -q "warning: --cache-dir 'file' is no folder" log || die "no warning: $(cat log)"
if [ "$(id -u)" = 0 ]; then
  echo 'skipped: a folder that root cannot write'
else
  chmod a-w cache
  build -o readonly.mpk --cache-dir=cache
  chmod u+w cache
  [ "$(known)" = 2 ] || die "a cache that cannot be written is not read: $(cat log)"
  cmp plain.mpk readonly.mpk
fi
for name in cold warm damaged mended refused; do
  cmp plain.mpk $name.mpk
done
MAMBA_CACHE=$PWD/mine build -o mine.mpk
[ -n "$(ls mine)" ] || die 'MAMBA_CACHE is not used'
env -u MAMBA_CACHE XDG_CACHE_HOME="$PWD/xdg" mamba-pack build scan.mlir -o xdg.mpk --quiet
[ -n "$(ls xdg/mamba)" ] || die 'XDG_CACHE_HOME is not used'
mkdir home
env -u MAMBA_CACHE HOME="$PWD/home" XDG_CACHE_HOME=relative mamba-pack build scan.mlir -o xdg.mpk --quiet
[ -n "$(ls home/.cache/mamba)" ] || die 'a relative XDG_CACHE_HOME is not passed over'
absent relative
: >known.tune
fails 2 'known.tune.*is what is read' mamba-pack build scan.mlir --db known.tune -o known.tune
[ ! -s known.tune ] || die 'the database is overwritten'
fails 2 'cache-dir.*no-cache|no-cache.*cache-dir' mamba-pack build scan.mlir -o none.mpk --no-cache --cache-dir=cache

# Who ends the work leaves nothing: no pack, no temporary file, no half entry. One
# thread has all targets of a model before it when the first kernel is there.
env --default-signal=TERM mamba-pack build "$data/models/shakespeare" -o stopped.mpk --target=all --jobs=1 --check=off \
  --cache-dir=stopped 2>log &
process=$!
for _ in $(seq 600); do
  [ -z "$(compgen -G 'stopped/*.kernel')" ] || break
  sleep 0.05
done
kill -TERM $process
status=0
wait $process || status=$?
[ $status = 143 ] || die "ended with $status: $(cat log)"
absent stopped.mpk
find stopped tmp -type f -not -name '*.kernel' >left
[ ! -s left ] || die "left behind: $(cat left)"
absent none.mpk
