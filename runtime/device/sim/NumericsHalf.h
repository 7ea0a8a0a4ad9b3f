// f16 and bf16 arithmetic of PTX on their bits, one lane at a time: each
// operation rounds once, to nearest even. Packed forms are two independent
// halves, low and high. A format is a template argument: F16 or BF16.
#pragma once

#include "runtime/device/sim/NumericsFloat.h"
#include "runtime/support/Float16.h"

namespace mamba::sim::numerics {

/// A double to a narrower format, rounded once to nearest even.
inline uint32_t narrow(const FloatFormat &format, double value) {
  uint64_t b = bits(value);
  uint32_t sign = uint32_t(b >> 63) << (format.bits() - 1);
  uint64_t magnitude = b & (kF64.signBit() - 1);
  if (magnitude > kF64.infinity())
    return uint32_t(format.quietNaN());
  // Of the kept bits the exponent counts from that of a subnormal.
  int cut = 52 - int(format.mantissaBits);
  int biased = int(magnitude >> 52) - 1023 + format.bias();
  uint64_t kept = 0;
  if (biased >= 1) {
    kept = magnitude - (uint64_t(1023 - format.bias()) << 52);
  } else {
    cut += 1 - biased;
    if (cut > 53)
      return sign;
    kept = (magnitude & ((uint64_t(1) << 52) - 1)) | (uint64_t(1) << 52);
  }
  uint64_t half = uint64_t(1) << (cut - 1);
  kept = (kept + half - 1 + ((kept >> cut) & 1)) >> cut;
  return sign | uint32_t(kept < format.infinity() ? kept : format.infinity());
}

struct F16 {
  static constexpr FloatFormat format = kF16;
  static constexpr uint16_t kOne = 0x3c00;
  static float wide(uint16_t a) { return f16ToF32(a); }
};
struct BF16 {
  static constexpr FloatFormat format = kBF16;
  static constexpr uint16_t kOne = 0x3f80;
  static float wide(uint16_t a) { return bf16ToF32(a); }
};

template <typename H> bool isNaN(uint16_t a) { return (a & 0x7fff) > H::format.infinity(); }
template <typename H> uint16_t canonicalHalf(uint16_t a) { return isNaN<H>(a) ? 0x7fff : a; }
/// The result of an operation in float whose rounding to the half is innocent:
/// float has more than twice the half's bits and two.
template <typename H> uint16_t narrowFloat(float a) {
  if (a != a)
    return 0x7fff;
  if constexpr (H::format.exponentBits == 5)
    return f32ToF16(a);
  else
    return f32ToBf16(a);
}

template <typename H> uint16_t flushHalf(uint16_t a) {
  return (a & H::format.infinity()) != 0 ? a : uint16_t(a & 0x8000);
}
template <typename H> uint16_t saturateHalf(uint16_t a) {
  if (isNaN<H>(a) || (a & 0x8000))
    return 0;
  return a < H::kOne ? a : H::kOne;
}
/// .relu: below zero becomes +0; NaN stays.
template <typename H> uint16_t reluHalf(uint16_t a) {
  return isNaN<H>(a) ? 0x7fff : uint16_t((a & 0x8000) ? 0 : a);
}

template <typename H> uint16_t addHalf(uint16_t a, uint16_t b) {
  return narrowFloat<H>(H::wide(a) + H::wide(b));
}
template <typename H> uint16_t subHalf(uint16_t a, uint16_t b) {
  return narrowFloat<H>(H::wide(a) - H::wide(b));
}
/// Exact in double, for bf16 products may lie below what float has.
template <typename H> uint16_t mulHalf(uint16_t a, uint16_t b) {
  return uint16_t(narrow(H::format, double(H::wide(a)) * double(H::wide(b))));
}
/// The product is exact in double; its sum with c is rounded to odd, so that the
/// second rounding is the only one that counts.
template <typename H> uint16_t fmaHalf(uint16_t a, uint16_t b, uint16_t c) {
  double p = double(H::wide(a)) * double(H::wide(b)), z = H::wide(c), s = p + z;
  double zPart = s - p, rest = (p - (s - zPart)) + (z - zPart);
  // For infinities rest is NaN, and s stays itself.
  if ((rest < 0 || rest > 0) && (bits(s) & 1) == 0)
    s = f64(bits(s) + ((rest > 0) == (s > 0) ? 1 : uint64_t(-1)));
  return uint16_t(narrow(H::format, s));
}
template <typename H> uint16_t negHalf(uint16_t a) { return a ^ 0x8000; }
template <typename H> uint16_t absHalf(uint16_t a) { return a & 0x7fff; }

template <typename H> uint16_t minHalf(uint16_t a, uint16_t b) {
  return narrowFloat<H>(min(H::wide(a), H::wide(b)));
}
template <typename H> uint16_t maxHalf(uint16_t a, uint16_t b) {
  return narrowFloat<H>(max(H::wide(a), H::wide(b)));
}
template <typename H> uint16_t minNaNHalf(uint16_t a, uint16_t b) {
  return isNaN<H>(a) || isNaN<H>(b) ? 0x7fff : minHalf<H>(a, b);
}
template <typename H> uint16_t maxNaNHalf(uint16_t a, uint16_t b) {
  return isNaN<H>(a) || isNaN<H>(b) ? 0x7fff : maxHalf<H>(a, b);
}
/// .xorsign.abs, of the result of min or max of the magnitudes.
inline uint16_t xorSignHalf(uint16_t result, uint16_t a, uint16_t b) {
  return result ^ ((a ^ b) & 0x8000);
}
template <typename H> bool compareHalf(Compare op, uint16_t a, uint16_t b) {
  return compare(op, H::wide(a), H::wide(b));
}

/// f(low), f(high) of packed operands.
template <typename F> uint32_t packed(F f, uint32_t a) {
  return f(uint16_t(a)) | uint32_t(f(uint16_t(a >> 16))) << 16;
}
template <typename F> uint32_t packed(F f, uint32_t a, uint32_t b) {
  return f(uint16_t(a), uint16_t(b)) | uint32_t(f(uint16_t(a >> 16), uint16_t(b >> 16))) << 16;
}
template <typename F> uint32_t packed(F f, uint32_t a, uint32_t b, uint32_t c) {
  return f(uint16_t(a), uint16_t(b), uint16_t(c)) |
         uint32_t(f(uint16_t(a >> 16), uint16_t(b >> 16), uint16_t(c >> 16))) << 16;
}

} // namespace mamba::sim::numerics
