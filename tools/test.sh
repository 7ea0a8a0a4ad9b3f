#!/usr/bin/env bash
# Builds if need be and runs every test: the passes' and dialects' files, the
# unit tests, end to end. Names what was skipped and why; the last line is
# "N passed, N failed". Arguments go to lit, as in: tools/test.sh --filter e2e
# "tools/test.sh --long [SECONDS]" instead runs every fuzzer for so long (60), as many at
# once as there are processors, and the runtime's tests under sanitizers and by the system's
# own compiler; it takes an hour and more.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib/setup.sh"

install_packages
if [ "${1-}" = --long ]; then
  . "$root/tools/lib/long.sh"
  [ $# -le 2 ] || { say '--long takes the seconds of a fuzzer and no more'; exit 2; }
  run_long "${2-60}"
  exit
fi
configure
"$root/tools/lib/sysroot.sh" "$build/sysroot-aarch64" ||
  say 'tests of the runtime for AArch64 are skipped'
build_targets mamba_tests

results=$build/test/results.json
rm -f "$results"
lit=/usr/lib/llvm-22/bin/lit
[ -x "$lit" ] || lit=$(command -v lit-22 || command -v lit) ||
  die "lit was not found: install llvm-22-tools"
# What failed is in the results, which the report reads.
"$lit" "$@" --output "$results" "$build/test" "$build/test/unit" || true
exec python3 "$root/test/report.py" "$results"
