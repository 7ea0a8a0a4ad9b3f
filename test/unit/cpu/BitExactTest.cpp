// What must not change a bit of a result: how many rows are computed at once,
// how a prompt is cut, how a schedule blocks rows, channels and time.
#include "test/unit/cpu/CpuLab.h"
#include "test/unit/lab/KernelTexts.h"
#include "test/unit/lab/Pieces.h"
#include "test/unit/lab/Precisions.h"

using namespace mamba;

namespace {

class Split : public EachTarget {
protected:
  /// All schedules give the same bits, whole, by tokens and in chunks.
  void expectSameBits(KernelText text,
                      const std::vector<std::string> &schedules) {
    constexpr int64_t tokens = 37;
    std::vector<KernelText> texts;
    for (const std::string &schedule : schedules) {
      texts.push_back(text);
      texts.back().schedule = schedule;
    }
    LabKernels kernels = lab.compile(texts);
    ASSERT_EQ(kernels.size(), schedules.size());
    Pieces values(text, tokens, random);
    std::vector<Tensor> whole = values.feed(*kernels[0], {tokens});
    for (const auto &kernel : kernels)
      values.expectSameBits(*kernel, whole);
  }
};

MAMBA_FOR_EACH_TARGET(Split);

/// Cuts of a projection: in registers and in parts of k.
const std::vector<std::string> projectionCuts = {
    "<lanes = 8, row_block = 96, col_block = 16, row_tile = 6, col_tile = 16>",
    "<lanes = 8, row_block = 5, col_block = 16, row_tile = 3, col_tile = 8>",
    "<lanes = 8, row_block = 16, col_block = 64, row_tile = 8, col_tile = 32>",
    "<lanes = 8, row_block = 1, col_block = 8, row_tile = 1, col_tile = 8>",
    "<lanes = 8, row_block = 2, col_block = 16, row_tile = 5, col_tile = 16>",
    "<lanes = 8, row_block = 32, col_block = 32, row_tile = 12, col_tile = 8, k_block = 32>",
    "<lanes = 8, row_block = 7, col_block = 48, row_tile = 6, col_tile = 16, k_block = 96>",
    "<lanes = 8, row_block = 96, col_block = 32, row_tile = 3, col_tile = 32, k_block = 160>"};

TEST_P(Split, Projection) {
  for (int64_t K : {45, 130})
    expectSameBits(linearText({.K = K,
                               .O = 81,
                               .norm = true,
                               .biased = true,
                               .silu = true,
                               .residual = true}),
                   projectionCuts);
}

TEST_P(Split, ProjectionByNarrowAndQuantisedMatrices) {
  for (const char *stored : {"bf16", "f16", "int8", "int4"})
    expectSameBits(storeMatrix(linearText({.K = 109, .O = 81, .norm = true}), "w", stored),
                   projectionCuts);
}

TEST_P(Split, ProjectionOfNarrowRows) {
  for (const char *stored : {"bf16", "int4"})
    expectSameBits(narrowRows(storeMatrix(linearText({.K = 109, .O = 81}), "w", stored), "bf16",
                              Narrow::Inputs),
                   projectionCuts);
}

TEST_P(Split, Convolution) {
  expectSameBits(convText({.E = 51, .W = 4, .biased = true, .silu = true}),
                 {"<lanes = 8, col_block = 16>", "<lanes = 8, col_block = 8>",
                  "<lanes = 8, col_block = 64>"});
}

TEST_P(Split, Scan) {
  expectSameBits(
      scanText({.E = 51,
                .N = 11,
                .rank = 3,
                .projectionBias = true,
                .softplus = true,
                .log2 = true,
                .skip = true,
                .gateAfter = true,
                .split = true}),
      {"<lanes = 8, col_block = 16, row_tile = 4, chunk = 32, state_block = 4>",
       "<lanes = 8, col_block = 16, row_tile = 1, chunk = 1, state_block = 4>",
       "<lanes = 8, col_block = 8, row_tile = 3, chunk = 5, state_block = 4>",
       "<lanes = 8, col_block = 64, row_tile = 6, chunk = 64, state_block = "
       "4>"});
}

TEST_P(Split, Norm) {
  std::string rows = rowsType(77), weight = weightType({77});
  expectSameBits({.args = {{"x", rows}, {"w", weight}},
                  .ops = "%y = ssm.rms_norm %x weight %w eps 1.0e-05 : " +
                         rows + ", " + weight,
                  .yields = {{"y", rows}}},
                 {"<lanes = 8, row_block = 64>", "<lanes = 8, row_block = 1>",
                  "<lanes = 8, row_block = 5>"});
}

} // namespace
