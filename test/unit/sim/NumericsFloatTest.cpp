// f32 and f64 arithmetic against the host's floating-point unit in its four
// rounding modes, which the code under test does not use.
#include "test/unit/sim/Numbers.h"

#include <gtest/gtest.h>

#include <cfenv>

using namespace mamba::sim;
using namespace mamba::sim::numerics;

namespace {

class HostRounding {
public:
  explicit HostRounding(Round mode) : before_(fegetround()) {
    fesetround(mode == Round::Zero   ? FE_TOWARDZERO
               : mode == Round::Down ? FE_DOWNWARD
               : mode == Round::Up   ? FE_UPWARD
                                     : FE_TONEAREST);
  }
  ~HostRounding() { fesetround(before_); }

private:
  int before_;
};

template <typename T> struct Traits;
template <> struct Traits<float> {
  static constexpr FloatFormat format = kF32;
  static float from(uint64_t b) { return f32(uint32_t(b)); }
};
template <> struct Traits<double> {
  static constexpr FloatFormat format = kF64;
  static double from(uint64_t b) { return f64(b); }
};

enum Operation { kAdd, kSub, kMul, kFma, kDiv, kRcp, kSqrt, kOperations };
const char *const kNames[] = {"add", "sub", "mul", "fma", "div", "rcp", "sqrt"};

// Through volatile operands, so that nothing is computed before or after the
// mode is set.
template <typename T> T onHost(Operation op, Round mode, T x, T y, T z) {
  volatile T a = x, b = y, c = z, r = 0;
  HostRounding rounding(mode);
  switch (op) {
  case kAdd: r = a + b; break;
  case kSub: r = a - b; break;
  case kMul: r = a * b; break;
  case kFma: r = std::fma(T(a), T(b), T(c)); break;
  case kDiv: r = a / b; break;
  case kRcp: r = T(1) / a; break;
  default: r = std::sqrt(T(a)); break;
  }
  return r;
}

template <typename T> T here(Operation op, Round mode, T a, T b, T c) {
  switch (op) {
  case kAdd: return add(a, b, mode);
  case kSub: return sub(a, b, mode);
  case kMul: return mul(a, b, mode);
  case kFma: return numerics::fma(a, b, c, mode);
  case kDiv: return div(a, b, mode);
  case kRcp: return rcp(a, mode);
  default: return numerics::sqrt(a, mode);
  }
}

// The slow way rounds to nearest too: conversions go through it.
template <typename T> T slowly(Operation op, T a, T b, T c) {
  switch (op) {
  case kAdd: return addRounded(a, b, Round::NearestEven);
  case kSub: return addRounded<T>(a, -b, Round::NearestEven);
  case kMul: return mulRounded(a, b, Round::NearestEven);
  case kFma: return fmaRounded(a, b, c, Round::NearestEven);
  case kDiv: return divRounded(a, b, Round::NearestEven);
  case kRcp: return divRounded(T(1), a, Round::NearestEven);
  default: return sqrtRounded(a, Round::NearestEven);
  }
}

template <typename T> void check(Operation op, uint64_t x, uint64_t y, uint64_t z) {
  using F = Traits<T>;
  T a = F::from(x), b = F::from(y), c = F::from(z);
  for (Round mode : kDirected) {
    T expected = onHost(op, mode, a, b, c);
    uint64_t want = expected != expected ? F::format.quietNaN() : bits(expected);
    ASSERT_EQ(hex(bits(here(op, mode, a, b, c))), hex(want))
        << kNames[op] << " mode " << int(mode) << " of " << hex(x) << ", " << hex(y) << ", "
        << hex(z);
    if (mode == Round::NearestEven) {
      ASSERT_EQ(hex(bits(slowly(op, a, b, c))), hex(want))
          << kNames[op] << " of " << hex(x) << ", " << hex(y) << ", " << hex(z);
    }
  }
}

template <typename T> void checkEdges() {
  IeeeMode ieee;
  std::vector<uint64_t> all = edges(Traits<T>::format);
  for (int op = 0; op < kOperations; ++op)
    for (uint64_t a : all)
      for (uint64_t b : all)
        check<T>(Operation(op), a, b, all[(a ^ b) % all.size()]);
}

template <typename T> void checkRandom(int count) {
  IeeeMode ieee;
  const FloatFormat &format = Traits<T>::format;
  Random random(7);
  int largest = format.bias();
  for (int i = 0; i < count; ++i) {
    // Around a common magnitude; products overflow and become subnormal too.
    int center = int(random.below(uint64_t(2 * largest))) - largest;
    int half = center / 2;
    uint64_t a = random.number(format, center, 30), b = random.number(format, center, 30);
    for (Operation op : {kAdd, kSub, kSqrt, kRcp, kDiv})
      check<T>(op, a, b, 0);
    uint64_t c = random.number(format, half, 30), d = random.number(format, half, 30);
    check<T>(kMul, c, d, 0);
    check<T>(kFma, c, d, random.number(format, center, 2 + int(format.mantissaBits)));
    check<T>(kDiv, random.bits(), random.bits(), 0);
  }
}

TEST(NumericsFloat, F32EdgesInEveryMode) { checkEdges<float>(); }
TEST(NumericsFloat, F64EdgesInEveryMode) { checkEdges<double>(); }
TEST(NumericsFloat, F32RandomInEveryMode) { checkRandom<float>(30000); }
TEST(NumericsFloat, F64RandomInEveryMode) { checkRandom<double>(30000); }

TEST(NumericsFloat, FmaKeepsWhatCancels) {
  // (1 + 2^-12)^2 - (1 + 2^-11) = 2^-24: lost if the product were rounded.
  EXPECT_EQ(numerics::fma(1.0f + 0x1p-12f, 1.0f + 0x1p-12f, -(1.0f + 0x1p-11f)), 0x1p-24f);
  for (Round mode : kDirected)
    EXPECT_EQ(numerics::fma(1.0 + 0x1p-30, 1.0 + 0x1p-30, -(1.0 + 0x1p-29), mode), 0x1p-60);
}

TEST(NumericsFloat, TheModeOfTheHostIsSetForTheThread) {
  fesetround(FE_UPWARD);
  {
    IeeeMode ieee;
    volatile float one = 1, tiny = 0x1p-30f;
    EXPECT_EQ(add(float(one), float(tiny)), 1.0f);
  }
  EXPECT_EQ(fegetround(), FE_UPWARD);
  fesetround(FE_TONEAREST);
}

TEST(NumericsFloat, FlushKeepsTheSign) {
  EXPECT_EQ(bits(flush(f32(0x007fffff))), 0u);
  EXPECT_EQ(bits(flush(f32(0x807fffff))), 0x80000000u);
  EXPECT_EQ(bits(flush(f32(0x00800000))), 0x00800000u);
  EXPECT_EQ(bits(flush(f32(0x80000000))), 0x80000000u);
  EXPECT_EQ(bits(flush(f32(0x7f800000))), 0x7f800000u);
}

TEST(NumericsFloat, SaturateClampsAndMakesNaNZero) {
  EXPECT_EQ(bits(saturate(-0.0f)), 0u);
  EXPECT_EQ(bits(saturate(f32(0x7fc00000))), 0u);
  EXPECT_EQ(bits(saturate(f32(0xff800000))), 0u);
  EXPECT_EQ(saturate(0.25f), 0.25f);
  EXPECT_EQ(saturate(1.5f), 1.0f);
  EXPECT_EQ(saturate(f32(0x7f800000)), 1.0f);
  EXPECT_EQ(saturate(-3.0), 0.0);
}

TEST(NumericsFloat, MinMaxOrderZerosAndSkipNaN) {
  const float nan = f32(0x7fc01234), inf = f32(0x7f800000);
  for (auto [a, b] : {std::pair(0.0f, -0.0f), std::pair(-0.0f, 0.0f)}) {
    EXPECT_EQ(bits(numerics::min(a, b)), 0x80000000u);
    EXPECT_EQ(bits(numerics::max(a, b)), 0u);
  }
  EXPECT_EQ(numerics::min(nan, 2.0f), 2.0f);
  EXPECT_EQ(numerics::max(2.0f, nan), 2.0f);
  EXPECT_EQ(bits(numerics::min(nan, nan)), 0x7fffffffu);
  EXPECT_EQ(bits(minNaN(nan, 2.0f)), 0x7fffffffu);
  EXPECT_EQ(bits(maxNaN(2.0f, nan)), 0x7fffffffu);
  EXPECT_EQ(numerics::max(-inf, -1.0f), -1.0f);
  EXPECT_EQ(numerics::min(3.0, -4.0), -4.0);
  EXPECT_EQ(minXorSign(-3.0f, 2.0f, false), -2.0f);
  EXPECT_EQ(minXorSign(-3.0f, -2.0f, false), 2.0f);
  EXPECT_EQ(maxXorSign(-3.0f, 2.0f, false), -3.0f);
  EXPECT_EQ(maxXorSign(-3.0f, nan, false), -3.0f);
  EXPECT_EQ(bits(maxXorSign(-3.0f, nan, true)) & 0x7fffffff, 0x7fffffffu);
}

TEST(NumericsFloat, SignsAreBits) {
  EXPECT_EQ(bits(neg(f32(0x7f800001))), 0xff800001u);
  EXPECT_EQ(bits(numerics::abs(-0.0f)), 0u);
  EXPECT_EQ(numerics::copysign(-0.0f, 3.0f), -3.0f);
  EXPECT_EQ(numerics::copysign(1.0, -3.0), 3.0);
}

TEST(NumericsFloat, ComparisonsWithAndWithoutNaN) {
  const float nan = f32(0x7fffffff);
  struct {
    Compare op;
    bool less, equal, greater, unordered;
  } table[] = {
      {Compare::Eq, false, true, false, false},  {Compare::Ne, true, false, true, false},
      {Compare::Lt, true, false, false, false},  {Compare::Le, true, true, false, false},
      {Compare::Gt, false, false, true, false},  {Compare::Ge, false, true, true, false},
      {Compare::Equ, false, true, false, true},  {Compare::Neu, true, false, true, true},
      {Compare::Ltu, true, false, false, true},  {Compare::Leu, true, true, false, true},
      {Compare::Gtu, false, false, true, true},  {Compare::Geu, false, true, true, true},
      {Compare::Num, true, true, true, false},   {Compare::Nan, false, false, false, true}};
  for (const auto &row : table) {
    EXPECT_EQ(compare(row.op, 1.0f, 2.0f), row.less) << int(row.op);
    EXPECT_EQ(compare(row.op, 0.0f, -0.0f), row.equal) << int(row.op);
    EXPECT_EQ(compare(row.op, 2.0, 1.0), row.greater) << int(row.op);
    EXPECT_EQ(compare(row.op, nan, 1.0f), row.unordered) << int(row.op);
    EXPECT_EQ(compare(row.op, 1.0f, nan), row.unordered) << int(row.op);
    EXPECT_EQ(compare(row.op, -1, 2), row.less) << int(row.op);
  }
}

TEST(NumericsFloat, TestpTellsTheClasses) {
  struct {
    uint32_t bits;
    bool finite, infinite, number, notANumber, normal, subnormal;
  } table[] = {{0x00000000, true, false, true, false, false, false},
               {0x80000001, true, false, true, false, false, true},
               {0x00800000, true, false, true, false, true, false},
               {0xff7fffff, true, false, true, false, true, false},
               {0xff800000, false, true, true, false, false, false},
               {0x7f800001, false, false, false, true, false, false}};
  for (const auto &row : table) {
    float a = f32(row.bits);
    EXPECT_EQ(testp(TestP::Finite, a), row.finite);
    EXPECT_EQ(testp(TestP::Infinite, a), row.infinite);
    EXPECT_EQ(testp(TestP::Number, a), row.number);
    EXPECT_EQ(testp(TestP::NotANumber, a), row.notANumber);
    EXPECT_EQ(testp(TestP::Normal, a), row.normal);
    EXPECT_EQ(testp(TestP::Subnormal, a), row.subnormal);
  }
}

} // namespace
