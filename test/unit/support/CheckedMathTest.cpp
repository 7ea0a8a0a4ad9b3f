#include "runtime/support/CheckedMath.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

using namespace mamba;

TEST(CheckedMath, OverflowIsNone) {
  EXPECT_EQ(checkedMul(1ull << 32, (1ull << 32) - 1),
            (1ull << 32) * ((1ull << 32) - 1));
  EXPECT_EQ(checkedMul(1ull << 32, 1ull << 32), std::nullopt);
  EXPECT_EQ(checkedMul(0, UINT64_MAX), 0u);
  EXPECT_EQ(checkedAdd(UINT64_MAX, 0), UINT64_MAX);
  EXPECT_EQ(checkedAdd(UINT64_MAX, 1), std::nullopt);
}

TEST(CheckedMath, AlignUp) {
  EXPECT_EQ(checkedAlignUp(0, 64), 0u);
  EXPECT_EQ(checkedAlignUp(1, 64), 64u);
  EXPECT_EQ(checkedAlignUp(64, 64), 64u);
  EXPECT_EQ(checkedAlignUp(7, 3), 9u);
  EXPECT_EQ(checkedAlignUp(UINT64_MAX, 64), std::nullopt);
}

TEST(CheckedMath, ElementCount) {
  using Shape = std::vector<int64_t>;
  EXPECT_EQ(elementCount(Shape{}), 1u);
  EXPECT_EQ(elementCount(Shape{2, 3, 4}), 24u);
  EXPECT_EQ(elementCount(Shape{2, 0, 4}), 0u);
  EXPECT_EQ(elementCount(Shape{2, -1}), std::nullopt);
  EXPECT_EQ(elementCount(Shape{0, -1}), std::nullopt);
  EXPECT_EQ(elementCount(Shape{INT64_MAX, 2}), uint64_t(INT64_MAX) * 2);
  EXPECT_EQ(elementCount(Shape{INT64_MAX, 3}), std::nullopt);
  // A zero does not excuse the other extents, wherever it stands.
  EXPECT_EQ(elementCount(Shape{0, INT64_MAX, 4}), std::nullopt);
  EXPECT_EQ(elementCount(Shape{INT64_MAX, 4, 0}), std::nullopt);
}
