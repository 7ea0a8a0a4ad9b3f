// The sampler: what each option keeps, how often tokens come, and that the same
// seed gives the same tokens.
#include "runtime/model/Sampler.h"
#include "runtime/model/Random.h"
#include "runtime/model/Softmax.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <set>

using namespace mamba;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

Sampler make(SamplerOptions options, uint64_t vocab, uint64_t valid = 0) {
  auto sampler = Sampler::create(vocab, valid ? valid : vocab, options);
  EXPECT_TRUE(sampler.ok()) << sampler.status().message();
  return *sampler;
}

std::vector<int32_t> draw(Sampler &sampler, std::vector<float> logits,
                          int count) {
  std::vector<int32_t> tokens;
  for (int i = 0; i < count; ++i) {
    auto token = sampler.sample(logits);
    EXPECT_TRUE(token.ok()) << token.status().message();
    tokens.push_back(token.ok() ? *token : -1);
  }
  return tokens;
}

std::set<int32_t> support(SamplerOptions options, std::vector<float> logits) {
  Sampler sampler = make(options, logits.size());
  auto tokens = draw(sampler, logits, 4000);
  return {tokens.begin(), tokens.end()};
}

/// Logits whose softmax is `probabilities`.
std::vector<float> logOf(std::vector<double> probabilities) {
  std::vector<float> logits;
  for (double p : probabilities)
    logits.push_back(static_cast<float>(std::log(p)));
  return logits;
}

TEST(SoftmaxTest, expAgreesWithLibm) {
  for (double x = 0; x > -708; x -= 0.0371) {
    double expected = std::exp(x);
    EXPECT_NEAR(expNonPositive(x) / expected, 1, 4e-16) << x;
  }
  EXPECT_EQ(expNonPositive(0), 1);
  EXPECT_EQ(expNonPositive(-0.0), 1);
  EXPECT_EQ(expNonPositive(-709), 0);
  EXPECT_EQ(expNonPositive(-std::numeric_limits<double>::infinity()), 0);
}

TEST(SoftmaxTest, likelihoodIsTheLogSoftmax) {
  std::vector<float> logits = {1.5f, -2, 0.25f, 3, 3, -40, -kInfinity};
  double sum = 0;
  for (float logit : logits)
    sum += std::exp(double(logit));
  for (size_t i = 0; i < logits.size() - 1; ++i) {
    auto nll = negativeLogLikelihood(logits, i);
    ASSERT_TRUE(nll.ok());
    EXPECT_NEAR(*nll, std::log(sum) - logits[i], 1e-14);
  }
  EXPECT_EQ(*negativeLogLikelihood(logits, 6), kInfinity);
}

TEST(SoftmaxTest, hugeLogitsDoNotOverflow) {
  std::vector<float> logits = {3e38f, 3e38f, -3e38f};
  EXPECT_NEAR(*negativeLogLikelihood(logits, 0), std::log(2.0), 1e-12);
}

TEST(RandomTest, numbersAreThoseThatTheHeaderDefines) {
  // By hand from the formula, with Python's integers.
  EXPECT_EQ(splitmix64(0), 0xe220a8397b1dcdafu);
  EXPECT_EQ(splitmix64(1), 0x910a2dec89025cc1u);
  EXPECT_EQ(uniformDraw(0, 0), 0x1.4e0dba5e9a32fp-1);
  EXPECT_EQ(uniformDraw(7, 3), 0x1.355e43b052dc3p-1);
}

TEST(SamplerTest, greedyTakesTheLargestAndOfEqualOnesTheFirst) {
  Sampler sampler = make({.temperature = 0}, 5);
  EXPECT_EQ(*sampler.sample(std::vector<float>{1, 5, 2, 5, 0}), 1);
  EXPECT_EQ(*sampler.sample(std::vector<float>{-3, -3, -3, -3, -3}), 0);
  EXPECT_EQ(sampler.state().draws, 0u);
}

