#include "compiler/reference/Ops.h"
#include "runtime/support/Float16.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

namespace mamba::reference {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Rounding, TiesGoToEven) {
  // bf16 has 8 bits: between 1 and 1 + 2^-7 lies the tie 1 + 2^-8.
  EXPECT_EQ(roundTo(1 + 0x1p-8, Precision::BF16), 1.0);
  EXPECT_EQ(roundTo(1 + 3 * 0x1p-8, Precision::BF16), 1 + 0x1p-6);
  EXPECT_EQ(roundTo(-(1 + 0x1p-8), Precision::BF16), -1.0);
  EXPECT_EQ(roundTo(1 + 0x1p-11, Precision::F16), 1.0);
  EXPECT_EQ(roundTo(1 + 3 * 0x1p-11, Precision::F16), 1 + 0x1p-9);
  EXPECT_EQ(roundTo(1 + 0x1p-24, Precision::F32), 1.0);
}

TEST(Rounding, IsDoneOnceNotThroughF32) {
  // Just above a tie of bf16, too close for f32 to see.
  double aboveTie = 1 + 0x1p-8 + 0x1p-40;
  EXPECT_EQ(roundTo(aboveTie, Precision::BF16), 1 + 0x1p-7);
  EXPECT_EQ(roundTo(1 + 0x1p-11 + 0x1p-40, Precision::F16), 1 + 0x1p-10);
}

TEST(Rounding, SubnormalsKeepTheirLastPlace) {
  EXPECT_EQ(roundTo(0x1p-24, Precision::F16), 0x1p-24);
  EXPECT_EQ(roundTo(1.5 * 0x1p-24, Precision::F16), 0x1p-23);
  EXPECT_EQ(roundTo(0x1p-25, Precision::F16), 0.0);
  EXPECT_EQ(roundTo(0x1p-133, Precision::BF16), 0x1p-133);
  EXPECT_EQ(roundTo(0x1p-149, Precision::F32), 0x1p-149);
  EXPECT_TRUE(std::signbit(roundTo(-0x1p-200, Precision::F32)));
}

TEST(Rounding, OverflowIsInfinity) {
  EXPECT_EQ(roundTo(65504, Precision::F16), 65504);
  EXPECT_EQ(roundTo(65519.9, Precision::F16), 65504);
  EXPECT_EQ(roundTo(65520, Precision::F16), kInfinity);
  EXPECT_EQ(roundTo(-1e39, Precision::F32), -kInfinity);
  EXPECT_EQ(roundTo(3.4e38, Precision::BF16), kInfinity);
  EXPECT_EQ(roundTo(3.395e38, Precision::BF16), 0x1.fep127);
  EXPECT_EQ(roundTo(kInfinity, Precision::BF16), kInfinity);
  EXPECT_TRUE(std::isnan(roundTo(NAN, Precision::F16)));
}

// The runtime's integer conversions and the reference's arithmetic agree on
// floats of every size.
TEST(Rounding, AgreesWithTheRuntime) {
  std::mt19937 random(7);
  for (int i = 0; i < 1000000; ++i) {
    float x = std::bit_cast<float>(uint32_t(random()));
    if (std::isnan(x))
      continue;
    ASSERT_EQ(roundTo(x, Precision::F32), x);
    ASSERT_EQ(roundTo(x, Precision::BF16), bf16ToF32(f32ToBf16(x))) << x;
    ASSERT_EQ(roundTo(x, Precision::F16), f16ToF32(f32ToF16(x))) << x;
  }
}

TEST(Rounding, KeepsEveryHalf) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    float half = f16ToF32(uint16_t(bits)), brain = bf16ToF32(uint16_t(bits));
    if (!std::isnan(half))
      ASSERT_EQ(roundTo(half, Precision::F16), half);
    if (!std::isnan(brain))
      ASSERT_EQ(roundTo(brain, Precision::BF16), brain);
  }
}

} // namespace
} // namespace mamba::reference
