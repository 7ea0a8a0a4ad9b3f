# Sourced by test.sh for --long: every fuzzer for a while, and the runtime's tests
# under sanitizers and by the system's own compiler, in build folders of their own. What runs is a job with a process
# group of its own, so that a signal to this shell ends all of it.

# stop_all SIGNAL: no child is left, no sum is printed.
stop_all() {
  trap '' INT TERM HUP
  local group
  for group in $(jobs -p); do
    kill -TERM -- "-$group" 2>/dev/null || true
  done
  wait 2>/dev/null # The shell would tell of each.
  say 'stopped, nothing more is tested'
  exit $((128 + $(kill -l "$1")))
}

stop_all_on_signals() {
  set -m
  trap 'stop_all INT' INT
  trap 'stop_all TERM' TERM
  trap 'stop_all HUP' HUP
}

# attend COMMAND...: its status; its output goes to stderr.
attend() {
  "$@" >&2 &
  wait $!
}

# build_preset NAME: configured and built.
build_preset() {
  make_preset() { cd "$root" && cmake --preset "$1" && cmake --build --preset "$1"; }
  say "building preset $1"
  attend make_preset "$1" || die "preset $1 could not be built: see above"
}

# fuzz PROGRAM SECONDS: a job that runs it with its corpus and words; what it finds stays
# beside the build. A job that dies of a signal may be gone before it is waited for, so
# the program is a child of it.
fuzz() {
  local program=$1 seconds=$2 name words found=$root/build-fuzz/found
  name=$(basename "$program")
  mkdir -p "$found/$name" "$found/crashers"
  words=$root/test/fuzz/${name#fuzz_}.dict
  local options=(-max_total_time="$seconds" -timeout=25 -rss_limit_mb=2048
    -artifact_prefix="$found/crashers/$name-" -print_final_stats=1)
  [ ! -e "$words" ] || options+=(-dict="$words")
  exec >"$found/$name.log" 2>&1
  local status=0
  "$program" "$found/$name" "$root/test/fuzz/corpus/$name" "${options[@]}" || status=$?
  exit $status
}

# tell_fuzzed PROGRAM STATUS: what it found; true if that is nothing.
tell_fuzzed() {
  local name log what
  name=$(basename "$1")
  log=$root/build-fuzz/found/$name.log
  if [ "$2" = 0 ]; then
    say "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs, nothing found"
    return 0
  fi
  # A target that aborts has said why; a sanitizer and libFuzzer have words of theirs.
  what=$(grep -m1 -E "runtime error: |^$name: |ERROR: " "$log") || what="it ended with status $2"
  say "$name: $what, see $log and crashers/ beside it"
  return 1
}

# fuzz_all SECONDS: as many at once as there are processors; what each found is told in
# the order of their names. Sets passed and failed.
fuzz_all() {
  local seconds=$1 jobs program programs=() statuses=() next=0 told=0 pid status
  local -A running=() # a fuzzer's process -> its place in the list
  jobs=$(nproc)
  for program in "$root"/build-fuzz/bin/fuzz_*; do
    [[ $program = *_replay ]] || programs+=("$program")
  done
  say "running ${#programs[@]} fuzzers, $jobs at once, $seconds s each"
  while [ $told -lt ${#programs[@]} ]; do
    while [ $next -lt ${#programs[@]} ] && [ ${#running[@]} -lt "$jobs" ]; do
      fuzz "${programs[next]}" "$seconds" &
      running[$!]=$next
      next=$((next + 1))
    done
    status=0
    wait -n -p pid "${!running[@]}" || status=$?
    statuses[${running[$pid]}]=$status
    unset "running[$pid]"
    while [ -n "${statuses[told]-}" ]; do
      if tell_fuzzed "${programs[told]}" "${statuses[told]}"; then
        passed=$((passed + 1))
      else
        failed=$((failed + 1))
      fi
      told=$((told + 1))
    done
  done
}

# run_long SECONDS: ends with "N passed, N failed", of fuzzers and presets.
run_long() {
  local seconds=$1 passed=0 failed=0 preset
  [[ $seconds =~ ^[1-9][0-9]*$ ]] || { say "--long takes seconds, got '$seconds'"; exit 2; }
  stop_all_on_signals
  build_preset fuzz
  fuzz_all "$seconds"
  for preset in asan tsan runtime-only; do
    build_preset $preset
    say "testing preset $preset"
    if attend ctest --test-dir "$root/build-$preset" --output-on-failure --no-tests=error; then
      passed=$((passed + 1))
    else
      failed=$((failed + 1))
    fi
  done
  echo "$passed passed, $failed failed"
  [ $failed = 0 ]
}
