// The special functions: within the PTX ISA's bounds of double precision, not
// much better, exact at their special operands, the same lane by lane and by 32.
#include "runtime/device/sim/SpecialFunctions.h"

#include "test/unit/sim/Numbers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

using namespace mamba::sim;
using namespace mamba::sim::numerics;

namespace {

constexpr Special kAll[] = {Special::Ex2,  Special::Lg2, Special::Rcp, Special::Rsqrt,
                            Special::Sqrt, Special::Sin, Special::Cos, Special::Tanh};

struct Range {
  const char *name;
  Special function;
  double (*exact)(double);
  float low, high;
  bool isAbsolute;
  double bound; // promised; -log2
  double least; // what it must be off somewhere, so that hardware's errors are seen; -log2
};

const Range kRanges[] = {
    {"ex2", Special::Ex2, std::exp2, -125, 127.99f, false, 22, 23.5},
    {"lg2 near 1", Special::Lg2, std::log2, 0.5f, 2, true, 22, 24.5},
    {"lg2 small", Special::Lg2, std::log2, 0x1p-126f, 0.5f, false, 22, 23.5},
    {"lg2 large", Special::Lg2, std::log2, 2, 0x1.fp127f, false, 22, 23.5},
    {"rcp", Special::Rcp, [](double x) { return 1 / x; }, 0x1p-120f, 0x1p120f, false, 23, 23.5},
    {"rsqrt", Special::Rsqrt, [](double x) { return 1 / std::sqrt(x); }, 0x1p-126f, 0x1p127f, false,
     22.9, 23.5},
    {"sqrt", Special::Sqrt, std::sqrt, 0x1p-126f, 0x1p127f, false, 23, 23.5},
    {"sin", Special::Sin, std::sin, -3.1415925f, 3.1415925f, true, 20.5, 23},
    {"cos", Special::Cos, std::cos, -3.1415925f, 3.1415925f, true, 20.5, 23},
    {"sin of far angles", Special::Sin, std::sin, -314, 314, true, 14.7, 17},
    {"tanh", Special::Tanh, std::tanh, -10, 10, false, 11, 12.5},
    {"tanh near 0", Special::Tanh, std::tanh, 0x1p-60f, 0.1f, false, 11, 12.5}};

TEST(NumericsSpecial, ErrorsAreThoseOfHardware) {
  IeeeMode ieee;
  for (const Range &range : kRanges) {
    double worst = 0;
    constexpr int steps = 200000;
    for (int i = 0; i <= steps; ++i) {
      // Positive ranges by their bits, so that every exponent is met.
      float x = range.low > 0
                    ? f32(bits(range.low) +
                          uint32_t(uint64_t(bits(range.high) - bits(range.low)) * i / steps))
                    : range.low + (range.high - range.low) * (float(i) / steps);
      double exact = range.exact(x), got = special(range.function, false, x);
      double error =
          std::fabs(got - exact) / (range.isAbsolute || exact == 0 ? 1 : std::fabs(exact));
      ASSERT_LE(error, std::exp2(-range.bound)) << range.name << " of " << x;
      worst = std::max(worst, error);
    }
    EXPECT_GE(worst, std::exp2(-range.least)) << range.name;
  }
}

TEST(NumericsSpecial, SpecialOperands) {
  const uint32_t inf = 0x7f800000, minusInf = 0xff800000, nan = 0x7fffffff;
  const uint32_t one = 0x3f800000, minusOne = 0xbf800000, zero = 0, minusZero = 0x80000000;
  struct {
    Special function;
    uint32_t from, to;
  } table[] = {{Special::Ex2, minusInf, zero},
               {Special::Ex2, inf, inf},
               {Special::Ex2, zero, one},
               {Special::Ex2, minusZero, one},
               {Special::Ex2, 0x7fc00001, nan},
               {Special::Ex2, bits(128.0f), inf},
               {Special::Ex2, bits(-200.0f), zero},
               {Special::Ex2, bits(10.0f), bits(1024.0f)},
               {Special::Lg2, zero, minusInf},
               {Special::Lg2, minusZero, minusInf},
               {Special::Lg2, one, zero},
               {Special::Lg2, inf, inf},
               {Special::Lg2, minusOne, nan},
               {Special::Lg2, minusInf, nan},
               {Special::Lg2, bits(1024.0f), bits(10.0f)},
               {Special::Lg2, nan, nan},
               {Special::Rcp, zero, inf},
               {Special::Rcp, minusZero, minusInf},
               {Special::Rcp, inf, zero},
               {Special::Rcp, minusInf, minusZero},
               {Special::Rcp, one, one},
               {Special::Rcp, nan, nan},
               {Special::Rsqrt, zero, inf},
               {Special::Rsqrt, minusZero, minusInf},
               {Special::Rsqrt, inf, zero},
               {Special::Rsqrt, minusOne, nan},
               {Special::Rsqrt, bits(4.0f), bits(0.5f)},
               {Special::Rsqrt, minusInf, nan},
               {Special::Sqrt, zero, zero},
               {Special::Sqrt, minusZero, minusZero},
               {Special::Sqrt, inf, inf},
               {Special::Sqrt, minusOne, nan},
               {Special::Sqrt, bits(9.0f), bits(3.0f)},
               {Special::Sin, zero, zero},
               {Special::Sin, minusZero, minusZero},
               {Special::Sin, inf, nan},
               {Special::Cos, zero, one},
               {Special::Cos, minusInf, nan},
               {Special::Cos, minusZero, one},
               {Special::Tanh, zero, zero},
               {Special::Tanh, minusZero, minusZero},
               {Special::Tanh, inf, one},
               {Special::Tanh, minusInf, minusOne},
               {Special::Tanh, nan, nan}};
  IeeeMode ieee;
  for (const auto &row : table)
    for (bool isFlushed : {false, true})
      EXPECT_EQ(hex(bits(special(row.function, isFlushed, f32(row.from)))), hex(row.to))
          << int(row.function) << " of " << hex(row.from);
}

TEST(NumericsSpecial, SubnormalsCountUnlessFlushed) {
  IeeeMode ieee;
  const float tiny = 0x1p-140f;
  EXPECT_EQ(special(Special::Ex2, false, -140.0f), tiny);
  EXPECT_EQ(bits(special(Special::Ex2, true, -140.0f)), 0u);
  EXPECT_EQ(special(Special::Lg2, false, tiny), -140.0f);
  EXPECT_EQ(bits(special(Special::Lg2, true, tiny)), 0xff800000u);
  EXPECT_EQ(special(Special::Rcp, false, 0x1p127f), 0x1p-127f);
  EXPECT_EQ(bits(special(Special::Rcp, true, -0x1p127f)), 0x80000000u);
  EXPECT_EQ(bits(special(Special::Rcp, false, 0x1p-130f)), 0x7f800000u);
  EXPECT_EQ(special(Special::Rsqrt, false, tiny), 0x1p70f);
  EXPECT_EQ(bits(special(Special::Rsqrt, true, -tiny)), 0xff800000u);
  EXPECT_EQ(special(Special::Sqrt, false, tiny), 0x1p-70f);
  EXPECT_EQ(bits(special(Special::Sqrt, true, -tiny)), 0x80000000u);
}

TEST(NumericsSpecial, Divisions) {
  IeeeMode ieee;
  Random random(9);
  for (int i = 0; i < 100000; ++i) {
    float a = f32(uint32_t(random.number(kF32, 0, 60)));
    float b = f32(uint32_t(random.number(kF32, 0, 60)));
    double exact = double(a) / double(b);
    int exponent = std::ilogb(exact);
    double ulp = std::ldexp(1.0, exponent - 23);
    ASSERT_LE(std::fabs(divApprox(false, false, a, b) - exact), 2 * ulp) << a << " / " << b;
    ASSERT_LE(std::fabs(divApprox(true, false, a, b) - exact), 2 * ulp) << a << " / " << b;
  }
  const float inf = f32(0x7f800000);
  EXPECT_EQ(divApprox(false, false, 1.0f, 4.0f), 0.25f);
  EXPECT_EQ(divApprox(false, false, 1.0f, 0.0f), inf);
  EXPECT_EQ(bits(divApprox(false, false, 0.0f, 0.0f)), 0x7fffffffu);
  // PTX: a divisor beyond 2^126 gives 0, or NaN of infinity.
  EXPECT_EQ(divApprox(false, false, 0x1p127f, 0x1.8p126f), 0.0f);
  EXPECT_EQ(bits(divApprox(false, false, inf, 0x1.8p126f)), 0x7fffffffu);
  EXPECT_EQ(divApprox(true, false, 0x1.8p127f, 0x1.8p126f), 2.0f);
  EXPECT_EQ(divApprox(true, true, 0x1p-140f, 1.0f), 0.0f);
}

TEST(NumericsSpecial, LanesAreTheScalar) {
  IeeeMode ieee;
  Random random(13);
  for (int round = 0; round < 2000; ++round) {
    uint32_t a[32], b[32], d[32];
    uint32_t mask = round % 3 == 0 ? ~0u : uint32_t(random.bits());
    for (unsigned i = 0; i < 32; ++i) {
      a[i] = round % 2 ? uint32_t(random.bits()) : uint32_t(random.number(kF32, 0, 8));
      b[i] = uint32_t(random.bits());
    }
    for (bool isFlushed : {false, true}) {
      for (Special f : kAll) {
        std::fill(d, d + 32, 0xdeadu);
        special(f, isFlushed, d, a, mask);
        for (unsigned i = 0; i < 32; ++i)
          ASSERT_EQ(hex(d[i]),
                    mask >> i & 1 ? hex(bits(special(f, isFlushed, f32(a[i])))) : "0xdead")
              << int(f) << " of " << hex(a[i]);
      }
      for (bool isFull : {false, true}) {
        std::fill(d, d + 32, 0xdeadu);
        divApprox(isFull, isFlushed, d, a, b, mask);
        for (unsigned i = 0; i < 32; ++i)
          ASSERT_EQ(hex(d[i]), mask >> i & 1
                                   ? hex(bits(divApprox(isFull, isFlushed, f32(a[i]), f32(b[i]))))
                                   : "0xdead");
      }
    }
  }
}

TEST(NumericsSpecial, Halves) {
  IeeeMode ieee;
  // Every f16: ex2 within 2^-9.9 relative, tanh within 2^-10.987 (PTX ISA).
  for (uint32_t h = 0; h < 0x10000; ++h) {
    uint16_t a = uint16_t(h);
    double x = F16::wide(a), y = BF16::wide(a);
    if (x == x) {
      double e = std::exp2(x), got = F16::wide(specialF16(Special::Ex2, a));
      double bound = e < 65504 && e > 0x1p-14 ? e * std::exp2(-9.9) : INFINITY;
      ASSERT_TRUE(got == e || std::fabs(got - e) <= bound) << x;
      ASSERT_LE(std::fabs(F16::wide(specialF16(Special::Tanh, a)) - std::tanh(x)),
                std::exp2(-10.987));
    } else {
      ASSERT_EQ(specialF16(Special::Ex2, a), 0x7fff);
    }
    if (y == y) {
      ASSERT_LE(std::fabs(BF16::wide(specialBF16(Special::Tanh, a)) - std::tanh(y)), std::exp2(-8))
          << y;
    }
  }
  EXPECT_EQ(specialBF16(Special::Ex2, 0x0000), 0x3f80);
  EXPECT_EQ(specialBF16(Special::Ex2, 0xff80), 0x0000);
}

TEST(NumericsSpecial, F64Seeds) {
  IeeeMode ieee;
  Random random(17);
  for (int i = 0; i < 10000; ++i) {
    double a = std::fabs(f64(random.number(kF64, 0, 400)));
    double r = specialF64(Special::Rcp, a), s = specialF64(Special::Rsqrt, a);
    ASSERT_LE(std::fabs(r * a - 1), 0x1p-19);
    ASSERT_LE(std::fabs(s * std::sqrt(a) - 1), 0x1p-19);
    ASSERT_EQ(bits(r) & 0xffffffff, 0u);
  }
  EXPECT_EQ(bits(specialF64(Special::Rcp, f64(uint64_t(1) << 63 | 5))), 0xfff0000000000000u);
  EXPECT_EQ(specialF64(Special::Rsqrt, 4.0), 0.5);
}

} // namespace