TEST(SamplerTest, frequenciesAreTheSoftmax) {
  std::vector<double> probabilities = {0.5, 0.25, 0.125, 0.1, 0.025};
  for (SamplerOptions options :
       {SamplerOptions{}, SamplerOptions{.topK = 5}, SamplerOptions{.seed = 99},
        SamplerOptions{.topP = 0.9999999}}) {
    Sampler sampler = make(options, 5);
    std::map<int32_t, int> counts;
    constexpr int draws = 40000;
    for (int32_t token : draw(sampler, logOf(probabilities), draws))
      ++counts[token];
    for (int i = 0; i < 5; ++i) {
      double p = probabilities[i];
      double sigma = std::sqrt(p * (1 - p) / draws);
      EXPECT_NEAR(double(counts[i]) / draws, p, 4.5 * sigma) << i;
    }
  }
}

TEST(SamplerTest, temperatureIsAPowerOfProbabilities) {
  Sampler sampler = make({.temperature = 0.5}, 2);
  int ones = 0;
  for (int32_t token : draw(sampler, logOf({0.25, 0.75}), 40000))
    ones += token;
  EXPECT_NEAR(ones / 40000.0, 0.9, 0.007); // 0.75^2 / (0.75^2 + 0.25^2)
}

TEST(SamplerTest, tinyTemperatureIsGreedyWithoutOverflow) {
  Sampler sampler = make({.temperature = 1e-300}, 3);
  for (int32_t token : draw(sampler, {100, 100.5f, -1e30f}, 50))
    EXPECT_EQ(token, 1);
}

TEST(SamplerTest, topKKeepsTheKLargest) {
  std::vector<float> logits = {0, 3, 1, 2, 3};
  EXPECT_EQ(support({.topK = 2}, logits), (std::set<int32_t>{1, 4}));
  EXPECT_EQ(support({.topK = 3}, logits), (std::set<int32_t>{1, 3, 4}));
  EXPECT_EQ(support({.topK = 100}, logits).size(), 5u);
  EXPECT_EQ(support({.topK = 1}, logits), std::set<int32_t>{1});
}

TEST(SamplerTest, topKOfAllIsNoTopK) {
  std::vector<float> logits = {0, 3, 1, 2, 3};
  for (double topP : {1.0, 0.9})
    for (uint32_t topK : {5u, 6u, 1000u}) {
      Sampler all = make({.topP = topP, .seed = 7}, 5);
      Sampler some = make({.topK = topK, .topP = topP, .seed = 7}, 5);
      EXPECT_EQ(draw(some, logits, 500), draw(all, logits, 500)) << topK;
    }
}

TEST(SamplerTest, topKOfEqualLogitsKeepsTheLowerIds) {
  EXPECT_EQ(support({.topK = 2}, {1, 1, 1, 1}), (std::set<int32_t>{0, 1}));
}

TEST(SamplerTest, topPKeepsTheFewestThatReachP) {
  auto logits = logOf({0.1, 0.4, 0.2, 0.3});
  EXPECT_EQ(support({.topP = 0.3}, logits), std::set<int32_t>{1});
  EXPECT_EQ(support({.topP = 0.45}, logits), (std::set<int32_t>{1, 3}));
  EXPECT_EQ(support({.topP = 0.85}, logits), (std::set<int32_t>{1, 2, 3}));
  EXPECT_EQ(support({.topP = 1e-9}, logits), std::set<int32_t>{1});
}

TEST(SamplerTest, theKeptAreDrawnInOrderOfId) {
  for (SamplerOptions options :
       {SamplerOptions{.topK = 2, .seed = 8}, {.topP = 0.95, .seed = 8}}) {
    Sampler sampler = make(options, 3);
    auto tokens = draw(sampler, logOf({0.27, 0.03, 0.7}), 50);
    for (size_t i = 0; i < tokens.size(); ++i)
      EXPECT_EQ(tokens[i], uniformDraw(8, i) < 0.27 / 0.97 ? 0 : 2) << i;
  }
}

TEST(SamplerTest, topPOverManyCandidatesEqualsAFullSort) {
  std::vector<float> logits;
  for (int i = 0; i < 1000; ++i)
    logits.push_back(static_cast<float>((i * 7919) % 1000) / 300);
  std::vector<std::pair<double, int>> sorted;
  double total = 0;
  for (int i = 0; i < 1000; ++i) {
    sorted.push_back({-std::exp(double(logits[i])), i});
    total += std::exp(double(logits[i]));
  }
  std::sort(sorted.begin(), sorted.end());
  std::set<int32_t> expected;
  double sum = 0;
  for (auto [weight, token] : sorted) {
    if (sum >= 0.6 * total)
      break;
    sum -= weight;
    expected.insert(token);
  }
  Sampler sampler = make({.topP = 0.6}, 1000);
  for (int32_t token : draw(sampler, logits, 3000))
    EXPECT_TRUE(expected.count(token)) << token;
}

