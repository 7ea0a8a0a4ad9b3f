// The selective scan, with what is fused before and after it.
#include "test/unit/cpu/CpuLab.h"
#include "test/unit/lab/KernelTexts.h"

using namespace mamba;

namespace {

using ScanKernels = EachTarget;
MAMBA_FOR_EACH_TARGET(ScanKernels);

TEST_P(ScanKernels, EachNumberOfStates) {
  std::vector<KernelText> texts;
  bool odd = false;
  for (int64_t N : {1, 2, 5, 8, 15, 16, 17, 33, 64, 256}) {
    texts.push_back(
        scanText({.E = odd ? 19 : 70, .N = N, .log2 = odd, .skip = odd}));
    odd = !odd;
  }
  checkAll(texts);
}

TEST_P(ScanKernels, EachNumberOfChannels) {
  std::vector<KernelText> texts;
  for (int64_t E : {1, 3, 16, 17, 31, 64, 65, 131})
    texts.push_back(scanText(
        {.E = E, .N = 5, .softplus = true, .skip = true, .gateInScan = true}));
  checkAll(texts);
}

// As Mamba-1 has it: dt projected from an odd rank, all inputs in one buffer.
TEST_P(ScanKernels, ProjectedTimeStep) {
  std::vector<KernelText> texts;
  for (int64_t rank : {1, 3, 5, 8})
    texts.push_back(scanText({.E = 37,
                              .N = 16,
                              .rank = rank,
                              .projectionBias = true,
                              .softplus = true,
                              .log2 = true,
                              .skip = true,
                              .gateAfter = true,
                              .split = true}));
  texts.push_back(scanText({.E = 21, .N = 7, .rank = 3}));
  texts.push_back(scanText({.E = 21, .N = 7, .rank = 3, .softplus = true}));
  texts.push_back(scanText(
      {.E = 21, .N = 7, .rank = 3, .deltaBias = true, .softplus = true}));
  checkAll(texts);
}

TEST_P(ScanKernels, EachForm) {
  std::vector<KernelText> texts;
  for (int i = 0; i < 12; ++i) {
    auto coin = [&] { return random.integer(0, 1) != 0; };
    ScanForm form = {.E = 2 * random.integer(0, 45) + 1,
                     .N = random.integer(1, 20)};
    form.deltaBias = coin();
    form.softplus = coin();
    form.constantB = i % 4 == 1 || i % 4 == 2;
    form.constantC = i % 4 >= 2;
    form.log2 = coin();
    form.skip = coin();
    form.gateInScan = coin();
    form.gateAfter = !form.gateInScan && coin();
    form.stateFirst = coin();
    texts.push_back(scanText(form));
  }
  checkAll(texts);
}

} // namespace
