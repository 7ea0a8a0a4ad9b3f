#!/usr/bin/env bash
# Installs what is missing, builds, compiles the bundled model for this CPU and
# streams a scene to stdout; everything else goes to stderr.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib/setup.sh"

[ $# -eq 0 ] || { say "takes no arguments"; exit 2; }
install_packages
configure
build_targets mamba-pack mamba-run

pack=$build/shakespeare.mpk
say "compiling the bundled model for this CPU to ${pack#"$root"/}"
"$build/bin/mamba-pack" build "$root/test/data/models/shakespeare" -o "$pack" >&2
exec "$build/bin/mamba-run" generate "$pack" --prompt $'ROMEO:\n' -n 300 \
  --temperature 0.8 --seed 1