TEST(SamplerTest, minPKeepsAShareOfTheBest) {
  auto logits = logOf({0.5, 0.3, 0.15, 0.05});
  EXPECT_EQ(support({.minP = 0.25}, logits), (std::set<int32_t>{0, 1, 2}));
  EXPECT_EQ(support({.minP = 1}, logits), std::set<int32_t>{0});
}

TEST(SamplerTest, filtersCombineInOrder) {
  // top-k 3 leaves 0.4, 0.3, 0.2 of 0.9; top-p 0.7 of that needs two.
  auto logits = logOf({0.4, 0.3, 0.2, 0.1});
  EXPECT_EQ(support({.topK = 3, .topP = 0.7}, logits),
            (std::set<int32_t>{0, 1}));
}

TEST(SamplerTest, repetitionPenaltyCountsWhatWasAccepted) {
  Sampler sampler = make({.repetitionPenalty = 2, .temperature = 0}, 4);
  std::vector<float> logits = {3, 2, -1, -3};
  EXPECT_EQ(*sampler.sample(logits), 0);
  ASSERT_TRUE(sampler.accept(std::vector<int32_t>{0}).ok());
  EXPECT_EQ(*sampler.sample(logits), 1); // 1.5 against 2
  ASSERT_TRUE(sampler.accept(std::vector<int32_t>{1, 1, 1}).ok());
  EXPECT_EQ(*sampler.sample(logits), 0); // 1.5 against 1: times do not count
  // A negative logit moves down too.
  EXPECT_EQ(*sampler.sample(std::vector<float>{-3, -3, -4, -9}), 2);
  sampler.reset();
  EXPECT_EQ(*sampler.sample(logits), 0);
}

TEST(SamplerTest, paddedColumnsAreNeverChosen) {
  Sampler greedy = make({.temperature = 0}, 4, 2);
  EXPECT_EQ(*greedy.sample(std::vector<float>{1, 2, 50, kNaN}), 1);
  Sampler sampler = make({.temperature = 100}, 4, 2);
  for (int32_t token : draw(sampler, {1, 2, 50, 60}, 500))
    EXPECT_LT(token, 2);
}

TEST(SamplerTest, minusInfinityIsNeverChosen) {
  Sampler sampler = make({.temperature = 5}, 3);
  for (int32_t token : draw(sampler, {-kInfinity, 0, -kInfinity}, 100))
    EXPECT_EQ(token, 1);
}

TEST(SamplerTest, sameSeedSameTokens) {
  std::vector<float> logits(100);
  for (int i = 0; i < 100; ++i)
    logits[i] = static_cast<float>(i % 17) / 5;
  SamplerOptions options{
      .temperature = 0.8, .topK = 50, .topP = 0.9, .seed = 12345};
  Sampler a = make(options, 100), b = make(options, 100);
  auto first = draw(a, logits, 200);
  EXPECT_EQ(first, draw(b, logits, 200));
  options.seed = 12346;
  Sampler c = make(options, 100);
  EXPECT_NE(first, draw(c, logits, 200));
}

TEST(SamplerTest, knownTokensOfKnownSeeds) {
  // Uniform over 16: a token is the first four bits of each draw.
  Sampler sampler = make({.seed = 42}, 16);
  auto tokens = draw(sampler, std::vector<float>(16, 0.5f), 8);
  for (uint64_t i = 0; i < tokens.size(); ++i)
    EXPECT_EQ(tokens[i], int32_t(uniformDraw(42, i) * 16));
}

