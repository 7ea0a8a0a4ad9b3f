#!/usr/bin/env bash
# Benchmarks of a random-weight mamba-130m on this machine: kernels, model, and
# memory over a prompt of a million tokens: bench/run.sh [--weights W] [--activations A]
# [--target T] [options of mamba-bench, as in --benchmark_filter=model]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=$root/build/bin work=$root/build/bench/data precisions=() options=()
while [ $# -gt 0 ]; do
  case $1 in
    --weights | --activations | --target) precisions+=("$1" "$2"); shift 2 ;;
    *) options+=("$1"); shift ;;
  esac
done
ninja -C "$root/build" mamba-bench mamba-long-prompt mamba-import mamba-pack >&2
mkdir -p "$work"
[ -f "$work/130m/model.safetensors" ] ||
  "$bin/mamba-import" "$root/bench/data/mamba-130m.json" --random-weights=1 -o "$work/130m"
"$bin/mamba-pack" build "$work/130m" -o "$work/130m.mpk" "${precisions[@]}" --quiet
"$bin/mamba-bench" "${options[@]}" "${precisions[@]}" --model "$work/130m" --pack "$work/130m.mpk"
"$bin/mamba-pack" build "$root/test/data/models/shakespeare" -o "$work/shakespeare.mpk" --quiet
"$bin/mamba-long-prompt" "$work/shakespeare.mpk"
