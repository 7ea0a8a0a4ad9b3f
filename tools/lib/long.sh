# Sourced by test.sh for --long: every fuzzer for a while, and the runtime's tests
# under sanitizers, in build folders of their own.

# build_preset NAME: configured and built.
build_preset() {
  say "building preset $1"
  (cd "$root" && cmake --preset "$1" && cmake --build --preset "$1") >&2 ||
    die "preset $1 could not be built: see above"
}

# fuzz PROGRAM SECONDS: with its corpus and words; what it finds stays beside the
# build, and crashers are named.
fuzz() {
  local program=$1 seconds=$2 name words found=$root/build-fuzz/found
  name=$(basename "$program")
  mkdir -p "$found/$name" "$found/crashers"
  words=$root/test/fuzz/${name#fuzz_}.dict
  local options=(-max_total_time="$seconds" -timeout=25 -rss_limit_mb=4096
    -artifact_prefix="$found/crashers/$name-" -print_final_stats=1)
  [ ! -e "$words" ] || options+=(-dict="$words")
  if "$program" "$found/$name" "$root/test/fuzz/corpus/$name" "${options[@]}" \
    >"$found/$name.log" 2>&1; then
    say "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$found/$name.log") inputs, nothing found"
    return 0
  fi
  say "$name: $(grep -m1 -E 'ERROR:|runtime error:|: ' "$found/$name.log"), see $found/$name.log and crashers/"
  return 1
}

# Ends with "N passed, N failed": fuzzers and sanitizers.
run_long() {
  local seconds=${1:-60} passed=0 failed=0 program preset
  [[ $seconds =~ ^[1-9][0-9]*$ ]] || { say "--long takes seconds, got '$seconds'"; exit 2; }
  build_preset fuzz
  for program in "$root"/build-fuzz/bin/fuzz_*; do
    [[ $program != *_replay ]] || continue
    if fuzz "$program" "$seconds"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  done
  for preset in asan tsan; do
    build_preset $preset
    say "testing preset $preset"
    if ctest --test-dir "$root/build-$preset" --output-on-failure --no-tests=error >&2; then
      passed=$((passed + 1))
    else
      failed=$((failed + 1))
    fi
  done
  echo "$passed passed, $failed failed"
  [ $failed = 0 ]
}
