#!/usr/bin/env bash
# bench/peers/install.sh FOLDER LOG: llama.cpp, once for this processor and once without AVX-512 and
# AMX (FOLDER/avx2), and PyTorch in a Python environment of their own; what is there stays. Fails if
# there is no llama.cpp in the end.
set -euo pipefail
peers=$1 log=$2
pip=$peers/bin/pip

has() { "$peers/bin/python" -c "import $1" 2>> "$log"; }

# Clang, where it is: built by gcc 12, the AMX kernels trap when they load a tile configuration.
install_llama() { # OPTIONS-OF-CMAKE [OPTION-OF-PIP...]
  local options=$1
  shift
  echo 'compiling llama.cpp (5 to 20 minutes)' >&2
  CC=$(command -v clang-22 || command -v clang || echo cc) \
  CXX=$(command -v clang++-22 || command -v clang++ || echo c++) \
  CMAKE_BUILD_PARALLEL_LEVEL=${PEERS_JOBS:-1} \
  CMAKE_ARGS="$options -DGGML_OPENMP=OFF -DMTMD_BUILD=OFF -DLLAVA_BUILD=OFF" \
    nice -n 10 "$pip" install --no-cache-dir --no-binary llama-cpp-python "$@" >> "$log" 2>&1
}

# The wheel of torch asks for gigabytes of CUDA: first without, then with them.
install_torch() {
  "$pip" install --no-deps torch >> "$log" 2>&1 &&
    "$pip" install numpy sympy networkx jinja2 fsspec transformers >> "$log" 2>&1 || return
  has torch,transformers || "$pip" install torch >> "$log" 2>&1
}

[ -x "$pip" ] || python3 -m venv "$peers" >> "$log" 2>&1
has llama_cpp || install_llama -DGGML_NATIVE=ON llama-cpp-python
has gguf || "$pip" install gguf >> "$log" 2>&1
if ! [ -d "$peers/avx2/llama_cpp" ]; then
  version=$("$peers/bin/python" -c 'import llama_cpp; print(llama_cpp.__version__)')
  avx2='-DGGML_AVX=ON -DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON -DGGML_BMI2=ON'
  install_llama "-DGGML_NATIVE=OFF $avx2" --no-deps --target "$peers/avx2" \
    "llama-cpp-python==$version" ||
    echo "llama.cpp without AVX-512 and AMX is not installed, see $log" >&2
fi
has torch,transformers || install_torch || echo "PyTorch is not installed, see $log" >&2
