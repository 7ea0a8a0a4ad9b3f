# RUN: bash %s %t
# A pack's machine code as others read it: every kernel is a symbol of an ELF
# file for NVIDIA's chips, and NVIDIA's own tools take it where they are.
. "$(dirname "$0")/Inputs/common.sh"
for chip in sm_80 sm_90a; do
  mpk=$(pack golden/mamba1 --target=cuda:$chip)
  mamba-pack inspect "$mpk" --json >inspect.json
  if ! grep -q '"cubin":"cubin.0"' inspect.json; then
    echo "skipped: no assembler of NVIDIA's was there to make a cubin"
    continue
  fi
  test-tensors show-code "$mpk" k.cubin --blob=cubin.0
  python3 - inspect.json <<'PY' | sort >want
import json, sys
[target] = json.load(open(sys.argv[1]))["targets"]
print("\n".join({kernel["symbol"] for kernel in target["kernels"]}))
PY
  llvm-readelf -h k.cubin | grep -E 'Machine: +NVIDIA CUDA architecture' >/dev/null
  llvm-readelf -sW k.cubin | awk '$4 == "FUNC" && $5 == "GLOBAL" { print $NF }' | sort >got
  diff want got
  ! llvm-readelf -sW k.cubin | awk '$1 ~ /^[0-9]+:$/ && $1 != "0:" && / UND / && !/ \.nv\./' | grep . || die 'something is undefined'
  if command -v cuobjdump >/dev/null; then
    cuobjdump -sass k.cubin | grep -c 'Function :' | grep -x "$(wc -l <want)" >/dev/null
  fi
  if command -v nvdisasm >/dev/null; then
    nvdisasm k.cubin >k.sass
  fi
done
