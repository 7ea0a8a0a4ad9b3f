#include "test/unit/reference/TestTensors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace mamba::reference {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

TEST(Sampling, ArgmaxTakesTheFirstOfEquals) {
  EXPECT_EQ(argmax(Tensor({2, 4}, {1, 3, 3, 0, -5, -2, -3, -2}), 4), Tensor({2}, {1, 1}));
}

TEST(Sampling, ArgmaxLeavesPaddingAndNaN) {
  EXPECT_EQ(argmax(Tensor({1, 4}, {1, NAN, 0, 9}), 3), Tensor({1}, {0}));
  EXPECT_EQ(argmax(Tensor({1, 2}, {-infinity, -infinity}), 2), Tensor({1}, {0}));
}

// Weights 1, 2, 1 of the first three columns: borders at 1/4 and 3/4.
TEST(Sampling, CategoricalInvertsTheDistribution) {
  double two = std::log(2.0);
  auto draw = [&](double u) {
    return categorical(Tensor({1, 4}, {0, two, 0, 50}), Tensor({1, 1}, {u}), Tensor({1, 1}, {1}), 3)
        .values[0];
  };
  EXPECT_EQ(draw(0), 0);
  EXPECT_EQ(draw(0.249), 0);
  EXPECT_EQ(draw(0.251), 1);
  EXPECT_EQ(draw(0.749), 1);
  EXPECT_EQ(draw(0.751), 2);
  EXPECT_EQ(draw(0.999), 2);
}

TEST(Sampling, TemperatureSharpens) {
  // Weights 1 and 2^(1/t).
  Tensor logits({1, 2}, {0, std::log(2.0)}), u({1, 1}, {0.3});
  EXPECT_EQ(categorical(logits, u, Tensor({1, 1}, {1}), 2).values[0], 0);
  EXPECT_EQ(categorical(logits, u, Tensor({1, 1}, {0.5}), 2).values[0], 1);
}

TEST(Sampling, WhatHasNoWeightIsNeverDrawn) {
  Tensor logits({1, 3}, {-infinity, 0, -infinity});
  for (double u : {0.0, 0.5, 0.999999})
    EXPECT_EQ(categorical(logits, Tensor({1, 1}, {u}), Tensor({1, 1}, {1}), 3).values[0], 1);
}

TEST(Sampling, WithoutWeightsTheFirst) {
  for (double x : {-infinity, double(NAN), infinity})
    EXPECT_EQ(categorical(Tensor({1, 2}, {x, x}), Tensor({1, 1}, {0.5}), Tensor({1, 1}, {1}), 2)
                  .values[0], 0);
}

} // namespace
} // namespace mamba::reference
