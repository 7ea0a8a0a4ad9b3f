// Exact numbers and their one rounding: the slow, general way that every
// rounding mode and every conversion goes. Integers only, so that the host's
// floating-point mode does not matter.
#pragma once

#include <bit>
#include <cstdint>

namespace mamba::sim::numerics {

/// .rn .rz .rm .rp .rna; of the integer roundings .rni .rzi .rmi .rpi too.
enum class Round : uint8_t { NearestEven, Zero, Down, Up, NearestAway };

/// How a binary floating-point number lies in its bits.
struct FloatFormat {
  unsigned mantissaBits; // stored, without the hidden one
  unsigned exponentBits;

  constexpr unsigned bits() const { return 1 + exponentBits + mantissaBits; }
  constexpr int bias() const { return (1 << (exponentBits - 1)) - 1; }
  /// Exponent of the least subnormal.
  constexpr int leastExponent() const { return 1 - bias() - int(mantissaBits); }
  constexpr uint64_t signBit() const { return uint64_t(1) << (bits() - 1); }
  constexpr uint64_t infinity() const {
    return ((uint64_t(1) << exponentBits) - 1) << mantissaBits;
  }
  /// The only NaN that arithmetic gives: 0x7fffffff, 0x7fff. f64 gives the
  /// quiet one without payload.
  constexpr uint64_t quietNaN() const {
    return bits() == 64 ? 0x7ff8000000000000 : signBit() - 1;
  }
};
inline constexpr FloatFormat kF64{52, 11}, kF32{23, 8}, kF16{10, 5}, kBF16{7, 8};
/// tf32 without the 13 bits below it that a register has.
inline constexpr FloatFormat kTF32{10, 8};

using Magnitude = unsigned __int128;

/// (-1)^isNegative * magnitude * 2^exponent, and less than one more unit of
/// magnitude if hasRest.
struct Exact {
  bool isNegative = false;
  int exponent = 0;
  Magnitude magnitude = 0;
  bool hasRest = false;
};

/// The bits of the number rounded once; overflow gives infinity or the largest
/// finite number, as the mode says.
uint64_t roundTo(const FloatFormat &format, const Exact &exact, Round mode);

/// The value of finite bits, exactly.
Exact unpack(const FloatFormat &format, uint64_t bits);
bool isNaN(const FloatFormat &format, uint64_t bits);
bool isInfinity(const FloatFormat &format, uint64_t bits);

/// Rounds to an integer: the magnitude of the result with exponent 0. Whole
/// numbers of 2^126 and more come back as 2^126.
Exact roundToInteger(const Exact &exact, Round mode);

/// The operations in any rounding mode; f32 and f64. NaN results are canonical.
template <typename T> T addRounded(T a, T b, Round mode);
template <typename T> T mulRounded(T a, T b, Round mode);
template <typename T> T fmaRounded(T a, T b, T c, Round mode);
template <typename T> T divRounded(T a, T b, Round mode);
template <typename T> T sqrtRounded(T a, Round mode);

} // namespace mamba::sim::numerics
