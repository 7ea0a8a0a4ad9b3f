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

TEST_P(ScanKernels, NormsOfItsInputs) {
  std::vector<KernelText> texts;
  for (auto [E, N, rank] :
       {std::tuple(37, 16, 3), {70, 5, 1}, {64, 16, 64}, {19, 33, 70}, {21, 1, 8}})
    texts.push_back(scanText(falconScan(E, N, rank)));
  texts.push_back(scanText({.E = 21, .N = 7, .deltaBias = true, .softplus = true,
                            .norms = true, .stateFirst = true}));
  texts.push_back(scanText({.E = 21, .N = 7, .rank = 3, .constantB = true, .norms = true}));
  texts.push_back(scanText({.E = 21, .N = 7, .rank = 3, .constantC = true, .norms = true}));
  for (const char *element : {"bf16", "f16"})
    texts.push_back(narrowRows(scanText(falconScan(37, 16, 5)), element, Narrow::Both));
  checkAll(texts);
}

// Their norms are 0 then, and not a quotient of zeros.
TEST_P(ScanKernels, NormsOfZeros) {
  KernelText text = scanText(falconScan(37, 16, 3));
  for (KernelText::Arg &arg : text.args)
    if (arg.name == "dbc")
      arg.lo = arg.hi = 0;
  checkAll({text});
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

//===----------------------------------------------------------------------===//
// dt projected by tile registers
//===----------------------------------------------------------------------===//

/// u and the gate in bf16, dt's rows in f32 unless all are narrow.
KernelText tileText(const ScanForm &form, bool allNarrow = false) {
  KernelText text = storeMatrix(scanText(form), "wd", "bf16");
  // dt's rows in two parts are 2^-17 off.
  text.tolerance = allNarrow ? 1e-5 : 3e-5;
  return narrowRows(text, "bf16", Narrow::Inputs,
                    allNarrow ? "" : form.split ? "dbc" : "d");
}

class TileScans : public EachTarget {
protected:
  /// On sequences around 32 rows and around a row_block.
  void checkAround(const std::vector<KernelText> &texts,
                   const std::vector<int64_t> &lengths) {
    LabKernels kernels = lab.compile(texts);
    ASSERT_EQ(kernels.size(), texts.size());
    for (const auto &kernel : kernels) {
      SCOPED_TRACE(kernel->describe());
      EXPECT_NE(kernel->describe().find("mma = 32"), std::string::npos);
      kernel->checkOn(shuffledBatch(lengths, random), random);
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Targets, TileScans,
                         testing::Values("cpu:x86-64-v4-amx"), targetTestName);

TEST_P(TileScans, EachRank) {
  std::vector<KernelText> texts;
  for (int64_t rank : {1, 3, 15, 16, 17, 32, 48, 63, 160})
    for (bool allNarrow : {false, true})
      texts.push_back(tileText(mambaScan(70, 5, rank), allNarrow));
  checkAround(texts, {1, 31, 0, 33, 64, 100});
  checkAll(texts);
}

TEST_P(TileScans, NormsOfItsInputs) {
  std::vector<KernelText> texts;
  for (int64_t rank : {5, 16, 64})
    for (bool allNarrow : {false, true})
      texts.push_back(tileText(falconScan(70, 11, rank), allNarrow));
  checkAround(texts, {1, 33, 0, 64});
}

TEST_P(TileScans, EachNumberOfChannels) {
  std::vector<KernelText> texts;
  for (int64_t E : {1, 15, 17, 33, 48, 64, 65, 131}) {
    texts.push_back(tileText(mambaScan(E, 16, 7)));
    texts.push_back(tileText({.E = E, .N = 9, .rank = 6, .deltaBias = true,
                              .softplus = true, .gateInScan = true}));
  }
  checkAround(texts, {32, 2, 47});
}

TEST_P(TileScans, LongerThanARowBlock) {
  checkAround({tileText(mambaScan(21, 4, 48))}, {255, 256, 0, 600, 257});
}

TEST_P(TileScans, EachSchedule) {
  std::vector<KernelText> texts;
  for (int i = 0; i < 10; ++i) {
    texts.push_back(tileText(mambaScan(random.integer(1, 150),
                                       random.integer(1, 20), 21 + i),
                             i % 3 == 0));
    texts.back().schedule =
        schedule({{"lanes", 16},
                  {"row_block", 32 * random.integer(1, 3)},
                  {"col_block", 16 * random.integer(1, 6)},
                  {"row_tile", 1},
                  {"chunk", random.integer(1, 40)},
                  {"state_block", 2 * random.integer(1, 8)},
                  {"mma", 32}});
  }
  checkAround(texts, {95, 1, 97, 33});
}

// Rows of f32 keep their precision, and few rows their order of sums.
TEST_P(TileScans, OnlyManyRowsOfBf16) {
  ScanForm form = mambaScan(64, 5, 48);
  std::vector<KernelText> texts = {
      storeMatrix(scanText(form), "wd", "bf16"), tileText(form), tileText(form),
      tileText(form), narrowRows(scanText(form), "bf16", Narrow::Inputs)};
  texts[1].tokenClass = "few";
  texts[2].tokenClass = "invariant";
  texts[3].tokenClass = "decode";
  LabKernels kernels = lab.compile(texts);
  ASSERT_EQ(kernels.size(), texts.size());
  for (const auto &kernel : kernels)
    EXPECT_EQ(kernel->describe().find("mma"), std::string::npos)
        << kernel->describe();
}

} // namespace
