#!/usr/bin/env bash
# Benchmarks of a random-weight mamba-130m on this machine: kernels, model, and
# memory over a prompt of a million tokens. Arguments go to mamba-bench, e.g.
# bench/run.sh --benchmark_filter=model
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=$root/build/bin work=$root/build/bench/data
ninja -C "$root/build" mamba-bench mamba-long-prompt mamba-import mamba-pack >&2
mkdir -p "$work"
[ -f "$work/130m/model.safetensors" ] ||
  "$bin/mamba-import" "$root/bench/data/mamba-130m.json" --random-weights=1 -o "$work/130m"
"$bin/mamba-pack" build "$work/130m" -o "$work/130m.mpk" --quiet
"$bin/mamba-bench" "$@" --model "$work/130m" --pack "$work/130m.mpk"
"$bin/mamba-pack" build "$root/test/data/models/shakespeare" -o "$work/shakespeare.mpk" --quiet
"$bin/mamba-long-prompt" "$work/shakespeare.mpk"
