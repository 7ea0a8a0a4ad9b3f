// Every barrier in the PTX of our kernels is needed, and its absence is found.
#include "test/unit/gpu/BrokenCode.h"
#include "test/unit/lab/KernelTexts.h"
#include "test/unit/lab/Precisions.h"
#include "test/unit/lab/RowTexts.h"

using namespace mamba;

namespace {

/// The offsets of the lines that start with the instruction.
std::vector<size_t> linesOf(const std::string &ptx, const std::string &start) {
  std::vector<size_t> lines;
  for (size_t at = ptx.find("\n\t" + start); at != std::string::npos;
       at = ptx.find("\n\t" + start, at + 1))
    lines.push_back(at + 2);
  return lines;
}

class GpuSync : public OnGpu {
protected:
  /// Takes away one barrier after the other: all but that many must be missed.
  void expectNeeded(const KernelText &text, unsigned expectedUnneeded = 0) {
    BrokenCode code(lab, text, {40, 3}, random);
    SCOPED_TRACE(code.describe());
    unsigned barriers = 0;
    std::string unneeded;
    for (const char *start : {"bar.sync", "barrier.sync", "bar.warp.sync"})
      for (size_t line : linesOf(code.ptx(), start)) {
        ++barriers;
        std::string broken = code.ptx();
        broken.insert(line, "// ");
        if (code.isNoticed(broken, BrokenCode::By::Defect))
          continue;
        unneeded += " " + code.line(line);
        --expectedUnneeded;
      }
    EXPECT_GT(barriers, 0u);
    EXPECT_EQ(expectedUnneeded, 0u) << "not needed:" << unneeded << " of\n"
                                    << code.ptx();
  }
};

// The second barrier of a sum over the block is for a next one.
TEST_F(GpuSync, Norm) { expectNeeded(normTexts(129)[0], 1); }
TEST_F(GpuSync, Projection) {
  expectNeeded(linearText({.K = 75, .O = 33, .norm = true}));
}
TEST_F(GpuSync, ProjectionOfFewRows) {
  // All of x at once, and pieces of it, in a loop and behind it.
  for (int64_t piece : {1200, 256}) {
    KernelText text = linearText({.K = 1200, .O = 9, .norm = true});
    text.schedule = schedule({{"lanes", 8},
                              {"row_block", 4},
                              {"col_block", 8},
                              {"col_tile", 2},
                              {"k_block", piece},
                              {"threads", 64}});
    expectNeeded(text);
  }
}
TEST_F(GpuSync, Scan) {
  expectNeeded(scanText({.E = 70,
                         .N = 16,
                         .rank = 3,
                         .softplus = true,
                         .gateAfter = true,
                         .split = true}));
}
// Its factors of rows are in shared memory too.
TEST_F(GpuSync, ScanWithNorms) {
  for (int64_t lanes : {1, 4}) {
    KernelText text = scanText({.E = 40,
                                .N = 16,
                                .rank = 3,
                                .softplus = true,
                                .norms = true,
                                .gateAfter = true,
                                .split = true});
    text.schedule = schedule({{"col_block", 32},
                              {"row_tile", 4},
                              {"chunk", 8},
                              {"threads", 32 * lanes},
                              {"state_lanes", lanes}});
    expectNeeded(text);
  }
}
TEST_F(GpuSync, ScanInSlices) {
  for (bool finds : {true, false})
    for (int64_t lanes : {1, 4}) {
      KernelText text = scanText({.E = 70,
                                  .N = 16,
                                  .rank = 3,
                                  .softplus = true,
                                  .gateAfter = !finds,
                                  .split = true,
                                  .slices = 2,
                                  .findsSlices = finds});
      text.schedule = schedule({{"col_block", 64},
                                {"row_tile", 4},
                                {"chunk", 8},
                                {"threads", 64 * lanes},
                                {"state_lanes", lanes}});
      expectNeeded(text);
    }
}
// Its lanes read the window that one of them writes.
TEST_F(GpuSync, ScanWithAConvolution) {
  KernelText text = scanText({.E = 20, .N = 8, .softplus = true, .conv = {.W = 4}});
  text.schedule = schedule({{"col_block", 16},
                            {"chunk", 1},
                            {"threads", 32},
                            {"state_lanes", 2}});
  expectNeeded(text);
}
TEST_F(GpuSync, ProjectionWithAConvolution) {
  KernelText text = linearText({.K = 600, .O = 9, .conv = {.W = 4}});
  text.schedule = schedule({{"lanes", 8},
                            {"row_block", 4},
                            {"col_block", 8},
                            {"col_tile", 2},
                            {"k_block", 256},
                            {"threads", 64}});
  expectNeeded(text);
}
// Its sums are other warps' dt.
TEST_F(GpuSync, ScanWithTheMatrixUnit) {
  KernelText text = storeMatrix(scanText({.E = 70,
                                          .N = 8,
                                          .rank = 16,
                                          .softplus = true,
                                          .gateAfter = true,
                                          .split = true}),
                                "wd", "bf16");
  text.schedule = schedule({{"col_block", 48},
                            {"row_tile", 8},
                            {"chunk", 16},
                            {"threads", 96},
                            {"state_lanes", 2},
                            {"mma", 16}});
  expectNeeded(text);
}
TEST_F(GpuSync, Sampling) {
  expectNeeded(argmaxText(100, 97));
  // Some numbers for all logits: rows that few columns are kept of, and others with ties.
  KernelText text = sampleText(1100, 1097);
  text.args[0].lo = 1;
  text.args[0].hi = 1.000001;
  expectNeeded(text);
}

} // namespace
