// The floating-point mode that kernels run in: round to nearest, no traps,
// subnormals flushed to zero (decaying states would crawl through them).
#pragma once

#include <cstdint>

namespace mamba {

/// Sets the kernels' mode for this thread, and the former one when it ends.
class FloatMode {
public:
  FloatMode() : before_(read()) { write(kKernels); }
  ~FloatMode() { write(before_); }
  FloatMode(const FloatMode &) = delete;
  FloatMode &operator=(const FloatMode &) = delete;

private:
#if defined(__x86_64__)
  static constexpr uint64_t kKernels = 0x9fc0; // MXCSR: masks, FTZ, DAZ.
  static uint64_t read() { return __builtin_ia32_stmxcsr(); }
  static void write(uint64_t mode) {
    __builtin_ia32_ldmxcsr(static_cast<uint32_t>(mode));
  }
#elif defined(__aarch64__)
  static constexpr uint64_t kKernels = 1u << 24; // FPCR: FZ.
  static uint64_t read() {
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
  }
  static void write(uint64_t mode) {
    __asm__ volatile("msr fpcr, %0" : : "r"(mode));
  }
#else
  static constexpr uint64_t kKernels = 0;
  static uint64_t read() { return 0; }
  static void write(uint64_t) {}
#endif

  uint64_t before_;
};

} // namespace mamba
