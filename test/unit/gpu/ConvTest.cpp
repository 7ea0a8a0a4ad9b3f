// The causal convolution.
#include "test/unit/gpu/GpuLab.h"
#include "test/unit/lab/KernelTexts.h"

using namespace mamba;

namespace {

using GpuConv = OnGpu;

TEST_F(GpuConv, EachWidth) {
  std::vector<KernelText> texts;
  for (int64_t W = 2; W <= 8; ++W)
    for (int64_t E : {1, 17, 129})
      if (W <= 4 || E == 17)
        texts.push_back(convText(
            {.E = E, .W = W, .biased = (W + E) % 3 != 0, .silu = E != 17}));
  checkAll(texts);
}

TEST_F(GpuConv, EachForm) {
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

TEST_F(GpuConv, Decoding) {
  std::vector<KernelText> texts;
  for (int64_t W : {2, 3, 4, 7}) {
    texts.push_back(convText({.E = 20 * W - 1,
                              .W = W,
                              .biased = W != 3,
                              .silu = true,
                              .split = W == 4}));
    texts.back().tokenClass = "decode";
  }
  checkAll(texts);
}

} // namespace
