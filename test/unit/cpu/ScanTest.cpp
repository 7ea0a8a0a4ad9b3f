// The selective scan, with what is fused before and after it.
#include "test/unit/cpu/CpuLab.h"
#include "test/unit/lab/KernelTexts.h"
#include "test/unit/lab/Precisions.h"

#include <cmath>

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

// Those of an operator's A: what they make of a state overflows as f32 does.
TEST_P(ScanKernels, DecaysThatGrow) {
  KernelText text = scanText({.E = 19, .N = 5});
  for (KernelText::Arg &arg : text.args)
    if (arg.name == "A" || arg.name == "d")
      arg.lo = 10, arg.hi = 14;
  LabKernels kernels = lab.compile({text});
  ASSERT_EQ(kernels.size(), 1u);
  BatchValue batch = shuffledBatch({3}, random);
  Tensor pool = kernels[0]->run(kernels[0]->randomInputs(batch, random))[1];
  for (double h : reference::rowsOf(pool, batch.slot[0], batch.slot[0] + 1).values)
    EXPECT_TRUE(std::isinf(h)) << h;
}

// As Mamba-1 has it: dt projected from an odd rank, all inputs in one buffer.
TEST_P(ScanKernels, ProjectedTimeStep) {
  std::vector<KernelText> texts;
  for (int64_t rank : {1, 3, 5, 8})
    texts.push_back(scanText(mambaScan(37, 16, rank)));
  texts.push_back(scanText({.E = 21, .N = 7, .rank = 3}));
  texts.push_back(scanText({.E = 21, .N = 7, .rank = 3, .softplus = true}));
  texts.push_back(scanText(
      {.E = 21, .N = 7, .rank = 3, .deltaBias = true, .softplus = true}));
  checkAll(texts);
}

TEST_P(ScanKernels, EachForm) {
  std::vector<KernelText> texts;
  for (int i = 0; i < 12; ++i)
    texts.push_back(scanText(drawnScan(i, random)));
  checkAll(texts);
}

// Rows in fewer bits: dt, B and C of a split at an odd offset are read as scalars.
TEST_P(ScanKernels, NarrowRows) {
  std::vector<KernelText> texts;
  int i = 0;
  for (const char *element : {"bf16", "f16"})
    for (Narrow which : {Narrow::Inputs, Narrow::Results, Narrow::Both}) {
      texts.push_back(narrowRows(scanText(mambaScan(37, 16, 3)), element, which));
      texts.push_back(narrowRows(scanText(mambaScan(64, 5, 0)), element, which));
      texts.push_back(narrowRows(scanText(drawnScan(i++, random)), element, which));
    }
  checkAll(texts);
}

} // namespace
