// The causal convolution.
#include "test/unit/cpu/CpuLab.h"
#include "test/unit/lab/KernelTexts.h"

using namespace mamba;

namespace {

using ConvKernels = EachTarget;
MAMBA_FOR_EACH_TARGET(ConvKernels);

TEST_P(ConvKernels, EachWidth) {
  std::vector<KernelText> texts;
  for (int64_t W = 2; W <= 8; ++W)
    for (int64_t E : {1, 17, 64, 129})
      if (W <= 4 || E == 17 || E == 129)
        texts.push_back(convText(
            {.E = E, .W = W, .biased = (W + E) % 3 != 0, .silu = E != 17}));
  checkAll(texts);
}

TEST_P(ConvKernels, EachForm) {
  std::vector<KernelText> texts;
  for (int form = 0; form < 16; ++form)
    texts.push_back(convText({.E = form % 3 ? 35 : 83,
                              .W = 4,
                              .biased = (form & 1) != 0,
                              .silu = (form & 2) != 0,
                              .split = (form & 4) != 0,
                              .stateFirst = (form & 8) != 0}));
  checkAll(texts);
}

} // namespace
