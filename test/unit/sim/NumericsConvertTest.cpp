// cvt against references that compare with the target's neighbours, and the
// edges that the PTX ISA writes down.
#include "test/unit/sim/Numbers.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace mamba::sim;
using namespace mamba::sim::numerics;
using mamba::ptx::Type;

namespace {

struct Float {
  Type type;
  FloatFormat format;
};
const Float kFloats[] = {
    {Type::F64, kF64}, {Type::F32, kF32}, {Type::F16, kF16}, {Type::BF16, kBF16}};
const Type kIntegers[] = {Type::U8,  Type::S8,  Type::U16, Type::S16,
                          Type::U32, Type::S32, Type::U64, Type::S64};

bool isSigned(Type type) {
  return type == Type::S8 || type == Type::S16 || type == Type::S32 || type == Type::S64;
}
unsigned bitsOf(Type type) { return 8 * mamba::ptx::bytesOf(type); }

// Long double has 64 bits of mantissa or more: every operand here is exact.
long double worth(const FloatFormat &format, uint64_t bits) {
  if (format.bits() == 64)
    return f64(bits);
  if (format.bits() == 32)
    return f32(uint32_t(bits));
  return format.exponentBits == 5 ? F16::wide(uint16_t(bits)) : BF16::wide(uint16_t(bits));
}

// Bits of the format whose value is the exact one's neighbour, as the mode says.
uint64_t rounded(const FloatFormat &format, long double exact, Round mode) {
  uint64_t sign = std::signbit(exact) ? format.signBit() : 0;
  long double value = std::fabs(exact);
  uint64_t infinity = format.infinity();
  if (std::isinf(value))
    return sign | infinity;
  uint64_t low = 0, high = infinity;
  while (high - low > 1) {
    uint64_t middle = low + (high - low) / 2;
    (worth(format, middle) <= value ? low : high) = middle;
  }
  long double below = worth(format, low);
  if (below == value)
    return sign | low;
  long double above = high < infinity ? worth(format, high) : std::ldexp(1.0L, format.bias() + 1);
  bool up = sign ? mode == Round::Down : mode == Round::Up;
  if (mode == Round::NearestEven || mode == Round::NearestAway) {
    long double toLow = value - below, toHigh = above - value;
    up = toHigh < toLow || (toHigh == toLow && (mode == Round::NearestAway || (low & 1)));
  }
  return sign | (up ? high : low);
}

long double wholeOf(long double x, Round mode) {
  long double down = std::floor(x), rest = x - down;
  switch (mode) {
  case Round::Zero: return std::trunc(x);
  case Round::Down: return down;
  case Round::Up: return std::ceil(x);
  default:
    if (rest != 0.5L)
      return rest < 0.5L ? down : down + 1;
    return std::fmod(down, 2) == 0 ? down : down + 1;
  }
}

// Without infinities and NaN.
uint64_t clamped(Type to, long double whole) {
  unsigned width = bitsOf(to);
  long double high = std::ldexp(1.0L, int(isSigned(to) ? width - 1 : width));
  long double low = isSigned(to) ? -high : 0;
  uint64_t mask = width == 64 ? ~uint64_t(0) : (uint64_t(1) << width) - 1;
  if (whole >= high)
    return isSigned(to) ? mask >> 1 : mask;
  if (whole <= low)
    return isSigned(to) ? uint64_t(1) << (width - 1) : 0;
  return (whole < 0 ? uint64_t(int64_t(whole)) : uint64_t(whole)) & mask;
}

std::vector<uint64_t> operands(const FloatFormat &format) {
  std::vector<uint64_t> all = edges(format);
  Random random(3);
  for (int i = 0; i < 3000; ++i) {
    all.push_back(random.number(format, int(random.below(80)) - 30, 3));
    all.push_back(random.bits() & (format.signBit() * 2 - 1));
  }
  // Halves, where whole numbers tie.
  for (int i = -9; i <= 9; ++i)
    all.push_back(rounded(format, i / 2.0L, Round::Zero));
  return all;
}

TEST(NumericsConvert, FloatToFloatInEveryMode) {
  for (const Float &from : kFloats)
    for (const Float &to : kFloats)
      for (uint64_t bits : operands(from.format))
        for (Round mode : kDirected) {
          Conversion c{to.type, from.type, mode};
          uint64_t want = isNaN(from.format, bits)
                              ? to.format.quietNaN()
                              : rounded(to.format, worth(from.format, bits), mode);
          ASSERT_EQ(hex(convert(c, bits)), hex(want))
              << hex(bits) << " of " << from.format.bits() << " to " << to.format.bits() << " mode "
              << int(mode);
        }
}

TEST(NumericsConvert, FloatToIntegerRoundsAndSaturates) {
  for (const Float &from : kFloats)
    for (Type to : kIntegers)
      for (uint64_t bits : operands(from.format)) {
        if (isNaN(from.format, bits))
          continue;
        for (Round mode : kDirected) {
          Conversion c{to, from.type, mode, true};
          ASSERT_EQ(hex(convert(c, bits)),
                    hex(clamped(to, wholeOf(worth(from.format, bits), mode))))
              << hex(bits) << " of " << from.format.bits() << " to " << int(to) << " mode "
              << int(mode);
        }
      }
}

TEST(NumericsConvert, NaNToInteger) {
  auto of = [](Type to, Type from, uint64_t bits) {
    return convert({to, from, Round::Zero, true}, bits);
  };
  EXPECT_EQ(of(Type::S32, Type::F32, 0x7fc00000), 0u);
  EXPECT_EQ(of(Type::U32, Type::F16, 0xfe00), 0u);
  EXPECT_EQ(of(Type::S64, Type::F32, 0x7fc00000), uint64_t(1) << 63);
  EXPECT_EQ(of(Type::U64, Type::F32, 0xffc00000), uint64_t(1) << 63);
  EXPECT_EQ(of(Type::S32, Type::F64, kF64.quietNaN()), 0x80000000u);
}

TEST(NumericsConvert, IntegerToFloatInEveryMode) {
  Random random(5);
  std::vector<uint64_t> all = {0,          1,          ~uint64_t(0), uint64_t(1) << 63, INT64_MAX,
                               0x80000000, 0x7fffffff, 0x01000001,   0x01000003,        0xffff8000,
                               65504,      65519,      65520};
  for (int i = 0; i < 3000; ++i)
    all.push_back(random.bits() >> random.below(64));
  for (Type from : kIntegers)
    for (const Float &to : kFloats)
      for (uint64_t bits : all)
        for (Round mode : kDirected) {
          unsigned width = bitsOf(from);
          uint64_t low = width == 64 ? bits : bits & ((uint64_t(1) << width) - 1);
          long double value =
              isSigned(from) ? (long double)(int64_t(extendSign(low, width))) : (long double)(low);
          ASSERT_EQ(hex(convert({to.type, from, mode}, bits)), hex(rounded(to.format, value, mode)))
              << hex(bits) << " of " << int(from) << " to " << to.format.bits() << " mode "
              << int(mode);
        }
}

TEST(NumericsConvert, IntegerToInteger) {
  auto of = [](Type to, Type from, uint64_t bits, bool isSaturated) {
    Conversion c{to, from};
    c.isSaturated = isSaturated;
    return convert(c, bits);
  };
  EXPECT_EQ(of(Type::S64, Type::S32, 0x80000000, false), 0xffffffff80000000u);
  EXPECT_EQ(of(Type::S64, Type::U32, 0x80000000, false), 0x80000000u);
  EXPECT_EQ(of(Type::U8, Type::S32, 0xffffffff, false), 0xffu);
  EXPECT_EQ(of(Type::U8, Type::S32, 0xffffffff, true), 0u);
  EXPECT_EQ(of(Type::U8, Type::S32, 300, true), 255u);
  EXPECT_EQ(of(Type::S8, Type::S32, 300, true), 127u);
  EXPECT_EQ(of(Type::S8, Type::S32, uint32_t(-300), true), 0x80u);
  EXPECT_EQ(of(Type::S32, Type::U64, ~uint64_t(0), true), 0x7fffffffu);
  EXPECT_EQ(of(Type::U32, Type::S64, uint64_t(-1), true), 0u);
  EXPECT_EQ(of(Type::U32, Type::S64, uint64_t(-1), false), 0xffffffffu);
}

TEST(NumericsConvert, FloatToWholeFloat) {
  for (const Float &f : kFloats)
    for (uint64_t bits : operands(f.format)) {
      if (isNaN(f.format, bits))
        continue;
      long double value = worth(f.format, bits);
      for (Round mode : kDirected) {
        long double whole = std::isinf(value) ? value : wholeOf(value, mode);
        uint64_t want = rounded(f.format, std::copysign(whole, value), Round::NearestEven);
        ASSERT_EQ(hex(convert({f.type, f.type, mode, true}, bits)), hex(want))
            << hex(bits) << " mode " << int(mode);
      }
    }
}

TEST(NumericsConvert, Tf32KeepsTenBits) {
  for (uint64_t bits : operands(kF32)) {
    if (isNaN(kF32, bits))
      continue;
    // tf32 has the exponents of f32: 13 bits less.
    uint32_t magnitude = uint32_t(bits) & 0x7fffffff, sign = uint32_t(bits) & 0x80000000;
    uint32_t away = (magnitude + 0x1000) & ~0x1fffu;
    uint32_t even = (magnitude + 0xfff + (magnitude >> 13 & 1)) & ~0x1fffu;
    ASSERT_EQ(hex(convert({Type::TF32, Type::F32, Round::NearestAway}, bits)), hex(away | sign));
    ASSERT_EQ(hex(convert({Type::TF32, Type::F32, Round::NearestEven}, bits)), hex(even | sign));
    ASSERT_EQ(hex(convert({Type::TF32, Type::F32, Round::Zero}, bits)),
              hex((magnitude & ~0x1fffu) | sign));
  }
  EXPECT_EQ(convert({Type::TF32, Type::F32, Round::NearestAway}, 0xffc00000), 0x7fffffffu);
}

TEST(NumericsConvert, Modifiers) {
  auto of = [](Type to, Type from, uint64_t bits, void (*set)(Conversion &)) {
    Conversion c{to, from};
    set(c);
    return convert(c, bits);
  };
  auto ftz = [](Conversion &c) { c.isFlushed = true; };
  auto sat = [](Conversion &c) { c.isSaturated = true; };
  auto relu = [](Conversion &c) { c.isRelu = true; };
  auto finite = [](Conversion &c) { c.isFinite = true; };
  EXPECT_EQ(of(Type::F64, Type::F32, 0x80000001, ftz), uint64_t(1) << 63);
  EXPECT_EQ(of(Type::F32, Type::F64, bits(-0x1p-140), ftz), 0x80000000u);
  EXPECT_EQ(of(Type::F32, Type::F16, 0x0001, ftz), bits(0x1p-24f));
  EXPECT_EQ(of(Type::F32, Type::F64, bits(1.5), sat), bits(1.0f));
  EXPECT_EQ(of(Type::F32, Type::F64, bits(-1.5), sat), 0u);
  EXPECT_EQ(of(Type::F16, Type::F32, 0x7fc00000, sat), 0u);
  EXPECT_EQ(of(Type::F32, Type::S32, 7, sat), bits(1.0f));
  EXPECT_EQ(of(Type::F16, Type::F32, bits(-2.0f), relu), 0u);
  EXPECT_EQ(of(Type::F16, Type::F32, 0xffc00000, relu), 0x7fffu);
  EXPECT_EQ(of(Type::BF16, Type::F32, bits(2.0f), relu), 0x4000u);
  EXPECT_EQ(of(Type::F16, Type::F32, bits(1e6f), finite), 0x7bffu);
  EXPECT_EQ(of(Type::F16, Type::F32, 0xff800000, finite), 0xfbffu);
  EXPECT_EQ(convertPair({Type::F16, Type::F32}, bits(2.0f), bits(1.0f)), 0x40003c00u);
  EXPECT_EQ(convertPair({Type::BF16, Type::F32}, bits(-2.0f), bits(1.0f)), 0xc0003f80u);
}

TEST(NumericsConvert, TheFrequentOnesAgree) {
  for (uint64_t x : operands(kF32)) {
    float a = f32(uint32_t(x));
    ASSERT_EQ(uint32_t(f32ToS32(a)), convert({Type::S32, Type::F32, Round::Zero, true}, x));
    ASSERT_EQ(f32ToU32(a), convert({Type::U32, Type::F32, Round::Zero, true}, x));
    ASSERT_EQ(f32ToHalf(a), convert({Type::F16, Type::F32}, x)) << hex(x);
    ASSERT_EQ(f32ToBHalf(a), convert({Type::BF16, Type::F32}, x)) << hex(x);
    ASSERT_EQ(bits(s32ToF32(int32_t(x))), convert({Type::F32, Type::S32}, x));
    ASSERT_EQ(bits(u32ToF32(uint32_t(x))), convert({Type::F32, Type::U32}, x));
  }
}

} // namespace
