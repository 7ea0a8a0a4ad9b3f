# RUN: bash %s %t
# tools/test.sh --long with stand-ins for what it builds and runs: so many fuzzers at once
# as there are processors, each told in its turn and truly, and Ctrl-C ends everything.
. "$(dirname "$0")/Inputs/common.sh"

# A checkout and its tools.
mkdir -p tree/tools/lib tree/test/fuzz tree/build-fuzz/bin bin
cp "$MAMBA_SOURCE/tools/test.sh" tree/tools
cp "$MAMBA_SOURCE"/tools/lib/{setup,long}.sh tree/tools/lib
echo '"word"' >tree/test/fuzz/slow.dict
mkdir alive
export SCRATCH=$PWD
stand_in() { # FILE: a program that notes its pid while it lives, then does what stdin says
  { printf '#!/bin/bash\necho $$ >"$SCRATCH/alive/$$"\nname=$(basename "$0")\n'
    printf 'ls "$SCRATCH/alive" | wc -l >>"$SCRATCH/alive-then"\n'
    printf 'echo "$*" >>"$SCRATCH/$name.asked"\n'
    cat
    printf 'status=$?; rm -f "$SCRATCH/alive/$$"; exit $status\n'; } >"$1"
  chmod +x "$1"
}
plain() { printf '#!/bin/sh\n%s\n' "$2" >"bin/$1"; chmod +x "bin/$1"; }
plain dpkg-query 'printf installed'
plain nproc 'echo 2'
stand_in bin/cmake <<<'[ "$*" != "--build --preset $BROKEN" ]'
stand_in bin/ctest <<<'[[ $* != *build-$FAILING* ]]'
fuzzer() { stand_in "tree/build-fuzz/bin/fuzz_$1"; }
# Runs until the second has ended and the third has begun in its place.
fuzzer slow <<'STUB'
for _ in $(seq 600); do [ ! -e "$SCRATCH/fuzz_wrong.asked" ] || break; sleep 0.05; done
echo stat::number_of_executed_units: 17
[ -e "$SCRATCH/fuzz_wrong.asked" ]
STUB
fuzzer words <<'STUB'
echo 'INFO: Running with entropic power schedule (0xFF, 100).'
echo 'fuzz_words: a promise is broken'
echo '==7== ERROR: libFuzzer: deadly signal'
(exit 77)
STUB
fuzzer wrong <<'STUB'
echo 'INFO: -max_len is not provided: 4096'
echo 'some/File.cpp:3:4: runtime error: an odd shift'
(exit 1)
STUB
fuzzer zero <<<'(exit 9)'
# Killed, and at once.
fuzzer zoom <<<'rm "$SCRATCH/alive/$$"; kill -SEGV $$'
stand_in tree/build-fuzz/bin/fuzz_zero_replay <<<true
export BROKEN=none FAILING=none
PATH=$PWD/bin:$PATH
long() { # STATUS [ARGUMENT...]
  local wanted=$1 status=0
  shift
  tree/tools/test.sh --long "$@" >out 2>said || status=$?
  [ $status = "$wanted" ] || die "status $status, not $wanted: $(cat out said)"
}

FAILING=tsan long 1 7
[ "$(cat out)" = '3 passed, 5 failed' ] || die "$(cat out)"
grep fuzz_ said | sed 's/, see .*//' >told
diff - told <<'END'
test.sh: fuzz_slow: 17 inputs, nothing found
test.sh: fuzz_words: fuzz_words: a promise is broken
test.sh: fuzz_wrong: some/File.cpp:3:4: runtime error: an odd shift
test.sh: fuzz_zero: it ended with status 9
test.sh: fuzz_zoom: it ended with status 139
END
[ "$(sort -n alive-then | tail -1)" = 2 ] || die "at once: $(sort -n alive-then | uniq -c)"
[ ! -e fuzz_zero_replay.asked ] || die 'a replay is run as a fuzzer'
grep -q -- '/test/fuzz/corpus/fuzz_slow .*-max_total_time=7 .*-dict=.*/slow.dict' fuzz_slow.asked ||
  die "asked: $(cat fuzz_slow.asked)"
! grep -q -- -dict fuzz_words.asked || die "asked: $(cat fuzz_words.asked)"
for preset in asan tsan runtime-only; do
  grep -q "build-$preset" ctest.asked || die "preset $preset is not tested"
done
rm tree/build-fuzz/bin/fuzz_{words,wrong,zero,zoom} && : >fuzz_wrong.asked
long 0
[ "$(cat out)" = '4 passed, 0 failed' ] || die "$(cat out)"
grep -q -- -max_total_time=60 fuzz_slow.asked

BROKEN=asan long 1
[ ! -s out ] && grep -q '^test.sh: preset asan could not be built: see above$' said || die "$(cat out said)"
for wrong in 0 -1 1s ''; do
  long 2 "$wrong"
  grep -q "^test.sh: --long takes seconds, got '$wrong'$" said || die "$(cat said)"
done
long 2 1 2

# Ctrl-C, while fuzzers run and while the tests of a preset do.
interrupted() { # WHILE: this program runs
  env --default-signal=INT tree/tools/test.sh --long 5 >out 2>said &
  local status=0
  for _ in $(seq 600); do [ ! -e "$1.asked" ] || break; sleep 0.05; done
  kill -INT $!
  wait $! || status=$?
  [ $status = 130 ] && [ ! -s out ] && [ "$(tail -n 1 said)" = 'test.sh: stopped, nothing more is tested' ] ||
    die "status $status: $(cat out said)"
  for pid in alive/*; do
    pid=${pid#alive/}
    # It may take a moment to die, and nobody may ask how a child of a child ended.
    for _ in $(seq 600); do [[ $(ps -o stat= -p "$pid") = [!Z]* ]] || break; sleep 0.05; done
    [[ $(ps -o stat= -p "$pid") != [!Z]* ]] || die "goes on: $(ps -fp "$pid")"
  done
  [ ! -e ended ] || die 'it was waited for'
  rm alive/* ./*.asked
}
rm -f ./*.asked
fuzzer endless <<<'sleep 60; touch "$SCRATCH/ended"'
fuzzer endless_too <<<'sleep 60; touch "$SCRATCH/ended"'
rm tree/build-fuzz/bin/fuzz_slow
interrupted fuzz_endless_too
rm tree/build-fuzz/bin/fuzz_endless*
fuzzer brief <<<true
stand_in bin/ctest <<<'sleep 60; touch "$SCRATCH/ended"'
interrupted ctest
stand_in bin/cmake <<<'sleep 60; touch "$SCRATCH/ended"'
interrupted cmake
