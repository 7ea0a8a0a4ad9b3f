// f32 and f64 arithmetic of PTX, one lane at a time: round to nearest with the
// host's instructions, under IeeeMode. The modifiers compose around it:
// .ftz is flush() of the operands and of the result, .sat is saturate() of the
// result. Every NaN that arithmetic makes is the canonical one, whatever the
// host. Compile with -ffp-contract=off.
#pragma once

#include "runtime/device/sim/NumericsRound.h"

#include <bit>
#include <cmath>
#include <cstdint>

namespace mamba::sim::numerics {

/// Puts this thread's floating-point unit into the state that the arithmetic
/// here relies on (round to nearest, no flush to zero, no traps), and back when
/// it ends. Each thread that simulates holds one.
class IeeeMode {
public:
  IeeeMode() : before_(read()) { write(kIeee); }
  ~IeeeMode() { write(before_); }
  IeeeMode(const IeeeMode &) = delete;
  IeeeMode &operator=(const IeeeMode &) = delete;

private:
#if defined(__x86_64__)
  static constexpr uint64_t kIeee = 0x1f80; // MXCSR: all masked
  static uint64_t read() { return __builtin_ia32_stmxcsr(); }
  static void write(uint64_t mode) { __builtin_ia32_ldmxcsr(static_cast<uint32_t>(mode)); }
#elif defined(__aarch64__)
  static constexpr uint64_t kIeee = 0; // FPCR
  static uint64_t read() {
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
  }
  static void write(uint64_t mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode)); }
#else
  static constexpr uint64_t kIeee = 0;
  static uint64_t read() { return 0; }
  static void write(uint64_t) {}
#endif

  uint64_t before_;
};

inline uint32_t bits(float x) { return std::bit_cast<uint32_t>(x); }
inline uint64_t bits(double x) { return std::bit_cast<uint64_t>(x); }
inline float f32(uint32_t x) { return std::bit_cast<float>(x); }
inline double f64(uint64_t x) { return std::bit_cast<double>(x); }

inline float canonicalNaN(float) { return f32(uint32_t(kF32.quietNaN())); }
inline double canonicalNaN(double) { return f64(kF64.quietNaN()); }
template <typename T> T canonical(T x) { return x == x ? x : canonicalNaN(x); }

/// .ftz: a subnormal becomes zero of its sign. f64 knows no .ftz.
inline float flush(float x) {
  uint32_t b = bits(x);
  return f32((b & 0x7f800000) != 0 ? b : b & 0x80000000);
}
/// .sat: into [0, 1]; NaN becomes +0.
template <typename T> T saturate(T x) {
  T low = x > T(0) ? x : T(0);
  return low < T(1) ? low : T(1);
}

template <typename T> T add(T a, T b) { return canonical<T>(a + b); }
template <typename T> T sub(T a, T b) { return canonical<T>(a - b); }
template <typename T> T mul(T a, T b) { return canonical<T>(a * b); }
inline float fma(float a, float b, float c) { return canonical(__builtin_fmaf(a, b, c)); }
inline double fma(double a, double b, double c) { return canonical(__builtin_fma(a, b, c)); }
template <typename T> T div(T a, T b) { return canonical<T>(a / b); }
template <typename T> T rcp(T a) { return canonical<T>(T(1) / a); }
template <typename T> T sqrt(T a) { return canonical<T>(std::sqrt(a)); }

/// The same in a mode that is not known before it runs.
template <typename T> T add(T a, T b, Round mode) {
  return mode == Round::NearestEven ? add(a, b) : addRounded(a, b, mode);
}
template <typename T> T sub(T a, T b, Round mode) {
  return mode == Round::NearestEven ? sub(a, b) : addRounded<T>(a, -b, mode);
}
template <typename T> T mul(T a, T b, Round mode) {
  return mode == Round::NearestEven ? mul(a, b) : mulRounded(a, b, mode);
}
template <typename T> T fma(T a, T b, T c, Round mode) {
  return mode == Round::NearestEven ? fma(a, b, c) : fmaRounded(a, b, c, mode);
}
template <typename T> T div(T a, T b, Round mode) {
  return mode == Round::NearestEven ? div(a, b) : divRounded(a, b, mode);
}
template <typename T> T rcp(T a, Round mode) { return div(T(1), a, mode); }
template <typename T> T sqrt(T a, Round mode) {
  return mode == Round::NearestEven ? sqrt(a) : sqrtRounded(a, mode);
}

