#include "runtime/device/Golden.h"

#include "runtime/support/Float16.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace mamba;

static GoldenArg makeArg(DType dtype, GoldenArg::Fill fill) {
  return {dtype, 4, fill, -1, 3, 1000};
}

// The documented generator, computed once in Python.
TEST(Golden, UniformFloats) {
  float values[4];
  fillGoldenArg(makeArg(DType::F32, GoldenArg::Fill::Uniform), 2, values);
  const float expected[] = {2.962606430053711f, 1.0107674598693848f,
                            1.3104677200317383f, 2.8869738578796387f};
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(values[i], expected[i]) << i;
  uint16_t half[4], brain[4];
  fillGoldenArg(makeArg(DType::F16, GoldenArg::Fill::Uniform), 2, half);
  fillGoldenArg(makeArg(DType::BF16, GoldenArg::Fill::Uniform), 2, brain);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(half[i], f32ToF16(expected[i])) << i;
    EXPECT_EQ(brain[i], f32ToBf16(expected[i])) << i;
  }
}

TEST(Golden, Indices) {
  const int expected[] = {880, 904, 336, 523};
  int32_t words[4];
  int64_t longs[4];
  uint8_t bytes[4];
  float floats[4];
  fillGoldenArg(makeArg(DType::I32, GoldenArg::Fill::Index), 0, words);
  fillGoldenArg(makeArg(DType::I64, GoldenArg::Fill::Index), 0, longs);
  fillGoldenArg(makeArg(DType::U8, GoldenArg::Fill::Index), 0, bytes);
  fillGoldenArg(makeArg(DType::F32, GoldenArg::Fill::Index), 0, floats);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(words[i], expected[i]) << i;
    EXPECT_EQ(longs[i], expected[i]) << i;
    EXPECT_EQ(bytes[i], expected[i] % 256) << i;
    EXPECT_EQ(floats[i], expected[i]) << i;
  }
}

TEST(Golden, Poison) {
  float floats[4];
  uint16_t halves[4];
  fillGoldenArg(makeArg(DType::F32, GoldenArg::Fill::Poison), 0, floats);
  fillGoldenArg(makeArg(DType::BF16, GoldenArg::Fill::Poison), 0, halves);
  EXPECT_TRUE(std::isnan(floats[3]));
  EXPECT_TRUE(std::isnan(bf16ToF32(halves[3])));
}

TEST(Golden, Comparison) {
  GoldenCase golden;
  golden.args = {{DType::F32, 6, GoldenArg::Fill::Poison, 0, 0, 1},
                 {DType::BF16, 2, GoldenArg::Fill::Poison, 0, 0, 1},
                 {DType::I8, 2, GoldenArg::Fill::Poison, 0, 0, 1}};
  golden.tolerance = 1e-3;
  GoldenOutput every2 = {0, 3, 2, "", 0};
  float values[] = {3, NAN, 4, NAN, 0, NAN}; // What is skipped may be anything.
  EXPECT_TRUE(
      compareGoldenOutput(golden, every2, values, std::vector<float>{3, 4, 0})
          .ok());
  EXPECT_TRUE(compareGoldenOutput(golden, every2, values,
                                  std::vector<float>{3.001f, 4, 0})
                  .ok());
  EXPECT_EQ(
      compareGoldenOutput(golden, every2, values, std::vector<float>{3, 4, 5})
          .message(),
      "argument 0 has relative error 0.707, allowed is 0.001");
  values[2] = NAN;
  EXPECT_FALSE(
      compareGoldenOutput(golden, every2, values, std::vector<float>{3, 4, 0})
          .ok());
  uint16_t brain[] = {f32ToBf16(2), f32ToBf16(-1)};
  EXPECT_TRUE(compareGoldenOutput(golden, {1, 2, 1, "", 0}, brain,
                                  std::vector<float>{2, -1})
                  .ok());
  int8_t bytes[] = {-5, 7};
  EXPECT_TRUE(compareGoldenOutput(golden, {2, 2, 1, "", 0}, bytes,
                                  std::vector<float>{-5, 7})
                  .ok());
  // Zeros expected: the error is absolute.
  float zeros[] = {1e-4f, 0, 0};
  EXPECT_TRUE(compareGoldenOutput(golden, {0, 3, 1, "", 0}, zeros,
                                  std::vector<float>{0, 0, 0})
                  .ok());
}
