# Sourced after common.sh by tests of the build without a compiler. Goes to a folder
# whose objects stay for the next test, alone in it, and configures into build/ there.
mkdir -p "$MAMBA_BUILD/test/runtime-alone"
cd "$MAMBA_BUILD/test/runtime-alone"
exec 9>lock
flock 9
# The configuration does not stay.
rm -f build/CMakeCache.txt
# Another compiler too, where there is one: LLVM's is not needed either.
cxx=$(command -v g++ || command -v clang++-22)
cc=$(command -v gcc || command -v clang-22)
cmake -S "$MAMBA_SOURCE" -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-O1 \
  -DCMAKE_C_COMPILER="$cc" -DCMAKE_CXX_COMPILER="$cxx" \
  -DMAMBA_BUILD_COMPILER=OFF -DMAMBA_BUILD_TESTS=OFF -DMAMBA_BUILD_BENCH=OFF \
  -DCMAKE_DISABLE_FIND_PACKAGE_MLIR=ON -DCMAKE_DISABLE_FIND_PACKAGE_LLVM=ON \
  -DMLIR_DIR="$PWD/nowhere" -DLLVM_DIR="$PWD/nowhere"
