// cvt: between all number types, with every rounding mode and modifier.
#pragma once

#include "runtime/device/sim/NumericsHalf.h"
#include "runtime/device/sim/ptx/Ptx.h"

namespace mamba::sim::numerics {

/// cvt.round.ftz.sat.relu.to.from. Types: U8..S64, F16, BF16, TF32 (to), F32, F64.
struct Conversion {
  ptx::Type to = ptx::Type::F32, from = ptx::Type::F32;
  /// Of the result, or (isIntegral: .rni .rzi .rmi .rpi) to a whole number.
  Round round = Round::NearestEven;
  bool isIntegral = false;
  bool isFlushed = false;   // .ftz, of f32
  bool isSaturated = false; // .sat: to [0, 1], of integers to the target's range
  bool isRelu = false;
  bool isFinite = false; // .satfinite: the largest finite number, NaN stays NaN
};

/// The source's bits, the target's bits: the low ones that the type has. The
/// rest of the source is ignored, that of the result is zero; a register wider
/// than a signed target takes extendSign of it.
uint64_t convert(const Conversion &conversion, uint64_t bits);

/// cvt.f16x2.f32 and cvt.bf16x2.f32: `high` is the first source operand.
/// conversion.to is F16 or BF16, from is F32.
uint32_t convertPair(const Conversion &conversion, uint32_t high, uint32_t low);

inline uint64_t extendSign(uint64_t bits, unsigned width) {
  return width >= 64 ? bits : uint64_t(int64_t(bits << (64 - width)) >> (64 - width));
}

/// The frequent ones. Out of range saturates, NaN gives 0.
inline int32_t f32ToS32(float a) { // .rzi
  if (!(a > -2147483648.0f))
    return a != a ? 0 : INT32_MIN;
  return a < 2147483648.0f ? int32_t(a) : INT32_MAX;
}
inline uint32_t f32ToU32(float a) { // .rzi
  if (!(a > 0))
    return 0;
  return a < 4294967296.0f ? uint32_t(a) : UINT32_MAX;
}
inline float s32ToF32(int32_t a) { return float(a); }  // .rn
inline float u32ToF32(uint32_t a) { return float(a); } // .rn
inline uint16_t f32ToHalf(float a) { return narrowFloat<F16>(a); }   // .rn.f16
inline uint16_t f32ToBHalf(float a) { return narrowFloat<BF16>(a); } // .rn.bf16

} // namespace mamba::sim::numerics
