// The causal convolution.
#include "test/unit/cpu/CpuLab.h"
#include "test/unit/lab/KernelTexts.h"
#include "test/unit/lab/Precisions.h"

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

// Rows in fewer bits, those of a split too; the pool stays f32.
TEST_P(ConvKernels, NarrowRows) {
  std::vector<KernelText> texts;
  for (int64_t E : {1, 7, 35, 64, 129})
    for (const char *element : {"bf16", "f16"})
      for (Narrow which : {Narrow::Inputs, Narrow::Results, Narrow::Both})
        texts.push_back(narrowRows(convText({.E = E,
                                             .W = 2 + E % 5,
                                             .biased = E % 2 == 0,
                                             .silu = E != 7,
                                             .split = E == 35}),
                                   element, which));
  checkAll(texts);
}

} // namespace
