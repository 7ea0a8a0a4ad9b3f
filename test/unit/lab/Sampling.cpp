#include "test/unit/lab/Sampling.h"
#include "test/unit/lab/RowTexts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace mamba {

static constexpr std::pair<int64_t, int64_t> vocabularies[] = {
    {1, 1}, {5, 4}, {33, 33}, {104, 97}, {1030, 1021}};

static Tensor &operand(KernelInputs &inputs, unsigned i) {
  return std::get<Tensor>(inputs.operands[i]);
}

void checkGreedy(KernelLab &lab, RandomTensors &random) {
  std::vector<KernelText> texts;
  for (auto [V, valid] : vocabularies)
    texts.push_back(argmaxText(V, valid));
  LabKernels kernels = lab.compile(texts);
  ASSERT_EQ(kernels.size(), texts.size());
  for (const auto &kernel : kernels)
    for (int64_t rows : {0, 1, 37}) {
      SCOPED_TRACE(kernel->describe());
      KernelInputs inputs =
          kernel->randomInputs(reference::makeBatch({rows}), random);
      for (double &x : operand(inputs, 0).values) {
        x = std::round(8 * x);
        if (x == -8)
          x = -std::numeric_limits<double>::infinity();
        if (x == -7)
          x = std::numeric_limits<double>::quiet_NaN();
      }
      std::vector<Tensor> want = kernel->reference(inputs);
      EXPECT_TRUE(sameBits(want, kernel->run(inputs)));
    }
}

void checkCategorical(KernelLab &lab, RandomTensors &random) {
  std::vector<KernelText> texts;
  for (auto [V, valid] : vocabularies)
    texts.push_back(categoricalText(V, valid));
  LabKernels kernels = lab.compile(texts);
  ASSERT_EQ(kernels.size(), texts.size());
  for (const auto &kernel : kernels)
    for (int64_t rows : {0, 1, 61}) {
      SCOPED_TRACE(kernel->describe());
      KernelInputs inputs =
          kernel->randomInputs(reference::makeBatch({rows}), random);
      // Both ends of the distribution.
      std::vector<double> &u = operand(inputs, 1).values;
      if (rows > 1) {
        u[0] = 0;
        u[1] = 0x1.fffffep-1;
      }
      auto near = [&](double distance) {
        KernelInputs moved = inputs;
        for (double &x : operand(moved, 1).values)
          x = std::clamp(x + distance, 0.0, 0x1.fffffffffp-1);
        return kernel->reference(moved)[0].values;
      };
      std::vector<double> below = near(-1e-5), above = near(1e-5);
      std::vector<Tensor> got = kernel->run(inputs);
      ASSERT_EQ(got.size(), 1u);
      int64_t exact = 0;
      for (int64_t row = 0; row < rows; ++row) {
        double token = got[0].values[row];
        EXPECT_TRUE(below[row] <= token && token <= above[row])
            << "row " << row << ": " << token << ", not from " << below[row]
            << " to " << above[row];
        exact += below[row] == above[row];
      }
      // The test would say nothing if u decided nothing.
      EXPECT_GE(exact, rows * 9 / 10);
    }
}

void checkWithoutWeights(KernelLab &lab, RandomTensors &random) {
  LabKernels kernels = lab.compile({categoricalText(104, 97)});
  ASSERT_EQ(kernels.size(), 1u);
  KernelInputs inputs = kernels[0]->randomInputs(reference::makeBatch({4}), random);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  Tensor &logits = operand(inputs, 0);
  std::fill_n(logits.row(0), 104, -infinity);
  logits.row(1)[50] = std::numeric_limits<double>::quiet_NaN();
  logits.row(2)[50] = infinity;
  std::vector<Tensor> got = kernels[0]->run(inputs);
  ASSERT_EQ(got.size(), 1u);
  for (int64_t row : {0, 1, 2})
    EXPECT_EQ(got[0].values[row], 0) << "row " << row;
}

} // namespace mamba
