#include "test/unit/reference/TestTensors.h"

#include <gtest/gtest.h>

#include <cmath>

namespace mamba::reference {
namespace {

TEST(Weights, CastRounds) {
  Tensor x({2}, {1 + 0x1p-8, 0.1});
  EXPECT_EQ(cast(x, Precision::BF16), Tensor({2}, {1.0, 0x1.9ap-4}));
  EXPECT_EQ(cast(x, Precision::F32).values[1], double(0.1f));
}

TEST(Weights, ReshapeKeepsTheOrder) {
  EXPECT_EQ(reshape(Tensor({2, 1, 2}, {1, 2, 3, 4}), {2, 2}),
            Tensor({2, 2}, {1, 2, 3, 4}));
}

TEST(Weights, PackMakesPanelsOfRowsAndPadsWithZeros) {
  Tensor x({3, 2}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(pack(x, 2), Tensor({2, 2, 2}, {1, 3, 2, 4, 5, 0, 6, 0}));
  // One panel that is wider than the matrix.
  EXPECT_EQ(pack(x, 4), Tensor({1, 2, 4}, {1, 3, 5, 0, 2, 4, 6, 0}));
}

TEST(Weights, UnpackIsTheInverseOfPack) {
  RandomTensors random(1);
  for (int64_t O : {1, 5, 16, 19})
    for (int64_t block : {1, 4, 16}) {
      Tensor x = random({O, 3});
      EXPECT_EQ(unpack(pack(x, block), O), x) << O << " in blocks of " << block;
    }
}

TEST(Weights, UnpackDropsThePadding) {
  EXPECT_EQ(unpack(Tensor({1, 1, 3}, {1, 2, 99}), 2), Tensor({2, 1}, {1, 2}));
}

TEST(Weights, Decay) {
  Tensor a = decay(Tensor({2, 1}, {0, std::log(3.0)}));
  EXPECT_EQ(a.values[0], -1);
  EXPECT_DOUBLE_EQ(a.values[1], -3);
}

TEST(Weights, Scale) {
  EXPECT_EQ(scale(Tensor({3}, {1, -2, 0}), -0.5), Tensor({3}, {-0.5, 1, 0}));
}

TEST(Weights, ScaleColumns) {
  EXPECT_EQ(scaleColumns(Tensor({2, 2}, {1, 2, 3, 4}), Tensor({2}, {10, 100})),
            Tensor({2, 2}, {10, 200, 30, 400}));
}

// The weight of a norm may move into the projection that follows.
TEST(Weights, ScaledColumnsReplaceTheWeightOfTheNorm) {
  RandomTensors random(2);
  Tensor x = random({3, 7}), w = random({5, 7}), norm = random({7});
  Tensor expected = linear(rmsNorm(x, &norm, 1e-5), w);
  Tensor actual = linear(rmsNorm(x, nullptr, 1e-5), scaleColumns(w, norm));
  for (size_t i = 0; i < expected.values.size(); ++i)
    EXPECT_NEAR(actual.values[i], expected.values[i], 1e-14);
}

} // namespace
} // namespace mamba::reference
