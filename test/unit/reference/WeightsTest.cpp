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

TEST(Weights, PackPutsColumnsSideBySide) {
  Tensor x({3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  EXPECT_EQ(pack(x, 2, 2),
            Tensor({2, 2, 4}, {1, 2, 4, 5, 3, 0, 6, 0, 7, 8, 0, 0, 9, 0, 0, 0}));
}

TEST(Weights, UnpackIsTheInverseOfPack) {
  RandomTensors random(1);
  for (int64_t O : {1, 5, 16, 19})
    for (int64_t block : {1, 4, 16})
      for (int64_t interleave : {1, 2, 4}) {
        Tensor x = random({O, 3});
        EXPECT_EQ(unpack(pack(x, block, interleave), O, 3, interleave), x)
            << O << " in blocks of " << block << ", " << interleave << " columns side by side";
      }
}

TEST(Weights, UnpackDropsThePadding) {
  EXPECT_EQ(unpack(Tensor({1, 1, 3}, {1, 2, 99}), 2, 1), Tensor({2, 1}, {1, 2}));
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

/// [1, n] of these values.
Tensor oneRow(std::vector<double> values) {
  int64_t n = int64_t(values.size());
  return Tensor({1, n}, std::move(values));
}

// 8 bits: the largest magnitude over 127, 4 bits: the largest weight becomes -8;
// both rounded to bf16.
TEST(Weights, QuantScales) {
  Tensor x = oneRow({0.5, -127, 3});
  EXPECT_EQ(quantScales(x, 8), oneRow({1}));
  EXPECT_EQ(quantScales(x, 4), oneRow({127.0 / 8}));
  EXPECT_EQ(quantScales(oneRow({4, -4}), 4), oneRow({-0.5})); // the first of equals
  EXPECT_EQ(quantScales(oneRow({-4, 4}), 4), oneRow({0.5}));
  EXPECT_EQ(quantScales(oneRow({1 + 0x1p-8}), 4), oneRow({-0.125})); // ties to even
  EXPECT_EQ(quantScales(oneRow({1 + 0x3p-8}), 4), oneRow({-0.125 * (1 + 0x1p-6)}));
}

// A row of 33 weights has two groups, and the rows know nothing of each other.
TEST(Weights, QuantScalesByGroupsOfARow) {
  Tensor x({2, 33});
  x.row(0)[31] = -254;
  x.row(0)[32] = 381;
  x.row(1)[0] = 127;
  EXPECT_EQ(quantScales(x, 8), Tensor({2, 2}, {2, 3, 1, 0}));
}

TEST(Weights, QuantizeToBytes) {
  // Ties to even, clamped on both sides, and 0 where the scale is 0.
  EXPECT_EQ(quantize(oneRow({0.5, 1.5, -2.5, 127.4, 400, -400}), oneRow({1}), 8),
            oneRow({0, 2, -2, 127, 127, -127}));
  EXPECT_EQ(quantize(oneRow({5, 0, -5}), oneRow({0}), 8), oneRow({0, 0, 0}));
}

// The low half is the even column's; where the row ends, the high half is 0.
TEST(Weights, QuantizeToHalfBytes) {
  EXPECT_EQ(quantize(oneRow({1, 2, -1, -8, 7}), oneRow({1}), 4),
            oneRow({0x21, int8_t(0x8f), 0x07}));
  // 7 is the most, -8 the least.
  EXPECT_EQ(quantize(oneRow({7.5, -9}), oneRow({1}), 4), oneRow({int8_t(0x87)}));
  // A negative scale.
  EXPECT_EQ(quantize(oneRow({4, -3.5}), oneRow({-0.5}), 4), oneRow({int8_t(0x78)}));
}

TEST(Weights, Dequantize) {
  EXPECT_EQ(dequantize(oneRow({127, -127, 3}), oneRow({0.5}), 8, 3), oneRow({63.5, -63.5, 1.5}));
  EXPECT_EQ(dequantize(oneRow({0x21, int8_t(0x8f), 0x07}), oneRow({2}), 4, 5),
            oneRow({2, 4, -2, -16, 14}));
}

// The weight of the largest magnitude survives 4 bits, whichever its sign.
TEST(Weights, TheLargestOfAGroupIsMinusEight) {
  for (double largest : {3.0, -3.0}) {
    Tensor x = oneRow({0.1, largest, -0.2}), s = quantScales(x, 4), q = quantize(x, s, 4);
    EXPECT_EQ((int(q.values[0]) >> 4) & 15, 8);
    EXPECT_EQ(dequantize(q, s, 4, 3).values[1], largest);
  }
}

// What comes back is off by at most half a step, a whole one where 4 bits end at
// 7, and by what the scale's rounding to 8 bits adds.
TEST(Weights, QuantisedWeightsComeBack) {
  RandomTensors random(3);
  for (int64_t K : {1, 7, 31, 32, 33, 95, 130})
    for (int64_t bits : {8, 4}) {
      Tensor x = random({3, K}, -2, 2);
      for (double &value : x.values)
        value = roundTo(value, Precision::F32);
      Tensor s = quantScales(x, bits), q = quantize(x, s, bits);
      EXPECT_EQ(s.shape, (std::vector<int64_t>{3, (K + 31) / 32}));
      EXPECT_EQ(q.shape, (std::vector<int64_t>{3, bits == 8 ? K : (K + 1) / 2}));
      Tensor y = dequantize(q, s, bits, K);
      ASSERT_EQ(y.shape, x.shape);
      for (int64_t o = 0; o < 3; ++o)
        for (int64_t k = 0; k < K; ++k) {
          double step = std::abs(s.row(o)[k / 32]), steps = bits == 8 ? 1.0 : 1.05;
          EXPECT_LE(std::abs(y.row(o)[k] - x.row(o)[k]), steps * step) << K << " " << bits;
          // Half a step wherever the integers do not end.
          if (std::abs(x.row(o)[k]) < (bits == 8 ? 126 : 7) * step)
            EXPECT_LE(std::abs(y.row(o)[k] - x.row(o)[k]), 0.5000001 * step) << K << " " << bits;
        }
    }
}

TEST(Weights, ZerosStayZeros) {
  for (int64_t bits : {8, 4}) {
    Tensor x({2, 5}), s = quantScales(x, bits), q = quantize(x, s, bits);
    EXPECT_EQ(s, Tensor({2, 1}));
    EXPECT_EQ(dequantize(q, s, bits, 5), x);
  }
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
