// The selective scan with its time cut into slices, in two kernels.
#include "test/unit/cpu/CpuLab.h"
#include "test/unit/lab/Precisions.h"
#include "test/unit/lab/SlicedScans.h"

using namespace mamba;

namespace {

using ScanSlices = EachTarget;
MAMBA_FOR_EACH_TARGET(ScanSlices);

TEST_P(ScanSlices, EachNumberOfSlices) { checkAll(bothTexts(eachNumberOfSlices())); }

TEST_P(ScanSlices, EachNumberOfStates) { checkAll(bothTexts(eachNumberOfStates())); }

TEST_P(ScanSlices, EachForm) { checkAll(bothTexts(drawnSlices(random))); }

TEST_P(ScanSlices, NarrowRows) {
  std::vector<KernelText> texts;
  for (int64_t rank : {0, 3})
    for (const KernelText &text : bothTexts({mambaSlices(37, 16, rank, 3)}))
      for (const char *element : {"bf16", "f16"})
        texts.push_back(narrowRows(text, element, Narrow::Inputs));
  checkAll(texts);
}

TEST_P(ScanSlices, EachSchedule) {
  std::vector<KernelText> texts;
  for (int i = 0; i < 8; ++i)
    for (KernelText text : bothTexts(
             {mambaSlices(random.integer(1, 90), random.integer(1, 20), i % 2 * 3, 5)})) {
      text.schedule = schedule({{"lanes", 8},
                                {"col_block", 8 * (i % 5 + 1)},
                                {"row_tile", i % 3 + 1},
                                {"chunk", 5 * i + 1},
                                {"state_block", 2 * (i % 4 + 1)}});
      texts.push_back(text);
    }
  checkAll(texts);
}

TEST_P(ScanSlices, BothTogether) {
  for (int64_t slices : {2, 5, 16})
    checkTogether(lab,
                  togetherTexts(mambaSlices(random.integer(1, 80), random.integer(1, 17),
                                            random.integer(0, 1) * 3, slices)),
                  random);
}

//===----------------------------------------------------------------------===//
// dt projected by tile registers
//===----------------------------------------------------------------------===//

using TileSlices = EachTarget;
INSTANTIATE_TEST_SUITE_P(Targets, TileSlices, testing::Values("cpu:x86-64-v4-amx"),
                         targetTestName);

/// u and the gate in bf16, dt's rows in f32: in two parts 2^-17 off.
KernelText tileText(const KernelText &text) {
  KernelText stored = storeMatrix(text, "wd", "bf16");
  stored.tolerance = 3e-5;
  return narrowRows(stored, "bf16", Narrow::Inputs, "dbc");
}

TEST_P(TileSlices, EachRank) {
  std::vector<KernelText> texts;
  for (int64_t rank : {1, 16, 48, 63})
    for (const KernelText &text : bothTexts({mambaSlices(70, 5, rank, 3)}))
      texts.push_back(tileText(text));
  LabKernels kernels = lab.compile(texts);
  ASSERT_EQ(kernels.size(), texts.size());
  for (const auto &kernel : kernels) {
    SCOPED_TRACE(kernel->describe());
    EXPECT_NE(kernel->describe().find("mma = 32"), std::string::npos);
    kernel->checkOn(shuffledBatch({1, 31, 0, 33, 64, 100}, random), random);
    // Slices longer than a row_block.
    kernel->checkOn(shuffledBatch({800, 7}, random), random);
  }
}

TEST_P(TileSlices, BothTogether) {
  for (int64_t slices : {2, 7}) {
    std::vector<KernelText> texts;
    for (const KernelText &text : togetherTexts(mambaSlices(37, 16, 12, slices)))
      texts.push_back(tileText(text));
    checkTogether(lab, texts, random);
  }
}

} // namespace
