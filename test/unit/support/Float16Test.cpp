#include "runtime/support/Float16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace mamba;

static const float kInfinity = std::numeric_limits<float>::infinity();
static const float kNaN = std::numeric_limits<float>::quiet_NaN();

TEST(Bf16, KnownValues) {
  EXPECT_EQ(bf16ToF32(0x3f80), 1.0f);
  EXPECT_EQ(bf16ToF32(0xc040), -3.0f);
  EXPECT_EQ(bf16ToF32(0xff80), -kInfinity);
  EXPECT_EQ(f32ToBf16(1.0f), 0x3f80);
  EXPECT_EQ(f32ToBf16(-0.0f), 0x8000);
}

TEST(Bf16, TiesGoToEven) {
  EXPECT_EQ(f32ToBf16(1.0f + 0x1p-8f), 0x3f80); // Tie, down to even.
  EXPECT_EQ(f32ToBf16(1.0f + 0x3p-8f), 0x3f82); // Tie, up to even.
  EXPECT_EQ(f32ToBf16(1.0f + 0x1p-8f + 0x1p-20f), 0x3f81);
  EXPECT_EQ(f32ToBf16(std::numeric_limits<float>::max()), 0x7f80);
}

TEST(Bf16, NaNStaysNaN) {
  EXPECT_TRUE(std::isnan(bf16ToF32(f32ToBf16(kNaN))));
  // A payload that rounding would carry into infinity or truncation lose.
  EXPECT_TRUE(
      std::isnan(bf16ToF32(f32ToBf16(std::bit_cast<float>(0x7fffffff)))));
  EXPECT_TRUE(
      std::isnan(bf16ToF32(f32ToBf16(std::bit_cast<float>(0xff800001)))));
}

TEST(Bf16, EveryValueSurvivesTheRoundTrip) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    float value = bf16ToF32(uint16_t(bits));
    if (!std::isnan(value)) {
      ASSERT_EQ(f32ToBf16(value), bits);
    }
  }
}

TEST(F16, KnownValues) {
  EXPECT_EQ(f16ToF32(0x3c00), 1.0f);
  EXPECT_EQ(f16ToF32(0xc200), -3.0f);
  EXPECT_EQ(f16ToF32(0x7bff), 65504.0f);
  EXPECT_EQ(f16ToF32(0x0001), 0x1p-24f);
  EXPECT_EQ(f16ToF32(0x83ff), -0x3ffp-24f);
  EXPECT_EQ(f16ToF32(0x0400), 0x1p-14f);
  EXPECT_EQ(f16ToF32(0x7c00), kInfinity);
  EXPECT_TRUE(std::signbit(f16ToF32(0x8000)));
  EXPECT_TRUE(std::isnan(f16ToF32(0x7e00)));
  EXPECT_TRUE(std::isnan(f16ToF32(0xfc01)));
}

TEST(F16, EveryValueIsItsDefinition) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    int exponent = (bits >> 10) & 31;
    int mantissa = bits & 0x3ff;
    if (exponent == 31)
      continue;
    double wanted = exponent == 0 ? std::ldexp(mantissa, -24)
                                  : std::ldexp(1024 + mantissa, exponent - 25);
    ASSERT_EQ(f16ToF32(uint16_t(bits)), bits & 0x8000 ? -wanted : wanted);
    ASSERT_EQ(f32ToF16(f16ToF32(uint16_t(bits))), bits);
  }
}

TEST(F16, RoundsToNearestWithTiesToEven) {
  // Around every value: the tie with the next one, and a little to each side.
  for (uint32_t bits = 0; bits < 0x7bff; ++bits) {
    float low = f16ToF32(uint16_t(bits)), high = f16ToF32(uint16_t(bits + 1));
    float tie = (low + high) / 2;
    ASSERT_EQ(f32ToF16(tie), bits + (bits & 1));
    ASSERT_EQ(f32ToF16(std::nextafter(tie, low)), bits);
    ASSERT_EQ(f32ToF16(std::nextafter(tie, high)), bits + 1);
    ASSERT_EQ(f32ToF16(-tie), 0x8000 + bits + (bits & 1));
  }
}

TEST(F16, TheLargeBecomeInfinityAndTheTinyZero) {
  EXPECT_EQ(f32ToF16(std::nextafter(65520.0f, 0.0f)), 0x7bff);
  EXPECT_EQ(f32ToF16(65520.0f), 0x7c00);
  EXPECT_EQ(f32ToF16(1e30f), 0x7c00);
  EXPECT_EQ(f32ToF16(-kInfinity), 0xfc00);
  EXPECT_EQ(f32ToF16(0x1p-25f), 0x0000);
  EXPECT_EQ(f32ToF16(std::nextafter(0x1p-25f, 1.0f)), 0x0001);
  EXPECT_EQ(f32ToF16(-1e-40f), 0x8000);
  EXPECT_TRUE(std::isnan(f16ToF32(f32ToF16(kNaN))));
}
