#!/usr/bin/env bash
# Builds if need be and runs every test: the passes' and dialects' files, the
# unit tests, end to end. Names what was skipped and why; the last line is
# "N passed, N failed". Arguments go to lit, as in: tools/test.sh --filter e2e
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib/setup.sh"

install_packages
configure
build_targets mamba_tests

results=$build/test/results.json
rm -f "$results"
lit=/usr/lib/llvm-22/bin/lit
[ -x "$lit" ] || lit=$(command -v lit-22 || command -v lit) ||
  die "lit was not found: install llvm-22-tools"
# What failed is in the results, which the report reads.
"$lit" "$@" --output "$results" "$build/test" "$build/test/unit" || true
exec python3 "$root/test/report.py" "$results"
