#include "runtime/device/sim/NumericsRound.h"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace mamba::sim::numerics {

namespace {

int bitLength(Magnitude value) {
  uint64_t high = uint64_t(value >> 64);
  return high != 0 ? 64 + std::bit_width(high) : std::bit_width(uint64_t(value));
}

/// value / 2^shift rounded to an integer; hasRest: something lies below value.
Magnitude shiftRight(Magnitude value, int shift, bool hasRest, bool isNegative, Round mode) {
  Magnitude kept = 0;
  int rest = 0; // of what is cut off: 0 nothing, 1 below half, 2 half, 3 above
  if (shift <= 0) {
    kept = value << -shift;
    rest = hasRest ? 1 : 0;
  } else if (shift > 128) {
    rest = value != 0 || hasRest ? 1 : 0;
  } else {
    kept = shift == 128 ? 0 : value >> shift;
    Magnitude cut = shift == 128 ? value : value & ((Magnitude(1) << shift) - 1);
    Magnitude half = Magnitude(1) << (shift - 1);
    if (cut == half)
      rest = hasRest ? 3 : 2;
    else if (cut > half)
      rest = 3;
    else
      rest = cut != 0 || hasRest ? 1 : 0;
  }
  switch (mode) {
  case Round::NearestEven:
    return kept + (rest == 3 || (rest == 2 && (kept & 1)));
  case Round::NearestAway:
    return kept + (rest >= 2);
  case Round::Zero:
    return kept;
  case Round::Down:
    return kept + (rest != 0 && isNegative);
  case Round::Up:
    return kept + (rest != 0 && !isNegative);
  }
  return kept;
}

/// Bits of T and its format.
template <typename T> struct Of;
template <> struct Of<float> {
  using Bits = uint32_t;
  static constexpr FloatFormat format = kF32;
};
template <> struct Of<double> {
  using Bits = uint64_t;
  static constexpr FloatFormat format = kF64;
};

template <typename T> uint64_t bitsOf(T value) {
  return std::bit_cast<typename Of<T>::Bits>(value);
}
template <typename T> T fromBits(uint64_t bits) {
  return std::bit_cast<T>(typename Of<T>::Bits(bits));
}
template <typename T> T nan() { return fromBits<T>(Of<T>::format.quietNaN()); }
template <typename T> T infinity(bool isNegative) {
  const FloatFormat &f = Of<T>::format;
  return fromBits<T>(f.infinity() | (isNegative ? f.signBit() : 0));
}
template <typename T> T zero(bool isNegative) {
  return fromBits<T>(isNegative ? Of<T>::format.signBit() : 0);
}
template <typename T> bool isNaN(T x) { return isNaN(Of<T>::format, bitsOf(x)); }
template <typename T> bool isInfinity(T x) { return isInfinity(Of<T>::format, bitsOf(x)); }
template <typename T> bool isZero(T x) { return (bitsOf(x) & ~Of<T>::format.signBit()) == 0; }
template <typename T> bool isNegative(T x) { return (bitsOf(x) & Of<T>::format.signBit()) != 0; }
template <typename T> T round(const Exact &exact, Round mode) {
  return fromBits<T>(roundTo(Of<T>::format, exact, mode));
}
template <typename T> Exact exactOf(T x) { return unpack(Of<T>::format, bitsOf(x)); }

/// Highest bit at 125, so that a sum fits; exact for up to 126 bits.
Exact alignedTop(Exact x) {
  int up = 126 - bitLength(x.magnitude);
  return {x.isNegative, x.exponent - up, x.magnitude << up, x.hasRest};
}

/// The sum of two numbers of at most 107 bits that are not zero. What is cut
/// off lies far below the rounding, and only where nothing can cancel.
Exact sum(Exact a, Exact b) {
  a = alignedTop(a);
  b = alignedTop(b);
  if (a.exponent < b.exponent || (a.exponent == b.exponent && a.magnitude < b.magnitude))
    std::swap(a, b);
  int shift = std::min(a.exponent - b.exponent, 127);
  Magnitude low = b.magnitude >> shift;
  bool isCut = (low << shift) != b.magnitude;
  if (a.isNegative == b.isNegative)
    return {a.isNegative, a.exponent, a.magnitude + low, isCut};
  // Less a little: the next lower magnitude and a rest.
  return {a.isNegative, a.exponent, a.magnitude - low - (isCut ? 1 : 0), isCut};
}

template <typename T> T sumRounded(const Exact &a, const Exact &b, Round mode) {
  if (a.magnitude == 0 && b.magnitude == 0) {
    bool negative = a.isNegative == b.isNegative ? a.isNegative : mode == Round::Down;
    return zero<T>(negative);
  }
  if (a.magnitude == 0)
    return round<T>(b, mode);
  if (b.magnitude == 0)
    return round<T>(a, mode);
  Exact s = sum(a, b);
  if (s.magnitude == 0 && !s.hasRest)
    return zero<T>(mode == Round::Down);
  return round<T>(s, mode);
}

} // namespace

