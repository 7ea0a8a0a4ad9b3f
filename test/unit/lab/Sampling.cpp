#include "test/unit/lab/Sampling.h"
#include "test/unit/lab/RowTexts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace mamba {

static constexpr std::pair<int64_t, int64_t> vocabularies[] = {
    {1, 1}, {5, 4}, {33, 33}, {104, 97}, {1030, 1021}, {4100, 4099}};

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

//===----------------------------------------------------------------------===//
// ssm.sample
//===----------------------------------------------------------------------===//

namespace {
enum Operand { Logits, U, Temperature, TopK, TopP, MinP };

/// What a row is drawn with.
struct Options {
  double temperature = 1, topK = 0, topP = 1, minP = 0;
};

/// Each filter alone and with others, and at its ends; what does nothing.
std::vector<Options> mixes(int64_t valid) {
  double all = double(valid), few = double(std::min<int64_t>(valid, 7));
  std::vector<Options> mixes = {{},
                                {.temperature = 0},
                                {.temperature = 0, .topK = few, .topP = 0.5, .minP = 0.1},
                                {.topK = 1, .topP = 0.3},
                                {.topK = 2},
                                {.topK = few},
                                {.topK = std::max(2.0, all / 2)},
                                {.topK = all - 1},
                                {.topK = all},
                                {.topK = all + 100},
                                {.topP = 0.95},
                                {.topP = 0.5},
                                {.topP = 1e-6},
                                {.topP = 0.9999},
                                {.minP = 0.05},
                                {.minP = 1},
                                {.topK = few, .topP = 0.8},
                                {.topK = few, .topP = 0.9, .minP = 0.1},
                                {.topK = 40, .topP = 0.95},
                                {.topP = 0.9, .minP = 0.02}};
  for (double temperature : {1e-6, 0.1, 5.0, 100.0})
    for (Options options : {Options{}, Options{.topK = few}, Options{.topP = 0.7},
                            Options{.topK = few, .topP = 0.7, .minP = 0.01}}) {
      options.temperature = temperature;
      mixes.push_back(options);
    }
  return mixes;
}

void setOptions(KernelInputs &inputs, const std::vector<Options> &mixes) {
  for (int64_t row = 0; row < operand(inputs, Logits).rows(); ++row) {
    const Options &own = mixes[row % mixes.size()];
    operand(inputs, Temperature).values[row] = float(own.temperature);
    operand(inputs, TopK).values[row] = std::floor(own.topK);
    operand(inputs, TopP).values[row] = float(own.topP);
    operand(inputs, MinP).values[row] = float(own.minP);
  }
}

/// The tokens of the reference where its numbers are a little larger or smaller:
/// below and above stand as the smallest and largest token for some u nearby.
struct Nearby {
  std::vector<double> below, above;
};
std::vector<Nearby> nearby(const LabKernel &kernel, const KernelInputs &inputs) {
  constexpr double distance = 1e-5;
  std::vector<Nearby> all;
  for (double p : {1 - distance, 1.0, 1 + distance})
    for (double m : {1 - distance, 1.0, 1 + distance}) {
      auto tokens = [&](double shift) {
        KernelInputs moved = inputs;
        for (double &x : operand(moved, U).values)
          x = std::clamp(x + shift, 0.0, 1 - 1e-12);
        for (double &x : operand(moved, TopP).values)
          if (x < 1)
            x = std::min(x * p, 1 - 1e-12);
        for (double &x : operand(moved, MinP).values)
          x = std::min(x * m, 1.0);
        return kernel.reference(moved)[0].values;
      };
      all.push_back({tokens(-distance), tokens(distance)});
    }
  return all;
}

/// Runs the kernel; how many rows got another token than the reference's.
int64_t countOthers(const LabKernel &kernel, const KernelInputs &inputs) {
  std::vector<Tensor> want = kernel.reference(inputs), got = kernel.run(inputs);
  EXPECT_EQ(got.size(), 2u);
  if (got.size() != 2)
    return 0;
  EXPECT_TRUE(sameBits({want[1]}, {got[1]})) << "the largest logits";
  std::vector<Nearby> around;
  int64_t others = 0;
  for (int64_t row = 0; row < got[0].rows(); ++row) {
    double token = got[0].values[row];
    if (token == want[0].values[row])
      continue;
    ++others;
    if (around.empty())
      around = nearby(kernel, inputs);
    bool isNear = llvm::any_of(around, [&](const Nearby &n) {
      return n.below[row] <= token && token <= n.above[row];
    });
    EXPECT_TRUE(isNear) << "row " << row << " is " << token << ", should be "
                        << want[0].values[row];
  }
  return others;
}

/// Compares rows whose logits `shape` gives, with all mixes of options.
void checkRows(KernelLab &lab, RandomTensors &random,
               const std::function<double(int64_t row, double logit)> &shape) {
  std::vector<KernelText> texts;
  for (auto [V, valid] : vocabularies)
    texts.push_back(sampleText(V, valid));
  LabKernels kernels = lab.compile(texts);
  ASSERT_EQ(kernels.size(), texts.size());
  int64_t others = 0, rows = 0;
  for (size_t i = 0; i < kernels.size(); ++i) {
    std::vector<Options> options = mixes(vocabularies[i].second);
    for (int64_t count : {int64_t(0), int64_t(1), int64_t(2 * options.size() + 1)}) {
      SCOPED_TRACE(kernels[i]->describe());
      KernelInputs inputs = kernels[i]->randomInputs(reference::makeBatch({count}), random);
      setOptions(inputs, options);
      Tensor &logits = operand(inputs, Logits);
      for (int64_t row = 0; row < count; ++row)
        for (int64_t column = 0; column < logits.shape[1]; ++column)
          logits.row(row)[column] = float(shape(row, logits.row(row)[column]));
      // Both ends of the distribution.
      for (int64_t row = 3; row < count; row += 5)
        operand(inputs, U).values[row] = row % 2 ? 0 : 0x1.fffffep-1;
      others += countOthers(*kernels[i], inputs);
      rows += count;
    }
  }
  EXPECT_LE(others, rows / 50) << "of " << rows << " rows";
}
} // namespace

