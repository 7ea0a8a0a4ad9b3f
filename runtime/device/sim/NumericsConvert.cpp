#include "runtime/device/sim/NumericsConvert.h"

namespace mamba::sim::numerics {

namespace {

using ptx::Type;

struct Kind {
  bool isFloat = false, isSigned = false;
  FloatFormat format{0, 0}; // of a float
  unsigned bits = 0;
};

Kind kindOf(Type type) {
  switch (type) {
  case Type::F64: return {true, true, kF64, 64};
  case Type::F32: return {true, true, kF32, 32};
  case Type::TF32: return {true, true, kTF32, 32};
  case Type::F16: return {true, true, kF16, 16};
  case Type::BF16: return {true, true, kBF16, 16};
  case Type::S8:
  case Type::S16:
  case Type::S32:
  case Type::S64: return {false, true, {0, 0}, 8 * ptx::bytesOf(type)};
  default: return {false, false, {0, 0}, 8 * ptx::bytesOf(type)};
  }
}

uint64_t mask(unsigned width) { return width >= 64 ? ~uint64_t(0) : (uint64_t(1) << width) - 1; }

Exact exactInteger(const Kind &kind, uint64_t value) {
  uint64_t extended = kind.isSigned ? extendSign(value, kind.bits) : value;
  bool isNegative = kind.isSigned && int64_t(extended) < 0;
  return {isNegative, 0, isNegative ? 0 - extended : extended, false};
}

/// Nearest number that the integer type has.
uint64_t clampToInteger(const Kind &to, const Exact &value) {
  Magnitude highest = mask(to.isSigned ? to.bits - 1 : to.bits);
  if (value.isNegative) {
    Magnitude lowest = to.isSigned ? highest + 1 : 0;
    Magnitude magnitude = value.magnitude < lowest ? value.magnitude : lowest;
    return (0 - uint64_t(magnitude)) & mask(to.bits);
  }
  return uint64_t(value.magnitude < highest ? value.magnitude : highest);
}

uint64_t floatToInteger(const Kind &to, const Kind &from, Round round, uint64_t value) {
  if (isNaN(from.format, value))
    // 0, but half of the range's bit pattern where 64 bits take part.
    return from.bits == 64 || to.bits == 64 ? uint64_t(1) << (to.bits - 1) : 0;
  if (isInfinity(from.format, value))
    return clampToInteger(to,
                          {(value & from.format.signBit()) != 0, 0, Magnitude(1) << 126, false});
  return clampToInteger(to, roundToInteger(unpack(from.format, value), round));
}

/// [0, 1] of a float's bits; NaN becomes +0.
uint64_t saturateFloat(const FloatFormat &format, uint64_t value) {
  uint64_t one = uint64_t(format.bias()) << format.mantissaBits;
  if (isNaN(format, value) || (value & format.signBit()))
    return 0;
  return value < one ? value : one;
}

uint64_t toFloat(const Conversion &c, const Kind &to, const Exact &exact) {
  uint64_t r = roundTo(to.format, exact, c.round);
  if (c.isFinite && isInfinity(to.format, r))
    --r;
  return r;
}

uint64_t floatToFloat(const Conversion &c, const Kind &to, const Kind &from, uint64_t value) {
  uint64_t sign = (value & from.format.signBit()) != 0 ? to.format.signBit() : 0;
  if (isNaN(from.format, value))
    return to.format.quietNaN();
  if (isInfinity(from.format, value))
    return sign | (to.format.infinity() - (c.isFinite ? 1 : 0));
  Exact exact = unpack(from.format, value);
  if (c.isIntegral) {
    // Whole numbers beyond 2^126 are whole already.
    if (exact.exponent < 0)
      exact = roundToInteger(exact, c.round);
    // A result of 0 keeps the sign.
    return sign | roundTo(to.format, exact, Round::NearestEven);
  }
  return toFloat(c, to, exact);
}

} // namespace

uint64_t convert(const Conversion &c, uint64_t value) {
  Kind to = kindOf(c.to), from = kindOf(c.from);
  value &= mask(from.bits);
  if (c.isFlushed && c.from == Type::F32 && (value & kF32.infinity()) == 0)
    value &= kF32.signBit();
  if (!to.isFloat) {
    if (from.isFloat)
      return floatToInteger(to, from, c.round, value);
    Exact exact = exactInteger(from, value);
    if (c.isSaturated)
      return clampToInteger(to, exact);
    return (exact.isNegative ? 0 - uint64_t(exact.magnitude) : uint64_t(exact.magnitude)) &
           mask(to.bits);
  }
  uint64_t r =
      from.isFloat ? floatToFloat(c, to, from, value) : toFloat(c, to, exactInteger(from, value));
  if (c.isFlushed && c.to == Type::F32 && (r & kF32.infinity()) == 0)
    r &= kF32.signBit();
  if (c.isSaturated)
    r = saturateFloat(to.format, r);
  if (c.isRelu && (r & to.format.signBit()) && !isNaN(to.format, r))
    r = 0;
  // tf32 lies in the high bits of a register; its NaN is that of f32.
  if (c.to == Type::TF32)
    r = isNaN(to.format, r) ? kF32.quietNaN() : r << 13;
  return r;
}

uint32_t convertPair(const Conversion &conversion, uint32_t high, uint32_t low) {
  return uint32_t(convert(conversion, high)) << 16 | uint32_t(convert(conversion, low));
}

} // namespace mamba::sim::numerics
