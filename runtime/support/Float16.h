// f16 and bf16 to and from float, in integer arithmetic: the same bits on every
// machine. Values travel as their bits.
#pragma once

#include <bit>
#include <cstdint>

namespace mamba {

inline float bf16ToF32(uint16_t bits) {
  return std::bit_cast<float>(uint32_t(bits) << 16);
}

/// Round to nearest, ties to even; a NaN stays a quiet NaN of its sign.
inline uint16_t f32ToBf16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000)
    return uint16_t(bits >> 16) | 0x40; // Rounding could carry into infinity.
  return uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

/// Exact; a NaN keeps its payload and becomes quiet.
inline float f16ToF32(uint16_t bits) {
  uint32_t sign = uint32_t(bits & 0x8000) << 16;
  uint32_t exponent = (bits >> 10) & 0x1f;
  uint32_t mantissa = bits & 0x3ff;
  if (exponent == 0x1f) {
    uint32_t quiet = mantissa != 0 ? 0x400000 : 0;
    return std::bit_cast<float>(sign | 0x7f800000 | (mantissa << 13) | quiet);
  }
  if (exponent == 0) {
    // Zero or subnormal: mantissa * 2^-24, which float holds exactly.
    float magnitude = float(mantissa) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(magnitude));
  }
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) |
                              (mantissa << 13));
}

/// Round to nearest, ties to even; too large values become infinity.
inline uint16_t f32ToF16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint16_t sign = uint16_t((bits >> 16) & 0x8000);
  uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000)
    return sign | 0x7e00 | uint16_t((magnitude >> 13) & 0x3ff);
  if (magnitude >= 0x47800000) // 65536 and more, infinity too.
    return sign | 0x7c00;

  // `kept` is the result before rounding, `rest` what is cut off, `half` the
  // weight of a tie. A carry out of the mantissa lands in the exponent, where
  // it belongs.
  uint32_t kept, rest, half;
  if (magnitude >= 0x38800000) { // 2^-14: normal in f16.
    kept = (magnitude - (112u << 23)) >> 13;
    rest = magnitude & 0x1fff;
    half = 0x1000;
  } else {
    uint32_t shift = 126 - (magnitude >> 23);
    if (shift > 24) // Below half of the least subnormal.
      return sign;
    uint32_t mantissa = (magnitude & 0x7fffff) | 0x800000;
    kept = mantissa >> shift;
    rest = mantissa & ((1u << shift) - 1);
    half = 1u << (shift - 1);
  }
  if (rest > half || (rest == half && (kept & 1)))
    ++kept;
  return sign | uint16_t(kept);
}

} // namespace mamba