uint64_t roundTo(const FloatFormat &format, const Exact &exact, Round mode) {
  uint64_t sign = exact.isNegative ? format.signBit() : 0;
  if (exact.magnitude == 0 && !exact.hasRest)
    return sign;
  int mantissa = int(format.mantissaBits);
  int least = format.leastExponent();
  int highest = exact.exponent + std::max(bitLength(exact.magnitude), 1) - 1;
  bool isTooLarge = highest > format.bias();
  uint64_t bits = format.infinity();
  if (!isTooLarge) {
    int unit = std::max(highest - mantissa, least);
    Magnitude kept =
        shiftRight(exact.magnitude, unit - exact.exponent, exact.hasRest, exact.isNegative, mode);
    // A carry out of the mantissa lands in the exponent, where it belongs.
    bits = (uint64_t(unit - least) << mantissa) + uint64_t(kept);
    isTooLarge = bits >= format.infinity();
  }
  if (isTooLarge) {
    bool isKeptFinite = mode == Round::Zero || (mode == Round::Down && !exact.isNegative) ||
                        (mode == Round::Up && exact.isNegative);
    bits = format.infinity() - (isKeptFinite ? 1 : 0);
  }
  return sign | bits;
}

Exact unpack(const FloatFormat &format, uint64_t bits) {
  uint64_t mantissa = bits & ((uint64_t(1) << format.mantissaBits) - 1);
  int biased = int((bits & format.infinity()) >> format.mantissaBits);
  if (biased != 0)
    mantissa |= uint64_t(1) << format.mantissaBits;
  return {(bits & format.signBit()) != 0, format.leastExponent() + std::max(biased - 1, 0),
          mantissa, false};
}

bool isNaN(const FloatFormat &format, uint64_t bits) {
  return (bits & (format.signBit() - 1)) > format.infinity();
}

bool isInfinity(const FloatFormat &format, uint64_t bits) {
  return (bits & (format.signBit() - 1)) == format.infinity();
}

Exact roundToInteger(const Exact &exact, Round mode) {
  if (exact.magnitude != 0 && exact.exponent + bitLength(exact.magnitude) > 126)
    return {exact.isNegative, 0, Magnitude(1) << 126, false};
  return {exact.isNegative, 0,
          shiftRight(exact.magnitude, -exact.exponent, exact.hasRest, exact.isNegative, mode),
          false};
}

template <typename T> T addRounded(T a, T b, Round mode) {
  if (isNaN(a) || isNaN(b) ||
      (isInfinity(a) && isInfinity(b) && isNegative(a) != isNegative(b)))
    return nan<T>();
  if (isInfinity(a))
    return a;
  if (isInfinity(b))
    return b;
  return sumRounded<T>(exactOf(a), exactOf(b), mode);
}

template <typename T> T mulRounded(T a, T b, Round mode) {
  if (isNaN(a) || isNaN(b) || (isInfinity(a) && isZero(b)) || (isZero(a) && isInfinity(b)))
    return nan<T>();
  bool negative = isNegative(a) != isNegative(b);
  if (isInfinity(a) || isInfinity(b))
    return infinity<T>(negative);
  Exact x = exactOf(a), y = exactOf(b);
  return round<T>({negative, x.exponent + y.exponent, x.magnitude * y.magnitude, false}, mode);
}

template <typename T> T fmaRounded(T a, T b, T c, Round mode) {
  if (isNaN(a) || isNaN(b) || isNaN(c) || (isInfinity(a) && isZero(b)) ||
      (isZero(a) && isInfinity(b)))
    return nan<T>();
  bool negative = isNegative(a) != isNegative(b);
  if (isInfinity(a) || isInfinity(b))
    return isInfinity(c) && isNegative(c) != negative ? nan<T>() : infinity<T>(negative);
  if (isInfinity(c))
    return c;
  Exact x = exactOf(a), y = exactOf(b);
  return sumRounded<T>({negative, x.exponent + y.exponent, x.magnitude * y.magnitude, false},
                       exactOf(c), mode);
}

template <typename T> T divRounded(T a, T b, Round mode) {
  if (isNaN(a) || isNaN(b) || (isInfinity(a) && isInfinity(b)) || (isZero(a) && isZero(b)))
    return nan<T>();
  bool negative = isNegative(a) != isNegative(b);
  if (isInfinity(a) || isZero(b))
    return infinity<T>(negative);
  if (isInfinity(b) || isZero(a))
    return zero<T>(negative);
  // 127 bits over at most 53: 74 bits of quotient or more.
  Exact x = exactOf(a), y = exactOf(b);
  int up = 127 - bitLength(x.magnitude);
  Magnitude dividend = x.magnitude << up;
  Magnitude quotient = dividend / y.magnitude;
  return round<T>({negative, x.exponent - up - y.exponent, quotient,
                   quotient * y.magnitude != dividend},
                  mode);
}

template <typename T> T sqrtRounded(T a, Round mode) {
  if (isZero(a))
    return a;
  if (isNaN(a) || isNegative(a))
    return nan<T>();
  if (isInfinity(a))
    return a;
  // An even exponent and 125 or 126 bits: a root of 63 bits, bit by bit.
  Exact x = exactOf(a);
  int up = 126 - bitLength(x.magnitude);
  up -= (x.exponent - up) & 1;
  Magnitude rest = x.magnitude << up, root = 0;
  for (Magnitude bit = Magnitude(1) << 126; bit != 0; bit >>= 2) {
    if (rest >= root + bit) {
      rest -= root + bit;
      root = (root >> 1) + bit;
    } else {
      root >>= 1;
    }
  }
  return round<T>({false, (x.exponent - up) / 2, root, rest != 0}, mode);
}

template float addRounded(float, float, Round);
template double addRounded(double, double, Round);
template float mulRounded(float, float, Round);
template double mulRounded(double, double, Round);
template float fmaRounded(float, float, float, Round);
template double fmaRounded(double, double, double, Round);
template float divRounded(float, float, Round);
template double divRounded(double, double, Round);
template float sqrtRounded(float, Round);
template double sqrtRounded(double, Round);

} // namespace mamba::sim::numerics
