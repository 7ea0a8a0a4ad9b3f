# Sourced behind common.sh: the runtime for AArch64, made by the first test that asks,
# and run by QEMU. Its objects stay for the next time.
arm_build=$MAMBA_BUILD/test/aarch64
sysroot=$MAMBA_BUILD/sysroot-aarch64
if [[ $sysroot =~ [[:space:]] ]]; then
  # pkg-config does not bear spaces; the same name each time, or all is compiled again.
  link=/tmp/mamba-sysroot-$(printf '%s' "$sysroot" | md5sum | cut -c1-16)
  ln -sfn "$sysroot" "$link"
  sysroot=$link
fi
mkdir -p "$arm_build"
(
  flock 9
  cmake -S "$MAMBA_SOURCE" -B "$arm_build/build" -G Ninja -DMAMBA_SYSROOT="$sysroot" \
    --toolchain "$MAMBA_SOURCE/cmake/aarch64.cmake" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-O1 \
    -DMAMBA_BUILD_COMPILER=OFF -DMAMBA_BUILD_TESTS=OFF -DMAMBA_BUILD_BENCH=OFF
  cmake --build "$arm_build/build" --target mamba-run mamba-pack mamba_runtime_shared
) 9>"$arm_build/lock" >"$scratch/arm-build.log" 2>&1 || die "$(tail -40 "$scratch/arm-build.log")"

# on MODEL TOOL [ARGUMENT...]: the tool on such a processor.
on() {
  local model=$1 tool=$2
  shift 2
  qemu-aarch64 -cpu "$model" -L "$sysroot" "$arm_build/build/bin/$tool" "$@"
}
