// Rows and slots beyond 4 GiB, and beyond 2^31 elements, are found.
#include "test/unit/gpu/GpuLab.h"
#include "test/unit/lab/KernelTexts.h"
#include "test/unit/lab/RowTexts.h"

using namespace mamba;

namespace {

class GpuFar : public OnGpu {
protected:
  void expectFound(const KernelText &text, GpuKernel::Place place) {
    LabKernels kernels = lab.compile({text});
    ASSERT_EQ(kernels.size(), 1u);
    auto &kernel = static_cast<GpuKernel &>(*kernels[0]);
    KernelInputs inputs =
        kernel.randomInputs(shuffledBatch({5, 0, 19}, random), random);
    std::vector<Tensor> want = kernel.reference(inputs);
    for (const GpuKernel::Schedule &schedule : kernel.schedules) {
      SCOPED_TRACE(schedule.name);
      auto got = kernel.execute(inputs, schedule, place);
      ASSERT_TRUE(got.ok()) << got.status().message();
      kernel.expectRight(inputs, want, *got);
    }
  }
};

constexpr int64_t million = 1 << 20;

TEST_F(GpuFar, LastRows) {
  expectFound(lastRowTexts(33)[1], {.row = 65 * million});
}
TEST_F(GpuFar, Convolution) {
  expectFound(convText({.E = 35, .W = 4, .biased = true, .split = true}),
              {.row = 65 * million, .slot = 25 * million});
}
TEST_F(GpuFar, Scan) {
  expectFound(scanText({.E = 37,
                        .N = 8,
                        .rank = 3,
                        .softplus = true,
                        .gateAfter = true,
                        .split = true}),
              {.row = 60 * million, .slot = 8 * million});
}

} // namespace
