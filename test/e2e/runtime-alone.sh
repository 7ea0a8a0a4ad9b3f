# RUN: bash %s %t
# The runtime and its tools configure and build where there is no LLVM, and run
# a pack that was made elsewhere.
. "$(dirname "$0")/Inputs/common.sh"

# Objects stay for the next time, the configuration does not.
mkdir -p "$MAMBA_BUILD/test/runtime-alone"
cd "$MAMBA_BUILD/test/runtime-alone"
exec 9>lock
flock 9
rm -f build/CMakeCache.txt
# Another compiler too, where there is one: LLVM's is not needed either.
cxx=$(command -v g++ || command -v clang++-22)
cc=$(command -v gcc || command -v clang-22)
cmake -S "$MAMBA_SOURCE" -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-O1 \
  -DCMAKE_C_COMPILER="$cc" -DCMAKE_CXX_COMPILER="$cxx" \
  -DMAMBA_BUILD_COMPILER=OFF -DMAMBA_BUILD_TESTS=OFF -DMAMBA_BUILD_BENCH=OFF \
  -DCMAKE_DISABLE_FIND_PACKAGE_MLIR=ON -DCMAKE_DISABLE_FIND_PACKAGE_LLVM=ON \
  -DMLIR_DIR="$PWD/nowhere" -DLLVM_DIR="$PWD/nowhere"
cmake --build build --target mamba-run mamba-pack
! grep -Eqi 'libLLVM|libMLIR|include/(llvm|mlir)' build/build.ninja ||
  die 'the build without a compiler names LLVM'
for tool in mamba-run mamba-pack; do
  ! ldd build/bin/$tool | grep -Ei 'llvm|mlir' || die "$tool needs LLVM"
done

mpk=$(pack golden/mamba1)
golden=$data/golden/mamba1/golden.safetensors
build/bin/mamba-run logits "$mpk" --input "$golden" --output out
test-tensors compare out "$golden" --tolerance 2e-4 --except layer0_output
rm out
build/bin/mamba-pack verify "$mpk"
build/bin/mamba-pack inspect "$mpk" | grep 'model mamba1' >/dev/null
PATH=$PWD/build/bin:$PATH
cd "$scratch"
fails 1 'no compiler' mamba-pack build "$data/golden/mamba1" -o none.mpk
absent none.mpk