void checkDrawn(KernelLab &lab, RandomTensors &random) {
  checkRows(lab, random, [](int64_t row, double logit) {
    // Around zero, far from it, flat and steep.
    double scale[] = {1, 3, 0.01, 20}, shift[] = {0, 50, -300, 1000};
    return logit * scale[row % 4] + shift[row / 4 % 4];
  });
}

void checkTies(KernelLab &lab, RandomTensors &random) {
  checkRows(lab, random, [](int64_t row, double logit) {
    if (row % 5 == 0)
      return -2.5; // all of them
    if (row % 5 == 1)
      return logit > 0 ? 0.0 : -0.0;
    return std::round(logit * double(row % 5 - 1)) / 2;
  });
}

void checkNotFinite(KernelLab &lab, RandomTensors &random) {
  LabKernels kernels = lab.compile({sampleText(104, 97), sampleText(1030, 1021)});
  ASSERT_EQ(kernels.size(), 2u);
  constexpr double infinity = std::numeric_limits<double>::infinity(),
                   nan = std::numeric_limits<double>::quiet_NaN();
  for (const auto &kernel : kernels) {
    SCOPED_TRACE(kernel->describe());
    KernelInputs inputs = kernel->randomInputs(reference::makeBatch({8}), random);
    setOptions(inputs, {{}, {.temperature = 0}, {.topK = 5}, {.topP = 0.5}});
    Tensor &logits = operand(inputs, Logits);
    int64_t V = logits.shape[1];
    std::fill_n(logits.row(0), V, -infinity);
    std::fill_n(logits.row(1), V, -infinity);
    logits.row(2)[50] = nan;
    logits.row(3)[96] = infinity;
    logits.row(4)[0] = -nan;
    logits.row(5)[V - 1] = nan; // behind the end
    // Of the others one is left.
    std::fill_n(logits.row(6), V, -infinity);
    logits.row(6)[31] = 3;
    std::fill_n(logits.row(7), V, -std::numeric_limits<float>::max());
    logits.row(7)[31] = std::numeric_limits<float>::max();
    std::vector<Tensor> got = kernel->run(inputs), want = kernel->reference(inputs);
    ASSERT_EQ(got.size(), 2u);
    for (int64_t row = 0; row < 8; ++row) {
      SCOPED_TRACE(row);
      if (row < 5)
        EXPECT_EQ(got[0].values[row], 0);
      else
        EXPECT_EQ(got[0].values[row], row == 5 ? want[0].values[row] : 31);
      double largest = want[1].values[row];
      EXPECT_TRUE(std::isnan(largest) ? std::isnan(got[1].values[row])
                                      : got[1].values[row] == largest);
    }
  }
}

} // namespace mamba
