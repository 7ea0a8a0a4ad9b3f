// Which kernels and candidates of a model a sweep takes.
#include "compiler/tune/PredictSweep.h"

#include <gtest/gtest.h>

using namespace mamba;

namespace {

TunedKernel kernelOf(const std::string &key, size_t candidates) {
  TunedKernel kernel;
  kernel.key = *ScheduleKey::parse(key);
  for (size_t i = 0; i < candidates; ++i) {
    kernel.candidates.push_back(Schedule{.chunk = int64_t(i) + 1});
    kernel.predictedUs.push_back(double(i));
  }
  return kernel;
}

TEST(Choice, LargeSpacesAreCutByPrediction) {
  TunedKernel kernel = kernelOf("scan selective_scan f32->f32 prefill 64x16", 8);
  std::swap(kernel.predictedUs[6], kernel.predictedUs[1]);
  EXPECT_EQ(chooseCandidates(kernel, 3), (std::vector<size_t>{0, 6, 2})) << "the default first";
  EXPECT_EQ(chooseCandidates(kernel, 100).size(), 8u);
}

TEST(Choice, WithoutPredictionsSomeAreFromAllOfTheSpace) {
  TunedKernel kernel = kernelOf("scan selective_scan f32->f32 prefill 64x16", 9);
  kernel.predictedUs.clear();
  EXPECT_EQ(chooseCandidates(kernel, 3), (std::vector<size_t>{0, 1, 5}));
}

TEST(Choice, KernelsThatHangOnValuesAreNotPredicted) {
  EXPECT_TRUE(isPredictable(kernelOf("scan selective_scan f32->f32 prefill 64x16", 1)));
  EXPECT_FALSE(isPredictable(kernelOf("sample sample f32,i32->i32 decode 50x1", 1)));
}

} // namespace
