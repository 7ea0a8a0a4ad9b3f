#include "runtime/support/DType.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

using namespace mamba;

TEST(DType, NamesGoBothWays) {
#define CHECK_DTYPE(name, bits)                                                \
  EXPECT_EQ(dtypeName(DType::name), #name);                                    \
  EXPECT_EQ(parseDType(#name), DType::name);                                   \
  EXPECT_EQ(dtypeBits(DType::name), unsigned(bits));
  MAMBA_DTYPES(CHECK_DTYPE)
#undef CHECK_DTYPE
}

TEST(DType, OnlyExactNamesCount) {
  for (const char *name : {"", "f32", "F32 ", "F8", "float32", "F128"})
    EXPECT_EQ(parseDType(name), std::nullopt) << name;
}

TEST(DType, TensorBytes) {
  using Shape = std::vector<int64_t>;
  EXPECT_EQ(tensorBytes(DType::F32, Shape{}), 4u);
  EXPECT_EQ(tensorBytes(DType::BF16, Shape{3, 5}), 30u);
  EXPECT_EQ(tensorBytes(DType::C64, Shape{2}), 16u);
  EXPECT_EQ(tensorBytes(DType::F64, Shape{0}), 0u);
  EXPECT_EQ(tensorBytes(DType::F64, Shape{int64_t(1) << 61}), std::nullopt);
  EXPECT_EQ(tensorBytes(DType::U8, Shape{-1}), std::nullopt);
}

TEST(DType, ElementsBelowAByteArePacked) {
  using Shape = std::vector<int64_t>;
  EXPECT_EQ(tensorBytes(DType::F4, Shape{6}), 3u);
  EXPECT_EQ(tensorBytes(DType::F4, Shape{7}), std::nullopt);
  EXPECT_EQ(tensorBytes(DType::F6_E2M3, Shape{4}), 3u);
  EXPECT_EQ(dtypeBytes(DType::F4), 0u);
  EXPECT_EQ(dtypeBytes(DType::F16), 2u);
}
