// Builder and runtime make the same inputs of what FORMAT.md documents, each by
// its own code.
#include "compiler/pack/Golden.h"
#include "runtime/device/Golden.h"
#include "runtime/support/Float16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

using namespace mamba;

namespace {

GoldenArg uniform(DType dtype, double lo, double hi) {
  GoldenArg arg{};
  arg.dtype = dtype;
  arg.count = 1000;
  arg.fill = GoldenArg::Fill::Uniform;
  arg.lo = lo;
  arg.hi = hi;
  return arg;
}

TEST(GoldenInputTest, Floats) {
  GoldenArg arg = uniform(DType::F32, -1.5, -0.05);
  std::vector<float> values(arg.count);
  for (uint64_t index : {0, 1, 7}) {
    fillGoldenArg(arg, index, values.data());
    for (uint64_t i = 0; i < arg.count; ++i)
      ASSERT_EQ(goldenInput(arg, index, i), values[i]);
  }
}

TEST(GoldenInputTest, HalfPrecision) {
  std::vector<uint16_t> bits(1000);
  GoldenArg half = uniform(DType::F16, -3, 3);
  fillGoldenArg(half, 2, bits.data());
  for (uint64_t i = 0; i < half.count; ++i)
    ASSERT_EQ(goldenInput(half, 2, i), f16ToF32(bits[i]));
  GoldenArg brain = uniform(DType::BF16, -3, 3);
  fillGoldenArg(brain, 2, bits.data());
  for (uint64_t i = 0; i < brain.count; ++i)
    ASSERT_EQ(goldenInput(brain, 2, i), bf16ToF32(bits[i]));
}

TEST(GoldenInputTest, Indices) {
  GoldenArg arg{};
  arg.dtype = DType::I32;
  arg.count = 1000;
  arg.fill = GoldenArg::Fill::Index;
  arg.bound = 50280;
  std::vector<int32_t> values(arg.count);
  fillGoldenArg(arg, 1, values.data());
  for (uint64_t i = 0; i < arg.count; ++i) {
    ASSERT_EQ(goldenInput(arg, 1, i), values[i]);
    ASSERT_LT(values[i], 50280);
  }
}

TEST(GoldenInputTest, AsDocumented) {
  // The first value of argument 0, from the formula of FORMAT.md by hand.
  uint64_t s = 0x6d616d6261 + 0x9e3779b97f4a7c15;
  s = (s ^ s >> 30) * 0xbf58476d1ce4e5b9;
  s = (s ^ s >> 27) * 0x94d049bb133111eb;
  s ^= s >> 31;
  float expected = float(-1 + 2 * (double(s >> 40) / 16777216.0));
  EXPECT_EQ(goldenInput(uniform(DType::F32, -1, 1), 0, 0), expected);
}

} // namespace
