// The convolution, the scan and last_rows against values computed by hand.
#include "test/unit/reference/TestTensors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace mamba::reference {
namespace {

TEST(LastRows, TakesTheLastRowOfEachSequence) {
  Tensor x({3, 2}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(lastRows(x, makeBatch({2, 0, 1})),
            Tensor({3, 2}, {3, 4, 0, 0, 5, 6}));
}

TEST(Conv1d, NewestSampleMeetsTheLastTap) {
  Tensor x({2, 1}, {10, 20}), w({1, 3}, {1, 2, 3});
  Tensor state({1, 2, 1}, {5, 7}); // oldest first
  auto [y, next] = conv1d(x, w, nullptr, state, makeBatch({2}));
  // 1*5 + 2*7 + 3*10, then 1*7 + 2*10 + 3*20
  EXPECT_EQ(y, Tensor({2, 1}, {49, 87}));
  EXPECT_EQ(next, Tensor({1, 2, 1}, {10, 20}));
}

TEST(Conv1d, ChannelsStayApartAndTakeTheirBias) {
  Tensor x({1, 2}, {1, 1}), w({2, 2}, {0, 1, 10, 100}), bias({2}, {-1, 1000});
  Tensor state({1, 1, 2}, {3, 4});
  auto [y, next] = conv1d(x, w, &bias, state, makeBatch({1}));
  EXPECT_EQ(y, Tensor({1, 2}, {0, 1140}));
  EXPECT_EQ(next, Tensor({1, 1, 2}, {1, 1}));
}

TEST(Conv1d, ShortStepKeepsOlderInputsInTheState) {
  Tensor x({1, 1}, {9}), w({1, 4}, {1, 1, 1, 1}), state({1, 3, 1}, {1, 2, 3});
  auto [y, next] = conv1d(x, w, nullptr, state, makeBatch({1}));
  EXPECT_EQ(y, Tensor({1, 1}, {15}));
  EXPECT_EQ(next, Tensor({1, 3, 1}, {2, 3, 9}));
}

TEST(Conv1d, SequencesUseTheirSlots) {
  Tensor x({2, 1}, {1, 2}),
      w({1, 2}, {1, 0}); // the output is the sample before
  Tensor state({3, 1, 1}, {10, 20, 30});
  BatchValue batch{
      .seqStart = {0, 1, 1, 2}, .slot = {2, 1, 0}, .position = {4, 4, 4}};
  auto [y, next] = conv1d(x, w, nullptr, state, batch);
  EXPECT_EQ(y, Tensor({2, 1}, {30, 10}));
  // Slot 1 belongs to the sequence without rows.
  EXPECT_EQ(next, Tensor({3, 1, 1}, {2, 20, 1}));
}

// One channel, one state; dt is 2 and exp(dt A) is 1/2.
class Scan : public testing::Test {
protected:
  Tensor u{{2, 1}, {3, 5}}, delta{{2, 1}, {2, 2}};
  Tensor A{{1, 1}, {-std::log(2.0) / 2}};
  Tensor B{{2, 1}, {1, 10}}, C{{2, 1}, {1, 100}};
  Tensor state{{1, 1, 1}, {8}};

  void expectNear(const Tensor &actual, const Tensor &expected) {
    ASSERT_EQ(actual.shape, expected.shape);
    for (size_t i = 0; i < expected.values.size(); ++i)
      EXPECT_NEAR(actual.values[i], expected.values[i],
                  1e-13 * std::abs(expected.values[i]));
  }
};

TEST_F(Scan, Recurrence) {
  auto [y, next] = selectiveScan(
      {.u = u, .delta = delta, .A = A, .B = B, .C = C}, state, makeBatch({2}));
  // h = 8/2 + 2*3*1 = 10, then 10/2 + 2*5*10 = 105
  expectNear(y, Tensor({2, 1}, {10, 10500}));
  expectNear(next, Tensor({1, 1, 1}, {105}));
}

TEST_F(Scan, DecayAsAPowerOfTwo) {
  Tensor A2({1, 1}, {-0.5});
  auto [y, next] = selectiveScan(
      {.u = u, .delta = delta, .A = A2, .log2Decay = true, .B = B, .C = C},
      state, makeBatch({2}));
  EXPECT_EQ(y, Tensor({2, 1}, {10, 10500}));
}

TEST_F(Scan, SkipIsAddedBeforeTheGate) {
  Tensor D({1}, {2}), z({2, 1}, {0, std::log(3.0)});
  auto [y, next] = selectiveScan(
      {.u = u, .delta = delta, .A = A, .B = B, .C = C, .D = &D, .z = &z}, state,
      makeBatch({2}));
  expectNear(y, Tensor({2, 1}, {0, (10500 + 10) * std::log(3.0) * 0.75}));
  expectNear(next, Tensor({1, 1, 1}, {105}));
}

TEST_F(Scan, BiasIsAddedBeforeSoftplus) {
  // softplus(ln(e^2 - 1)) = 2
  double inverse = std::log(std::expm1(2.0));
  Tensor bias({1}, {1}), raw({2, 1}, {inverse - 1, inverse - 1});
  auto [y, next] = selectiveScan({.u = u,
                                  .delta = raw,
                                  .deltaBias = &bias,
                                  .softplus = true,
                                  .A = A,
                                  .B = B,
                                  .C = C},
                                 state, makeBatch({2}));
  expectNear(y, Tensor({2, 1}, {10, 10500}));
}

TEST_F(Scan, BAndCConstantInTime) {
  Tensor b({1}, {1}), c({1}, {100});
  auto [y, next] = selectiveScan(
      {.u = u, .delta = delta, .A = A, .B = b, .C = c}, state, makeBatch({2}));
  // h = 10, then 10/2 + 2*5*1 = 15
  expectNear(y, Tensor({2, 1}, {1000, 1500}));
}

TEST_F(Scan, StatesOfAChannelAddUp) {
  Tensor A2({1, 2}, {-0.5, -1}), B2({2, 2}, {1, 1, 0, 0}),
      C2({2, 2}, {1, 10, 1, 10});
  auto [y, next] = selectiveScan(
      {.u = u, .delta = delta, .A = A2, .log2Decay = true, .B = B2, .C = C2},
      Tensor({1, 1, 2}), makeBatch({2}));
  // h = (6, 6), then (3, 1.5)
  EXPECT_EQ(y, Tensor({2, 1}, {66, 18}));
  EXPECT_EQ(next, Tensor({1, 1, 2}, {3, 1.5}));
}

TEST_F(Scan, SequenceWithoutRowsChangesNothing) {
  BatchValue batch{.seqStart = {0, 0, 2}, .slot = {1, 0}, .position = {3, 0}};
  auto [y, next] =
      selectiveScan({.u = u, .delta = delta, .A = A, .B = B, .C = C},
                    Tensor({2, 1, 1}, {8, 77}), batch);
  expectNear(y, Tensor({2, 1}, {10, 10500}));
  expectNear(next, Tensor({2, 1, 1}, {105, 77}));
}

// dt of a sum of steps is the sum of their dt, and a slice that a sequence enters
// begins where the slice before it ends: a whole scan and one in slices differ
// by rounding alone.
TEST(ScanSlices, LeaveEveryResultAsItIs) {
  RandomTensors random(11);
  int64_t E = 3, N = 2;
  // Sequences within a slice, over two and over several, and without rows.
  BatchValue batch{.seqStart = {0, 3, 3, 4, 17, 19, 19},
                   .slot = {2, 6, 0, 5, 1, 3},
                   .position = {0, 9, 4, 1, 0, 0}};
  Tensor u = random({19, E}), delta = random({19, E}), bias = random({E}), A = random({E, N}),
         B = random({19, N}), C = random({19, N}), h = random({7, E, N});
  ScanOperands in{.u = u, .delta = delta, .deltaBias = &bias, .softplus = true, .A = A, .B = B,
                  .C = C};
  auto [y, next] = selectiveScan(in, h, batch);
  for (int64_t slices : {1, 2, 3, 4, 5, 7, 18, 19, 20, 50}) {
    Tensor p = scanSlices(in, h, batch, slices);
    ASSERT_EQ(p.shape, (std::vector<int64_t>{slices, 2 * N + 1, E}));
    auto [ySliced, nextSliced] = selectiveScan(in, h, batch, &p);
    auto expectSame = [&](const Tensor &found, const Tensor &whole) {
      for (size_t i = 0; i < whole.values.size(); ++i)
        EXPECT_NEAR(found.values[i], whole.values[i],
                    1e-13 * std::max(1.0, std::abs(whole.values[i])))
            << slices << " slices, element " << i;
    };
    expectSame(ySliced, y);
    expectSame(nextSliced, next);
  }
}

TEST_F(Scan, SlicesByHand) {
  // Three slices of one row: a sequence from h = 8, which goes on, and nothing.
  Tensor p = scanSlices({.u = u, .delta = delta, .A = A, .B = B, .C = C}, state, makeBatch({2}), 3);
  // h = 10 at the end of the first, begun from 8; 2 * 5 * 10 = 100 of the second, from 0.
  expectNear(p, Tensor({3, 3, 1}, {10, 2, 8, 100, 2, 0, 0, 0, 0}));
}

// The scan reads what it is told: a wrong state between slices is seen.
TEST_F(Scan, SlicesAreRead) {
  ScanOperands in{.u = u, .delta = delta, .A = A, .B = B, .C = C};
  Tensor p = scanSlices(in, state, makeBatch({2}), 2);
  p.values[0] = 20; // not 10
  auto [y, next] = selectiveScan(in, state, makeBatch({2}), &p);
  expectNear(y, Tensor({2, 1}, {10, 11000}));
  expectNear(next, Tensor({1, 1, 1}, {110}));
}

} // namespace
} // namespace mamba::reference
