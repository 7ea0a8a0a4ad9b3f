// f16 and bf16 arithmetic against quadruple precision: the exact result is
// rounded by looking up its neighbours among the halves, with comparisons only.
#include "test/unit/sim/Numbers.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace mamba::sim;
using namespace mamba::sim::numerics;

namespace {

#if defined(__x86_64__)
using Quad = __float128;
#else
using Quad = long double;
#endif

/// value + rest, where rest lies below value's last bit.
struct Sum {
  Quad value = 0, rest = 0;
};

Sum sumOf(Quad a, Quad b) {
  Quad s = a + b, bPart = s - a;
  return {s, (a - (s - bPart)) + (b - bPart)};
}

/// What a half is worth; infinity counts as the power of two behind the largest.
template <typename H> Quad worth(uint32_t half) {
  if (half == H::format.infinity())
    return 2 * worth<H>(half - (1u << H::format.mantissaBits));
  return H::wide(uint16_t(half));
}

template <typename H> uint16_t nearest(Sum exact) {
  bool isNegative = exact.value < 0;
  Quad value = isNegative ? -exact.value : exact.value;
  Quad rest = isNegative ? -exact.rest : exact.rest;
  uint16_t sign = isNegative ? 0x8000 : 0;
  uint32_t low = 0, high = uint32_t(H::format.infinity());
  auto reaches = [&](Quad x) { return value > x || (value == x && rest >= 0); };
  if (reaches(worth<H>(high)))
    return uint16_t(high) | sign;
  while (high - low > 1) {
    uint32_t middle = (low + high) / 2;
    (reaches(worth<H>(middle)) ? low : high) = middle;
  }
  // Halves have few bits: their middle is exact.
  Quad middle = (worth<H>(low) + worth<H>(high)) / 2;
  bool isTie = value == middle && rest == 0;
  bool takesHigh = isTie ? low & 1 : reaches(middle);
  return uint16_t(takesHigh ? high : low) | sign;
}

template <typename H> bool isFinite(uint16_t a) { return (a & 0x7fff) < H::format.infinity(); }

/// What holds of infinities, NaN and zero results is what double says.
template <typename H> uint16_t viaDouble(double value) {
  return value != value ? 0x7fff : uint16_t(narrow(H::format, value));
}

template <typename H> void check(uint16_t a, uint16_t b, uint16_t c) {
  double x = H::wide(a), y = H::wide(b), z = H::wide(c);
  bool isExact = isFinite<H>(a) && isFinite<H>(b) && isFinite<H>(c);
  auto expect = [&](const char *name, uint16_t got, Sum sum, double special) {
    uint16_t want = isExact && sum.value != 0 ? nearest<H>(sum) : viaDouble<H>(special);
    ASSERT_EQ(hex(got), hex(want)) << name << " of " << hex(a) << ", " << hex(b) << ", " << hex(c);
  };
  expect("add", addHalf<H>(a, b), sumOf(x, y), x + y);
  expect("sub", subHalf<H>(a, b), sumOf(x, -y), x - y);
  expect("mul", mulHalf<H>(a, b), {Quad(x) * y, 0}, x * y);
  expect("fma", fmaHalf<H>(a, b, c), sumOf(Quad(x) * y, z), x * y + z);
}

template <typename H> void checkEdges() {
  for (uint64_t a : edges(H::format))
    for (uint64_t b : edges(H::format))
      for (uint64_t c : edges(H::format))
        check<H>(uint16_t(a), uint16_t(b), uint16_t(c));
}

template <typename H> void checkRandom() {
  Random random(11);
  int largest = H::format.bias();
  for (int i = 0; i < 60000; ++i) {
    int center = int(random.below(uint64_t(2 * largest))) - largest;
    check<H>(uint16_t(random.number(H::format, center / 2, 8)),
             uint16_t(random.number(H::format, center / 2, 8)),
             uint16_t(random.number(H::format, center, 14)));
    check<H>(uint16_t(random.bits()), uint16_t(random.bits()), uint16_t(random.bits()));
  }
}

TEST(NumericsHalf, F16Edges) { checkEdges<F16>(); }
TEST(NumericsHalf, BF16Edges) { checkEdges<BF16>(); }
TEST(NumericsHalf, F16Random) { checkRandom<F16>(); }
TEST(NumericsHalf, BF16Random) { checkRandom<BF16>(); }

TEST(NumericsHalf, FmaRoundsOnceWhereTwoRoundingsDiffer) {
  EXPECT_EQ(fmaHalf<F16>(0x3c00, 0x1000, 0x3c00), 0x3c00); // 1 + 2^-11, a tie
  EXPECT_EQ(fmaHalf<F16>(0x3c01, 0x1000, 0x3c00), 0x3c01); // more than it by 2^-21
  EXPECT_EQ(fmaHalf<F16>(0x1001, 0x8801, 0x3c01), 0x3c01); // less by far than f32 sees
  EXPECT_EQ(fmaHalf<BF16>(0x3f80, 0x3b80, 0x3f80), 0x3f80);
  // A product far below, of bf16's range but not of f32's.
  EXPECT_EQ(fmaHalf<BF16>(0x0080, 0x0080, 0x3f80), 0x3f80);
}

TEST(NumericsHalf, MinMaxOfEveryPairOfEdges) {
  for (uint64_t x : edges(kF16))
    for (uint64_t y : edges(kF16)) {
      uint16_t a = uint16_t(x), b = uint16_t(y);
      float low = numerics::min(F16::wide(a), F16::wide(b));
      uint16_t least = minHalf<F16>(a, b), most = maxHalf<F16>(a, b);
      bool oneIsNaN = isNaN<F16>(a) || isNaN<F16>(b);
      if (isNaN<F16>(a) && isNaN<F16>(b)) {
        EXPECT_EQ(least, 0x7fff);
        EXPECT_EQ(most, 0x7fff);
      } else {
        EXPECT_EQ(F16::wide(least), low);
        EXPECT_TRUE(least == a || least == b);
        EXPECT_TRUE(most == a || most == b);
        EXPECT_TRUE(oneIsNaN || least == most || (least == a) != (most == a));
      }
      EXPECT_EQ(minNaNHalf<F16>(a, b), oneIsNaN ? 0x7fff : least);
      EXPECT_EQ(maxNaNHalf<F16>(a, b), oneIsNaN ? 0x7fff : most);
    }
  EXPECT_EQ(minHalf<BF16>(0x8000, 0x0000), 0x8000);
  EXPECT_EQ(maxHalf<BF16>(0x8000, 0x0000), 0x0000);
  EXPECT_EQ(xorSignHalf(maxHalf<F16>(0x3c00, 0x4000), 0xbc00, 0x4000), 0xc000);
}

TEST(NumericsHalf, ModifiersAreBits) {
  EXPECT_EQ(flushHalf<F16>(0x83ff), 0x8000);
  EXPECT_EQ(flushHalf<F16>(0x0400), 0x0400);
  EXPECT_EQ(flushHalf<BF16>(0x007f), 0x0000);
  EXPECT_EQ(saturateHalf<F16>(0x4000), 0x3c00);
  EXPECT_EQ(saturateHalf<F16>(0x8001), 0x0000);
  EXPECT_EQ(saturateHalf<F16>(0x7e00), 0x0000);
  EXPECT_EQ(saturateHalf<BF16>(0x7f80), 0x3f80);
  EXPECT_EQ(saturateHalf<BF16>(0x3f00), 0x3f00);
  EXPECT_EQ(reluHalf<F16>(0xbc00), 0x0000);
  EXPECT_EQ(reluHalf<F16>(0x3c00), 0x3c00);
  EXPECT_EQ(reluHalf<F16>(0xfe00), 0x7fff);
  EXPECT_EQ(negHalf<BF16>(0x3f80), 0xbf80);
  EXPECT_EQ(absHalf<BF16>(0xbf80), 0x3f80);
  EXPECT_TRUE(compareHalf<F16>(Compare::Lt, 0x3c00, 0x4000));
  EXPECT_FALSE(compareHalf<F16>(Compare::Eq, 0x7e00, 0x7e00));
}

TEST(NumericsHalf, PackedOnesDoNotMeet) {
  uint32_t a = 0x40003c00, b = 0x42003c00, c = 0x3c000000;
  EXPECT_EQ(packed(addHalf<F16>, a, b), 0x45004000u);    // 2 + 3, 1 + 1
  EXPECT_EQ(packed(fmaHalf<F16>, a, b, c), 0x47003c00u); // 2 * 3 + 1, 1 * 1 + 0
  EXPECT_EQ(packed(negHalf<F16>, a), 0xc000bc00u);
}

} // namespace
