// Statistics of timings, and who wins a race.
#include "runtime/tune/Race.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace mamba::tune;

namespace {

TEST(Statistics, MedianAndItsInterval) {
  Estimate of = estimate({5, 1, 4, 2, 3});
  EXPECT_EQ(of.median, 3);
  EXPECT_TRUE(std::isinf(of.high)) << "five timings bound nothing";
  of = estimate({1, 2, 3, 4, 5, 6});
  EXPECT_EQ(of.median, 3.5);
  EXPECT_EQ(of.low, 1);
  EXPECT_EQ(of.high, 6);
  // Of 20 the 6th from either end: 2 P(at most 5 heads) = 0.041.
  std::vector<double> twenty;
  for (int i = 1; i <= 20; ++i)
    twenty.push_back(i);
  of = estimate(twenty);
  EXPECT_EQ(of.low, 6);
  EXPECT_EQ(of.high, 15);
  EXPECT_NEAR(of.spread(), 100 * 4.5 / 10.5, 1e-9);
}

TEST(Statistics, OutliersAreLeftOut) {
  Estimate of = estimate({10, 11, 10.5, 10.2, 10.8, 10.4, 10.6, 90});
  EXPECT_EQ(of.kept, 7u);
  EXPECT_EQ(of.median, 10.5);
  // Near miss: far, but so are the others.
  EXPECT_EQ(estimate({10, 30, 50, 20, 60, 40, 90}).kept, 7u);
  // All but one are the same: nothing is known of distances.
  EXPECT_EQ(estimate({1, 1, 1, 1, 1, 1, 2}).kept, 7u);
}

TEST(Statistics, IntervalHoldsTheMedianAsOftenAsItSays) {
  std::mt19937 random(1);
  std::lognormal_distribution<double> draw(0, 1); // its median is 1
  int holds = 0;
  for (int i = 0; i < 4000; ++i) {
    std::vector<double> timings;
    for (int j = 0; j < 15; ++j)
      timings.push_back(draw(random));
    Estimate of = estimate(timings);
    holds += of.low <= 1 && 1 <= of.high;
  }
  EXPECT_GT(holds, 4000 * 0.94);
}

TEST(Statistics, RanksOnlyWhatTimingsTellApart) {
  std::vector<double> slow = {20, 21, 20, 22, 20, 21, 20, 21},
                      fast = {10, 11, 10, 12, 10, 11, 10, 11},
                      same = {10.1, 10.9, 10.1, 11.9, 9.9, 11.1, 10.1, 10.9};
  EXPECT_EQ(slower(slow, fast), 1);
  EXPECT_EQ(slower(fast, slow), -1);
  EXPECT_EQ(slower(same, fast), 0);
  // What disturbs a round disturbs both; seven rounds are too few.
  EXPECT_EQ(slower({20, 21, 20, 90, 20, 21, 20, 21}, {10, 11, 10, 50, 10, 11, 10, 11}), 1);
  EXPECT_EQ(slower({20, 21, 20, 22, 20, 21, 20}, fast), 0);

  RankCorrelation rank = rankCorrelation({2, 1, 3}, {slow, fast, same});
  EXPECT_EQ(rank.pairs, 3u);
  EXPECT_EQ(rank.apart, 2u);
  EXPECT_DOUBLE_EQ(rank.value, 0) << "one as predicted, one the other way round";
  EXPECT_DOUBLE_EQ(rankCorrelation({2, 1, 1.5}, {slow, fast, same}).value, 1);
  EXPECT_DOUBLE_EQ(rankCorrelation({1, 2, 2}, {slow, fast, same}).value, -1);
  EXPECT_DOUBLE_EQ(rankCorrelation({1, 1}, {slow, fast}).value, 0) << "predicted alike";
  EXPECT_EQ(rankCorrelation({1, 2}, {same, fast}).apart, 0u);
}

/// Runs a race of candidates with these true times, noisy by some percent.
Race raced(const std::vector<double> &times, double noise, RaceRules rules, int seed = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<double> draw(1, noise);
  Race race(times.size(), rules);
  while (std::optional<size_t> next = race.next())
    race.add(times[*next] * draw(random));
  return race;
}

TEST(Race, TheFastestWinsAndLosersStopEarly) {
  Race race = raced({10, 8, 20, 30, 9}, 0.01, {.rounds = 25, .finalists = 16});
  EXPECT_EQ(race.best(), 1u);
  EXPECT_EQ(race.timings(2).size(), 8u) << "out as soon as it can be told from the others";
  EXPECT_TRUE(race.isIn(0)) << "the default stays";
  EXPECT_EQ(race.timings(0).size(), race.timings(1).size());
  EXPECT_LT(race.timings(1).size(), 25u) << "over when only two are left, and one has won";
}

TEST(Race, EqualCandidatesRunToTheEnd) {
  Race race = raced({10, 10, 10}, 0.05, {.rounds = 12, .finalists = 16});
  EXPECT_EQ(race.timings(0).size(), 12u);
}

TEST(Race, LargeFieldsAreHalved) {
  std::vector<double> times = {50};
  for (int i = 0; i < 40; ++i)
    times.push_back(10 + i);
  Race race = raced(times, 0.02, {.rounds = 12, .finalists = 8});
  EXPECT_EQ(race.best(), 1u);
  EXPECT_EQ(race.timings(40).size(), 8u);
  EXPECT_GE(race.timings(2).size(), 6u);
  EXPECT_GE(race.timings(0).size(), 6u) << "the default is not halved away";
}

TEST(Race, EveryoneIsFirstInTurn) {
  Race race(3, {.rounds = 3, .finalists = 8});
  std::vector<size_t> order;
  while (std::optional<size_t> next = race.next()) {
    order.push_back(*next);
    race.add(1);
  }
  EXPECT_EQ(order, (std::vector<size_t>{0, 1, 2, 1, 2, 0, 2, 0, 1}));
}

TEST(Race, WhoCrashesIsOut) {
  Race race(3, {.rounds = 4, .finalists = 8});
  while (std::optional<size_t> next = race.next()) {
    if (*next == 1)
      race.drop(1);
    else
      race.add(*next == 0 ? 2.0 : 1.0);
  }
  EXPECT_FALSE(race.isIn(1));
  EXPECT_EQ(race.timings(1).size(), 0u);
  EXPECT_EQ(race.best(), 2u);
  EXPECT_EQ(race.timings(2).size(), 4u);
}

} // namespace
