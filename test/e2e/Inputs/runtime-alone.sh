# Sourced after common.sh by tests of the build without a compiler. Goes to a folder
# whose objects stay for the next test, alone in it, and configures into build/ there.
mkdir -p "$MAMBA_BUILD/test/runtime-alone"
cd "$MAMBA_BUILD/test/runtime-alone"
exec 9>lock
flock 9
# The configuration does not stay.
rm -f build/CMakeCache.txt
# As the build around it, so that ccache has most objects; `tools/test.sh --long`
# builds by the system's own compiler too.
cached() { sed -n "s/^$1:[A-Z]*=//p" "$MAMBA_BUILD/CMakeCache.txt"; }
cmake -S "$MAMBA_SOURCE" -B build -G Ninja -DCMAKE_BUILD_TYPE="$(cached CMAKE_BUILD_TYPE)" \
  -DCMAKE_C_COMPILER="$(cached CMAKE_C_COMPILER)" -DCMAKE_CXX_COMPILER="$(cached CMAKE_CXX_COMPILER)" \
  -DMAMBA_BUILD_COMPILER=OFF -DMAMBA_BUILD_TESTS=OFF -DMAMBA_BUILD_BENCH=OFF \
  -DCMAKE_DISABLE_FIND_PACKAGE_MLIR=ON -DCMAKE_DISABLE_FIND_PACKAGE_LLVM=ON \
  -DMLIR_DIR="$PWD/nowhere" -DLLVM_DIR="$PWD/nowhere"
