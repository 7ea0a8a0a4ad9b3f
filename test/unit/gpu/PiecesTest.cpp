// What must not change a bit of a result: how many rows are computed at once,
// and how a prompt is cut, as long as the schedule stays.
#include "test/unit/lab/Pieces.h"
#include "test/unit/gpu/GpuLab.h"
#include "test/unit/lab/KernelTexts.h"
#include "test/unit/lab/RowTexts.h"

using namespace mamba;

namespace {

class GpuPieces : public OnGpu {
protected:
  /// The kernel's own schedule gives the same bits for all cuts.
  void expectSameBits(const std::vector<KernelText> &texts) {
    constexpr int64_t tokens = 37;
    LabKernels kernels = lab.compile(texts);
    ASSERT_EQ(kernels.size(), texts.size());
    for (size_t i = 0; i < texts.size(); ++i) {
      Pieces values(texts[i], tokens, random);
      values.expectSameBits(*kernels[i], values.feed(*kernels[i], {tokens}));
    }
  }
};

TEST_F(GpuPieces, Projection) {
  std::vector<KernelText> texts;
  for (int64_t K : {45, 130})
    for (const char *tokenClass : {"few", "prefill"}) {
      texts.push_back(linearText({.K = K,
                                  .O = 81,
                                  .norm = true,
                                  .biased = true,
                                  .silu = true,
                                  .residual = true}));
      texts.back().tokenClass = tokenClass;
    }
  expectSameBits(texts);
}

TEST_F(GpuPieces, ConvolutionAndNorm) {
  expectSameBits({convText({.E = 51, .W = 4, .biased = true, .silu = true}),
                  convText({.E = 33, .W = 2, .silu = true, .split = true}),
                  normTexts(77)[1]});
}

TEST_F(GpuPieces, Scan) {
  KernelText text = scanText({.E = 51,
                              .N = 11,
                              .rank = 3,
                              .projectionBias = true,
                              .softplus = true,
                              .log2 = true,
                              .skip = true,
                              .gateAfter = true,
                              .split = true});
  std::vector<KernelText> texts(3, text);
  texts[1].schedule = schedule({{"col_block", 16},
                                {"row_tile", 4},
                                {"chunk", 16},
                                {"threads", 64},
                                {"state_lanes", 4}});
  texts[2].schedule = schedule({{"col_block", 32},
                                {"row_tile", 1},
                                {"chunk", 1},
                                {"threads", 32},
                                {"state_lanes", 1}});
  expectSameBits(texts);
}

} // namespace
