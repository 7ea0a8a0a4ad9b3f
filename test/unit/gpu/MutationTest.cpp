// An instruction of the PTX that is another one changes the result or fails.
#include "test/unit/gpu/BrokenCode.h"
#include "test/unit/lab/KernelTexts.h"
#include "test/unit/lab/RowTexts.h"

using namespace mamba;

namespace {

struct Mutation {
  const char *from, *to;
};
constexpr Mutation mutations[] = {
    {"add.rn.ftz.f32", "sub.rn.ftz.f32"}, {"sub.rn.ftz.f32", "add.rn.ftz.f32"},
    {"mul.rn.ftz.f32", "add.rn.ftz.f32"}, {"ex2.approx", "lg2.approx"},
    {"rcp.approx", "sqrt.approx"},        {"rsqrt.approx", "sqrt.approx"},
    {"shfl.sync.bfly", "shfl.sync.up"}};

class GpuMutation : public OnGpu {
protected:
  void expectAllNoticed(const KernelText &text,
                        const std::vector<int64_t> &lengths = {200, 0, 3, 1}) {
    BrokenCode code(lab, text, lengths, random);
    unsigned tried = 0;
    for (auto [from, to] : mutations)
      tried += code.replaceEach(from, to);
    EXPECT_GT(tried, 8u);
  }
};

TEST_F(GpuMutation, Norm) { expectAllNoticed(normTexts(129)[2]); }
TEST_F(GpuMutation, Convolution) {
  expectAllNoticed(convText({.E = 35, .W = 4, .biased = true, .silu = true}));
}
TEST_F(GpuMutation, ConvolutionOfReaders) {
  ConvBefore conv{.W = 4, .biased = true};
  // One row at a time: some are the first of their sequence, some are not.
  KernelText text = linearText({.K = 36, .O = 5, .conv = conv});
  text.schedule = "<lanes = 16, row_block = 1, col_block = 8, col_tile = 1, "
                  "k_block = 36, threads = 128>";
  expectAllNoticed(text);
  text = linearText({.K = 36, .O = 40, .after = {.E = 20, .conv = conv}});
  text.schedule = "<lanes = 16, row_block = 1, col_block = 8, col_tile = 1, "
                  "k_block = 36, threads = 128>";
  text.tokenClass = "decode";
  expectAllNoticed(text, {1, 0, 1, 0, 0, 1});
  text = scanText({.E = 21, .N = 3, .softplus = true, .skip = true, .conv = conv});
  text.tokenClass = "few";
  expectAllNoticed(text);
}
TEST_F(GpuMutation, Scan) {
  KernelText text = scanText({.E = 21,
                              .N = 3,
                              .rank = 3,
                              .projectionBias = true,
                              .softplus = true,
                              .skip = true,
                              .gateAfter = true,
                              .split = true});
  for (const char *schedule :
       {"<col_block = 32, row_tile = 4, chunk = 4, threads = 32, state_lanes = "
        "1, state_block = 1>",
        "<col_block = 16, row_tile = 4, chunk = 8, threads = 32, state_lanes = "
        "2>",
        "<col_block = 16, chunk = 1, threads = 32, state_lanes = 2>"}) {
    text.schedule = schedule;
    expectAllNoticed(text);
  }
}

TEST_F(GpuMutation, ScanInSlices) {
  for (bool finds : {true, false}) {
    KernelText text = scanText({.E = 21,
                                .N = 3,
                                .rank = 3,
                                .projectionBias = true,
                                .softplus = true,
                                .skip = !finds,
                                .gateAfter = !finds,
                                .split = true,
                                .slices = 3,
                                .findsSlices = finds});
    for (const char *schedule :
         {"<col_block = 32, row_tile = 4, chunk = 4, threads = 32, state_lanes "
          "= 1, state_block = 1>",
          "<col_block = 16, row_tile = 4, chunk = 8, threads = 32, state_lanes "
          "= 2>"}) {
      text.schedule = schedule;
      expectAllNoticed(text);
    }
  }
}

} // namespace
