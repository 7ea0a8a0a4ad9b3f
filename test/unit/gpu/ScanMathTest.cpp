// The functions of a scan over their whole range, against float64.
#include "test/unit/gpu/GpuLab.h"
#include "test/unit/lab/KernelTexts.h"

#include <cmath>
#include <functional>

using namespace mamba;

namespace {

class GpuScanMath : public OnGpu {
protected:
  /// y of a kernel whose operands `fill` changes.
  std::vector<double>
  run(const KernelText &text, const std::vector<int64_t> &lengths,
      const std::function<void(std::vector<reference::Value> &)> &fill) {
    LabKernels kernels = lab.compile({text});
    EXPECT_EQ(kernels.size(), 1u);
    if (kernels.empty())
      return {};
    auto &kernel = static_cast<GpuKernel &>(*kernels[0]);
    KernelInputs inputs =
        kernel.randomInputs(shuffledBatch(lengths, random), random);
    fill(inputs.operands);
    auto results = kernel.execute(inputs, kernel.schedules.back());
    EXPECT_TRUE(results.ok()) << results.status().message();
    return results.ok() ? (*results)[0].values : std::vector<double>();
  }

  static std::vector<double> &values(reference::Value &operand) {
    return std::get<Tensor>(operand).values;
  }

  static constexpr int64_t width = 32;

  /// y[t] = exp2(dt[t] A) y[t - 1], all of A and dt given; y[-1] = 1.
  std::vector<double> decays(const std::vector<int64_t> &lengths, bool byFma,
                             const std::function<double(size_t)> &dt,
                             const std::function<double(size_t)> &A) {
    KernelText text = scanText({.E = width, .N = 1, .log2 = true});
    text.schedule = schedule({{"col_block", width},
                              {"row_tile", 8},
                              {"chunk", 16},
                              {"threads", 32},
                              {"state_lanes", 1},
                              {"state_block", byFma}});
    return run(text, lengths, [&](std::vector<reference::Value> &operands) {
      std::fill_n(values(operands[0]).begin(), values(operands[0]).size(), 0); // u
      for (size_t i = 0; i < values(operands[1]).size(); ++i)
        values(operands[1])[i] = float(dt(i));
      for (size_t arg : {3, 5}) // C and h
        std::fill_n(values(operands[arg]).begin(), values(operands[arg]).size(), 1);
      for (size_t i = 0; i < values(operands[4]).size(); ++i)
        values(operands[4])[i] = float(A(i));
    });
  }
};

// Relative error below (6 + |x|) 1e-7 wherever the result is normal: log1p keeps
// the small ones, and nothing overflows.
TEST_F(GpuScanMath, Softplus) {
  constexpr int64_t rows = 400;
  std::string type = rowsType(1);
  KernelText text = {.args = {{"x", type}},
                     .ops = typed("%y = ssm.softplus %x", type),
                     .yields = {{"y", type}}};
  std::vector<double> x;
  for (int64_t i = 0; i < rows; ++i)
    x.push_back(float((i - rows / 2) * 87.0 / (rows / 2)));
  for (double tiny : {1e-30, 1e-7, 1e-3, -1e-30, -1e-7, -1e-3, 0.0, 1e30, -1e30})
    x.push_back(float(tiny));
  std::vector<double> y =
      run(text, {int64_t(x.size())},
          [&](std::vector<reference::Value> &operands) { values(operands[0]) = x; });
  ASSERT_EQ(y.size(), x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    double want = x[i] > 700 ? x[i] : std::log1p(std::exp(x[i]));
    EXPECT_NEAR(y[i], want, (6 + std::min(std::fabs(x[i]), 87.0)) * 1e-7 * want)
        << x[i];
  }
}

// One step from a state of 1: the decay itself.
TEST_F(GpuScanMath, PolynomialExponential) {
  constexpr int64_t sequences = 64;
  auto product = [](size_t i) { return -140.0 * double(i) / (sequences * width); };
  std::vector<double> y = decays(
      std::vector<int64_t>(sequences, 1), true,
      [&](size_t i) { return -product(i) / (1 + i % width); },
      [](size_t channel) { return -1.0 - double(channel); });
  ASSERT_EQ(y.size(), size_t(sequences * width));
  double worst = 0;
  for (size_t i = 0; i < y.size(); ++i) {
    double x = -double(float(-product(i) / (1 + i % width))) * double(1 + i % width);
    if (x > -126)
      worst = std::max(worst, std::fabs(y[i] / std::exp2(x) - 1));
    else
      EXPECT_EQ(y[i], x > -126.5 ? y[i] : 0) << x;
  }
  EXPECT_LT(worst, 4e-7);
  EXPECT_EQ(y[0], 1); // of 0 exactly
}

// 4,096 steps of slow decays: what each step is off by adds up.
TEST_F(GpuScanMath, SlowDecays) {
  constexpr int64_t steps = 4096;
  auto rate = [](size_t channel) { return -std::exp2(-24.0 + channel % 16); };
  for (bool byFma : {false, true}) {
    std::vector<double> y = decays(
        {steps}, byFma, [](size_t) { return 0.75; }, rate);
    ASSERT_EQ(y.size(), size_t(steps * width));
    double worst = 0;
    for (int64_t channel = 0; channel < width; ++channel) {
      double want = std::exp2(0.75 * double(float(rate(channel))) * steps);
      worst = std::max(
          worst, std::fabs(y[(steps - 1) * width + channel] / want - 1));
    }
    // As if each decay were off by so many of its last bits, always the same way.
    double bits = byFma ? 0.51 : 2;
    EXPECT_LT(worst, bits * steps * 0x1p-24) << (byFma ? "polynomial" : "unit");
  }
}

} // namespace