inline float neg(float a) { return f32(bits(a) ^ 0x80000000); }
inline double neg(double a) { return f64(bits(a) ^ (uint64_t(1) << 63)); }
inline float abs(float a) { return f32(bits(a) & 0x7fffffff); }
inline double abs(double a) { return f64(bits(a) & ~(uint64_t(1) << 63)); }
inline bool isNegative(float a) { return bits(a) >> 31; }
inline bool isNegative(double a) { return bits(a) >> 63; }
/// copysign d, a, b: the sign of a on the value b.
inline float copysign(float a, float b) {
  return f32((bits(a) & 0x80000000) | (bits(b) & 0x7fffffff));
}
inline double copysign(double a, double b) { return isNegative(a) ? neg(abs(b)) : abs(b); }

/// min, max: -0 lies below +0; one NaN gives the other operand, two give NaN.
template <typename T> T min(T a, T b) {
  bool takesA = b != b || a < b || (a == b && isNegative(a));
  T r = takesA ? a : b;
  return canonical(r);
}
template <typename T> T max(T a, T b) {
  bool takesA = b != b || a > b || (a == b && isNegative(b));
  T r = takesA ? a : b;
  return canonical(r);
}
/// .NaN: any NaN gives NaN.
template <typename T> T minNaN(T a, T b) { return a != a || b != b ? canonicalNaN(a) : min(a, b); }
template <typename T> T maxNaN(T a, T b) { return a != a || b != b ? canonicalNaN(a) : max(a, b); }
/// .xorsign.abs: of the magnitudes; the sign is the two signs' exclusive or.
inline float minXorSign(float a, float b, bool isNaN) {
  float r = isNaN ? minNaN(abs(a), abs(b)) : min(abs(a), abs(b));
  return f32(bits(r) ^ ((bits(a) ^ bits(b)) & 0x80000000));
}
inline float maxXorSign(float a, float b, bool isNaN) {
  float r = isNaN ? maxNaN(abs(a), abs(b)) : max(abs(a), abs(b));
  return f32(bits(r) ^ ((bits(a) ^ bits(b)) & 0x80000000));
}

/// setp, set, slct: the ordered ones, then the unordered ones, then num and nan.
/// Lo, Ls, Hi, Hs are Lt, Le, Gt, Ge of unsigned operands.
enum class Compare : uint8_t { Eq, Ne, Lt, Le, Gt, Ge, Equ, Neu, Ltu, Leu, Gtu, Geu, Num, Nan };

/// Ne is ordered for floats: false if either is NaN.
template <typename T> bool compare(Compare op, T a, T b) {
  bool unordered = a != a || b != b; // never of integers
  switch (op) {
  case Compare::Eq: return a == b;
  case Compare::Ne: return !unordered && a != b;
  case Compare::Lt: return a < b;
  case Compare::Le: return a <= b;
  case Compare::Gt: return a > b;
  case Compare::Ge: return a >= b;
  case Compare::Equ: return unordered || a == b;
  case Compare::Neu: return a != b;
  case Compare::Ltu: return unordered || a < b;
  case Compare::Leu: return unordered || a <= b;
  case Compare::Gtu: return unordered || a > b;
  case Compare::Geu: return unordered || a >= b;
  case Compare::Num: return !unordered;
  case Compare::Nan: return unordered;
  }
  return false;
}

enum class TestP : uint8_t { Finite, Infinite, Number, NotANumber, Normal, Subnormal };

inline bool testp(TestP op, const FloatFormat &format, uint64_t value) {
  uint64_t magnitude = value & (format.signBit() - 1);
  uint64_t infinity = format.infinity();
  uint64_t normal = uint64_t(1) << format.mantissaBits;
  switch (op) {
  case TestP::Finite: return magnitude < infinity;
  case TestP::Infinite: return magnitude == infinity;
  case TestP::Number: return magnitude <= infinity;
  case TestP::NotANumber: return magnitude > infinity;
  case TestP::Normal: return magnitude >= normal && magnitude < infinity;
  case TestP::Subnormal: return magnitude != 0 && magnitude < normal;
  }
  return false;
}
inline bool testp(TestP op, float a) { return testp(op, kF32, bits(a)); }
inline bool testp(TestP op, double a) { return testp(op, kF64, bits(a)); }

} // namespace mamba::sim::numerics
