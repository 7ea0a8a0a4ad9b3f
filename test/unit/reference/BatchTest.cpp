// However the tokens of a sequence are fed - whole, one at a time, in chunks,
// among other sequences - the convolution and the scan give the same bits.
#include "test/unit/reference/TestTensors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>

namespace mamba::reference {
namespace {

/// An op with a state over `inputs`, tensors of one row a token.
using Op = std::function<WithState(const std::vector<Tensor> &inputs,
                                   Tensor state, const BatchValue &batch)>;

struct Case {
  std::string name;
  Op op;
  std::vector<Tensor> inputs;
  Tensor state; // of one slot
};

std::vector<Tensor> rowsOf(const std::vector<Tensor> &inputs, int64_t first,
                           int64_t last) {
  std::vector<Tensor> result;
  for (const Tensor &input : inputs)
    result.push_back(rowsOf(input, first, last));
  return result;
}

/// Feeds the tokens in pieces of these lengths.
WithState feed(const Case &c, const std::vector<int64_t> &pieces) {
  Tensor state = c.state, y;
  int64_t first = 0;
  for (int64_t piece : pieces) {
    auto [part, next] =
        c.op(rowsOf(c.inputs, first, first + piece), state, makeBatch({piece}));
    y = first == 0 && y.shape.empty() ? part : concatenate(y, part);
    state = next;
    first += piece;
  }
  return {y, state};
}

class Split : public testing::TestWithParam<int> {
protected:
  RandomTensors random{uint32_t(GetParam())};
  int64_t T = random.integer(2, 40);
  int64_t E = random.integer(1, 19);

  Case convolution() {
    int64_t W = random.integer(2, 5);
    Tensor w = random({E, W}), bias = random({E});
    bool biased = random.integer(0, 1);
    return {"conv1d",
            [=](const std::vector<Tensor> &in, Tensor state,
                const BatchValue &batch) {
              return conv1d(in[0], w, biased ? &bias : nullptr,
                            std::move(state), batch);
            },
            {random({T, E})},
            random({1, W - 1, E})};
  }

  Case scan() {
    int64_t N = random.integer(1, 9);
    Tensor A = random({E, N}, -4, -0.1), D = random({E}), bias = random({E});
    Tensor b = random({N});
    bool constant = random.integer(0, 1), log2 = random.integer(0, 1);
    bool gated = random.integer(0, 1), skip = random.integer(0, 1);
    return {"selective_scan",
            [=](const std::vector<Tensor> &in, Tensor state,
                const BatchValue &batch) {
              return selectiveScan({.u = in[0],
                                    .delta = in[1],
                                    .deltaBias = &bias,
                                    .softplus = true,
                                    .A = A,
                                    .log2Decay = log2,
                                    .B = constant ? b : in[2],
                                    .C = in[3],
                                    .D = skip ? &D : nullptr,
                                    .z = gated ? &in[4] : nullptr},
                                   std::move(state), batch);
            },
            {random({T, E}), random({T, E}), random({T, N}), random({T, N}),
             random({T, E})},
            random({1, E, N})};
  }

  std::vector<Case> cases() { return {convolution(), scan()}; }

  std::vector<int64_t> randomPieces(int64_t total) {
    std::vector<int64_t> pieces;
    while (total > 0) {
      pieces.push_back(random.integer(0, std::min<int64_t>(total, 7)));
      total -= pieces.back();
    }
    return pieces;
  }
};

TEST_P(Split, StepsAreThePrefill) {
  for (const Case &c : cases())
    EXPECT_EQ(feed(c, {T}), feed(c, std::vector<int64_t>(T, 1))) << c.name;
}

TEST_P(Split, ChunksAreThePrefill) {
  for (const Case &c : cases())
    EXPECT_EQ(feed(c, {T}), feed(c, randomPieces(T))) << c.name;
}

// The sequence stands between two others, in a slot that is not its index.
TEST_P(Split, NeighboursChangeNothing) {
  for (const Case &c : cases()) {
    int64_t before = random.integer(0, 5), after = random.integer(0, 5);
    std::vector<Tensor> inputs;
    for (const Tensor &input : c.inputs) {
      int64_t width = input.rowSize();
      inputs.push_back(concatenate(concatenate(random({before, width}), input),
                                   random({after, width})));
    }
    std::vector<int64_t> otherSlots = c.state.shape;
    otherSlots[0] = 3;
    Tensor others = random(otherSlots);
    BatchValue batch{.seqStart = {0, before, before + T, before + T + after},
                     .slot = {1, 3, 0},
                     .position = {0, 0, 0}};
    auto [y, pool] = c.op(inputs, concatenate(others, c.state), batch);

    auto [expectedY, expectedState] = feed(c, {T});
    EXPECT_EQ(rowsOf(y, before, before + T), expectedY) << c.name;
    EXPECT_EQ(rowsOf(pool, 3, 4), expectedState) << c.name;
    // Nobody owns slot 2.
    EXPECT_EQ(rowsOf(pool, 2, 3), rowsOf(others, 2, 3)) << c.name;
  }
}

INSTANTIATE_TEST_SUITE_P(RandomShapes, Split, testing::Range(0, 25));

} // namespace
} // namespace mamba::reference
