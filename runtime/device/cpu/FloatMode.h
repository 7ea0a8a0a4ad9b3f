// The floating-point mode that kernels run in: round to nearest, no traps,
// subnormals flushed to zero (decaying states would crawl through them); and
// the ordinary one, without that.
#pragma once

#include <cstdint>

namespace mamba {

/// Sets a mode for this thread, and the former one when it ends.
class FloatMode {
public:
#if defined(__x86_64__) // MXCSR: all masked; the kernels' with FTZ and DAZ.
  static constexpr uint64_t kKernels = 0x9fc0, kOrdinary = 0x1f80;
#elif defined(__aarch64__) // FPCR: FZ.
  static constexpr uint64_t kKernels = 1u << 24, kOrdinary = 0;
#else
  static constexpr uint64_t kKernels = 0, kOrdinary = 0;
#endif

  explicit FloatMode(uint64_t mode = kKernels) : before_(read()) {
    write(mode);
  }
  ~FloatMode() { write(before_); }
  FloatMode(const FloatMode &) = delete;
  FloatMode &operator=(const FloatMode &) = delete;

private:
#if defined(__x86_64__)
  static uint64_t read() { return __builtin_ia32_stmxcsr(); }
  static void write(uint64_t mode) {
    __builtin_ia32_ldmxcsr(static_cast<uint32_t>(mode));
  }
#elif defined(__aarch64__)
  static uint64_t read() {
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
  }
  static void write(uint64_t mode) {
    __asm__ volatile("msr fpcr, %0" : : "r"(mode));
  }
#else
  static uint64_t read() { return 0; }
  static void write(uint64_t) {}
#endif

  uint64_t before_;
};

} // namespace mamba