TEST(SamplerTest, stateGoesOnWhereItStood) {
  std::vector<float> logits = {1, 2, 3, 4, 3, 2, 1, 0};
  SamplerOptions options{
      .repetitionPenalty = 1.3, .temperature = 1.2, .seed = 5};
  Sampler whole = make(options, 8), part = make(options, 8);
  auto step = [&](Sampler &sampler) {
    int32_t token = *sampler.sample(logits);
    EXPECT_TRUE(sampler.accept({&token, 1}).ok());
    return token;
  };
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(step(whole), step(part));
  Sampler resumed = make({}, 8);
  ASSERT_TRUE(resumed.restore(part.state()).ok());
  EXPECT_EQ(resumed.options(), options);
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(step(whole), step(resumed));
}

TEST(SamplerTest, aDamagedStateChangesNothing) {
  Sampler sampler = make({.seed = 3}, 4);
  ASSERT_TRUE(sampler.accept(std::vector<int32_t>{2}).ok());
  for (auto counts : std::vector<std::vector<std::pair<int32_t, uint64_t>>>{
           {{4, 1}}, {{-1, 1}}, {{2, 1}, {2, 1}}, {{3, 1}, {1, 1}}, {{1, 0}}}) {
    SamplerState state;
    state.counts = counts;
    EXPECT_FALSE(sampler.restore(state).ok());
  }
  SamplerState state;
  state.options.topP = 0;
  EXPECT_FALSE(sampler.restore(state).ok());
  EXPECT_EQ(sampler.options().seed, 3u);
  EXPECT_EQ(sampler.state().counts.size(), 1u);
}

TEST(SamplerTest, anotherSeedStartsAfreshTheSameGoesOn) {
  Sampler sampler = make({.seed = 3}, 4);
  draw(sampler, {0, 0, 0, 0}, 7);
  ASSERT_TRUE(sampler.setOptions({.temperature = 2, .seed = 3}).ok());
  EXPECT_EQ(sampler.state().draws, 7u);
  ASSERT_TRUE(sampler.setOptions({.seed = 4}).ok());
  EXPECT_EQ(sampler.state().draws, 0u);
}

TEST(SamplerTest, badLogitsAreNamed) {
  Sampler sampler = make({}, 3);
  for (float bad : {kNaN, kInfinity}) {
    auto token = sampler.sample(std::vector<float>{0, 1, bad});
    ASSERT_FALSE(token.ok());
    EXPECT_NE(token.status().message().find("token 2"), std::string::npos);
  }
  EXPECT_FALSE(sampler.sample(std::vector<float>(3, -kInfinity)).ok());
  EXPECT_FALSE(sampler.sample(std::vector<float>(2)).ok());
}

TEST(SamplerTest, badOptionsAreRefused) {
  double nan = std::nan("");
  for (SamplerOptions options :
       {SamplerOptions{.repetitionPenalty = 0},
        SamplerOptions{.repetitionPenalty = -1},
        SamplerOptions{.repetitionPenalty = nan},
        SamplerOptions{.temperature = -0.1}, SamplerOptions{.temperature = nan},
        SamplerOptions{.temperature = kInfinity}, SamplerOptions{.topP = 0},
        SamplerOptions{.topP = 1.01}, SamplerOptions{.topP = nan},
        SamplerOptions{.minP = -0.1}, SamplerOptions{.minP = 1.1},
        SamplerOptions{.minP = nan}})
    EXPECT_FALSE(Sampler::create(4, 4, options).ok());
  EXPECT_FALSE(Sampler::create(0, 0, {}).ok());
  EXPECT_FALSE(Sampler::create(4, 5, {}).ok());
  EXPECT_FALSE(Sampler::create(4, 0, {}).ok());
  EXPECT_FALSE(Sampler::create(uint64_t(1) << 40, 4, {}).ok());
}

TEST(SamplerTest, columnsHaveALimit) {
  for (int64_t columns : {int64_t(-1), int64_t(0), int64_t(1) << 31})
    EXPECT_EQ(Sampler::create(columns, 1, {}).status().message(),
              "vocabulary size must be from 1 to 2147483647, got " +
                  std::to_string(columns));
}

TEST(SamplerTest, tokensOutOfRangeAreNotAccepted) {
  Sampler sampler = make({}, 3);
  EXPECT_FALSE(sampler.accept(std::vector<int32_t>{1, 3}).ok());
  EXPECT_FALSE(sampler.accept(std::vector<int32_t>{-1}).ok());
  EXPECT_TRUE(sampler.state().counts.empty());
}

} // namespace
