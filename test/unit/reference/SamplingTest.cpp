#include "test/unit/reference/TestTensors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

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

struct Options {
  double temperature = 1, topK = 0, topP = 1, minP = 0;
};

Sampled sampleRow(std::vector<double> logits, double u, Options options, int64_t valid) {
  auto one = [](double x) { return Tensor({1, 1}, {x}); };
  int64_t width = logits.size();
  Tensor row({1, width}, std::move(logits)), topK({1}, {options.topK});
  Tensor at = one(u), temperature = one(options.temperature), topP = one(options.topP),
         minP = one(options.minP);
  return sample({row, at, temperature, topK, topP, minP}, valid);
}
double draw(std::vector<double> logits, double u, Options options = {}) {
  int64_t width = logits.size();
  return sampleRow(std::move(logits), u, options, width).token.values[0];
}
/// What can be drawn.
std::set<double> support(const std::vector<double> &logits, Options options) {
  std::set<double> tokens;
  for (int i = 0; i < 1000; ++i)
    tokens.insert(draw(logits, i / 1000.0, options));
  return tokens;
}
std::vector<double> logOf(std::vector<double> weights) {
  for (double &w : weights)
    w = std::log(w);
  return weights;
}

// Weights 1, 2, 1: borders at 1/4 and 3/4. What stands behind them is padding.
TEST(Sampling, InvertsTheDistributionByRisingColumns) {
  auto at = [](double u) {
    return sampleRow({0, std::log(2.0), 0, 50}, u, {}, 3).token.values[0];
  };
  EXPECT_EQ(at(0), 0);
  EXPECT_EQ(at(0.249), 0);
  EXPECT_EQ(at(0.251), 1);
  EXPECT_EQ(at(0.749), 1);
  EXPECT_EQ(at(0.751), 2);
  EXPECT_EQ(at(0.999), 2);
}

TEST(Sampling, TemperatureSharpens) {
  // Weights 1 and 2^(1/t).
  EXPECT_EQ(draw(logOf({1, 2}), 0.3), 0);
  EXPECT_EQ(draw(logOf({1, 2}), 0.3, {.temperature = 0.5}), 1);
}

TEST(Sampling, GreedyTakesTheFirstOfEqualsWhateverUIs) {
  for (Options options : {Options{.temperature = 0}, Options{.topK = 1}})
    EXPECT_EQ(support({1, 3, 0, 3}, options), std::set<double>{1});
}

TEST(Sampling, TopKKeepsTheLargestAndOfEqualsTheFirst) {
  EXPECT_EQ(support({1, 3, 2, 3}, {.topK = 3}), (std::set<double>{1, 2, 3}));
  EXPECT_EQ(support({2, 2, 2, 2}, {.topK = 2}), (std::set<double>{0, 1}));
  for (double all : {0, 4, 9})
    EXPECT_EQ(support({2, 2, 2, 2}, {.topK = all}), (std::set<double>{0, 1, 2, 3}));
}

TEST(Sampling, TopPKeepsTheFewestThatReachIt) {
  std::vector<double> logits = logOf({1, 5, 2, 2});
  EXPECT_EQ(support(logits, {.topP = 0.4}), std::set<double>{1});
  EXPECT_EQ(support(logits, {.topP = 0.6}), (std::set<double>{1, 2}));
  EXPECT_EQ(support(logits, {.topP = 0.8}), (std::set<double>{1, 2, 3}));
  EXPECT_EQ(support(logits, {.topP = 1e-9}), std::set<double>{1});
  EXPECT_EQ(support(logits, {.topP = 1}), (std::set<double>{0, 1, 2, 3}));
}

// Top-p is a share of what top-k keeps: 5/7 of 5 and 2, not of all.
TEST(Sampling, FiltersGoInOrder) {
  std::vector<double> logits = logOf({1, 5, 2, 2});
  EXPECT_EQ(support(logits, {.topK = 2, .topP = 0.7}), std::set<double>{1});
  EXPECT_EQ(support(logits, {.topP = 0.7}), (std::set<double>{1, 2}));
}

TEST(Sampling, MinPIsAShareOfTheLargest) {
  std::vector<double> logits = logOf({1, 5, 2, 2});
  EXPECT_EQ(support(logits, {.minP = 0.39}), (std::set<double>{1, 2, 3}));
  EXPECT_EQ(support(logits, {.minP = 0.41}), std::set<double>{1});
}

TEST(Sampling, WhatHasNoWeightIsNeverDrawn) {
  for (double u : {0.0, 0.5, 0.999999})
    EXPECT_EQ(draw({-infinity, 0, -infinity}, u), 1);
}

TEST(Sampling, TheLargestLogitTellsOfRowsThatHaveNoToken) {
  for (double x : {-infinity, double(NAN), infinity})
    for (double temperature : {0, 1}) {
      Sampled drawn = sampleRow({1, x, 2}, 0.9, {.temperature = temperature}, 3);
      double largest = drawn.largest.values[0];
      if (x == -infinity) {
        EXPECT_EQ(largest, 2);
        EXPECT_EQ(drawn.token.values[0], 2);
        continue;
      }
      EXPECT_TRUE(std::isnan(x) ? std::isnan(largest) : largest == x);
      EXPECT_EQ(drawn.token.values[0], 0);
    }
  EXPECT_EQ(sampleRow({-infinity, -infinity}, 0.9, {}, 2).token.values[0], 0);
  EXPECT_EQ(sampleRow({-infinity, -infinity}, 0.9, {}, 2).largest.values[0], -infinity);
  // A NaN behind the valid columns says nothing.
  EXPECT_EQ(sampleRow({1, 2, NAN}, 0.9, {}, 2).largest.values[0], 2);
}

} // namespace
} // namespace mamba::reference
