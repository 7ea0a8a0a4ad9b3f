# REQUIRES: wheel
# RUN: bash %s %t
# The wheel: installed without a network into a new environment, it does what the
# tools do. The same files make the same wheel.
. "$(dirname "$0")/Inputs/common.sh"

# numpy is looked for, not asked for: some Python here may have it.
for python in /usr/bin/python3 python3; do
  ! "$python" -c 'import ensurepip, numpy' 2>/dev/null || break
done
wheel=$(echo "$MAMBA_BUILD"/dist/mamba_runtime-*.whl)
[[ $wheel =~ -py3-none-manylinux_2_[0-9]+_[a-z0-9_]+\.whl$ ]] || die "the wheel's name is '$wheel'"
[ "$(stat -c %s "$wheel")" -lt 3000000 ] || die "the wheel has $(stat -c %s "$wheel") bytes"
"$python" -m venv --system-site-packages environment
environment/bin/python -m pip install --quiet --no-index --no-deps --disable-pip-version-check "$wheel"
mpk=$(pack models/shakespeare)
text=$data/models/shakespeare/sample.txt
generate=(--prompt $'ROMEO:\n' -n 60 --temperature 0.8 --top-k 40 --seed 7 --quiet)
mamba-run generate "$mpk" "${generate[@]}" >generated
mamba-run perplexity "$mpk" --file "$text" --quiet >perplexity
environment/bin/python -I "$(dirname "$0")/Inputs/wheel_test.py" "$mpk" "$text" generated perplexity \
  "$MAMBA_SOURCE/runtime/include/mamba/runtime.h"

# What is in it, and again the same bytes.
"$python" -m zipfile -l "$wheel" >files
for file in mamba_runtime/py.typed dist-info/METADATA dist-info/RECORD licenses/zstd.txt; do
  grep -q "$file" files || die "the wheel has no $file: $(cat files)"
done
"$python" - "$wheel" <<'PY'
import sys, zipfile
zipfile.ZipFile(sys.argv[1]).extract("mamba_runtime/libmamba_runtime.so")
PY
build=(--version=1.2.3 --machine=x86_64 --license=some="$MAMBA_SOURCE/README.md" --output-dir)
library=mamba_runtime/libmamba_runtime.so
"$python" "$MAMBA_SOURCE/runtime/python/build_wheel.py" --library=$library "${build[@]}" one
sleep 2 # The time of a zip has two seconds.
"$python" "$MAMBA_SOURCE/runtime/python/build_wheel.py" --library=$library "${build[@]}" two
cmp one/*.whl two/*.whl

# A library that needs others is refused, and so are missing terms.
refused() {
  local wanted=$1 status=0
  shift
  "$python" "$MAMBA_SOURCE/runtime/python/build_wheel.py" "$@" 2>log || status=$?
  [ $status = 1 ] && grep -q "$wanted" log || die "status $status: $(cat log)"
  [ -z "$(ls none 2>/dev/null)" ] || die 'a wheel was written'
}
refused 'needs .*libstdc++' --library="$(command -v mamba-run)" --version=1 --machine=x86_64 --output-dir=none
refused 'terms of x' --library=$library --version=1 --machine=x86_64 --license=x=absent --output-dir=none
