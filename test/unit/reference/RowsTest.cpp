#include "test/unit/reference/TestTensors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace mamba::reference {
namespace {

TEST(Rows, Int8RowsAreRoundedInGroups) {
  Tensor x({1, 34});
  x.values[0] = 127, x.values[1] = -63.4, x.values[2] = 0.5, x.values[3] = 1.5;
  x.values[32] = -1, x.values[33] = 0.1;
  Tensor y = int8Rows(x);
  double step = 127 * double(1.0f / 127), small = double(1.0f / 127);
  EXPECT_NEAR(y.values[0], 127, 1e-5);
  EXPECT_EQ(y.values[1], -63 * double(float(step)));
  EXPECT_EQ(y.values[2], 0); // ties to even
  EXPECT_EQ(y.values[3], 2 * double(float(step)));
  EXPECT_EQ(y.values[32], -127 * small);
  EXPECT_EQ(y.values[33], 13 * small);
}

TEST(Rows, Int8RowsOfNothingAndOfNoNumbers) {
  Tensor x({1, 70});
  x.values[0] = 0x1p-101, x.values[1] = -0x1p-120;
  x.values[40] = std::numeric_limits<double>::infinity(), x.values[41] = 1;
  x.values[64] = std::numeric_limits<double>::quiet_NaN(), x.values[65] = 5;
  Tensor y = int8Rows(x);
  for (int64_t k = 0; k < 70; ++k)
    EXPECT_EQ(std::isnan(y.values[k]), k >= 32) << k;
  EXPECT_EQ(y.values[0], 0);
}

TEST(Rows, Embedding) {
  Tensor table({3, 2}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(embedding(table, Tensor({4}, {2, 0, 2, 1})),
            Tensor({4, 2}, {5, 6, 1, 2, 5, 6, 3, 4}));
}

TEST(Rows, RmsNorm) {
  // mean(3^2, 4^2, 0, 0) = 6.25; its root is 2.5.
  Tensor x({1, 4}, {3, 4, 0, 0});
  Tensor y = rmsNorm(x, nullptr, 0);
  EXPECT_DOUBLE_EQ(y.values[0], 1.2);
  EXPECT_DOUBLE_EQ(y.values[1], 1.6);
  EXPECT_EQ(y.values[2], 0);
  Tensor weight({4}, {10, -1, 7, 7});
  y = rmsNorm(x, &weight, 0);
  EXPECT_DOUBLE_EQ(y.values[0], 12);
  EXPECT_DOUBLE_EQ(y.values[1], -1.6);
  // eps joins the mean: 6.25 + 2.75 = 9.
  EXPECT_DOUBLE_EQ(rmsNorm(x, nullptr, 2.75).values[0], 1);
}

TEST(Rows, RmsNormTakesEachRowAlone) {
  Tensor y = rmsNorm(Tensor({2, 1}, {5, -0.25}), nullptr, 0);
  EXPECT_EQ(y, Tensor({2, 1}, {1, -1}));
}

TEST(Rows, LinearReadsWeightsAsOutIn) {
  Tensor x({2, 3}, {1, 2, 3, 0, 0, 1});
  Tensor w({2, 3}, {1, 1, 1, 1, 10, 100});
  EXPECT_EQ(linear(x, w), Tensor({2, 2}, {6, 321, 1, 100}));
  Tensor bias({2}, {0.5, -1});
  EXPECT_EQ(linear(x, w, &bias), Tensor({2, 2}, {6.5, 320, 1.5, 99}));
}

TEST(Rows, SplitCutsChannelsInOrder) {
  Tensor x({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  std::vector<Tensor> parts = split(x, {1, 3});
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0], Tensor({2, 1}, {1, 5}));
  EXPECT_EQ(parts[1], Tensor({2, 3}, {2, 3, 4, 6, 7, 8}));
}

TEST(Rows, Silu) {
  EXPECT_EQ(silu(0.0), 0);
  EXPECT_DOUBLE_EQ(silu(std::log(3.0)), std::log(3.0) * 0.75);
  EXPECT_EQ(silu(1000.0), 1000);
  EXPECT_EQ(silu(-1000.0), 0);
}

TEST(Rows, Softplus) {
  EXPECT_DOUBLE_EQ(softplus(0.0), std::log(2.0));
  EXPECT_DOUBLE_EQ(softplus(std::log(2.0)), std::log(3.0));
  EXPECT_EQ(softplus(21.0), 21);
  // Far below zero softplus is exp, to all digits.
  EXPECT_DOUBLE_EQ(softplus(-50.0), std::exp(-50.0));
}

TEST(Rows, AddAndGate) {
  Tensor a({1, 2}, {1, 2}), b({1, 2}, {10, 0});
  EXPECT_EQ(add(a, b), Tensor({1, 2}, {11, 2}));
  EXPECT_EQ(gate(a, b), Tensor({1, 2}, {silu(10.0), 0}));
}

TEST(Rows, NoRowsStayNoRows) {
  Tensor none({0, 3}), w({2, 3});
  EXPECT_EQ(linear(none, w), Tensor({0, 2}));
  EXPECT_EQ(rmsNorm(none, nullptr, 1e-5), none);
  EXPECT_EQ(split(none, {1, 2})[1], Tensor({0, 2}));
  EXPECT_EQ(embedding(w, Tensor({0})), none);
}

} // namespace
} // namespace mamba::reference
