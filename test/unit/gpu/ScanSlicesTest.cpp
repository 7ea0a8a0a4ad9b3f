// The selective scan with its time cut into slices, in two kernels.
#include "test/unit/gpu/GpuLab.h"
#include "test/unit/lab/Precisions.h"
#include "test/unit/lab/SlicedScans.h"

using namespace mamba;

namespace {

std::string cut(int64_t channels, int64_t lanes, int64_t chunk,
                int64_t fmaExp = 0, int64_t mma = 0, int64_t piece = 0) {
  return schedule({{"col_block", channels},
                   {"row_tile", 4},
                   {"k_block", piece},
                   {"chunk", chunk},
                   {"state_block", fmaExp},
                   {"threads", channels * lanes},
                   {"state_lanes", lanes},
                   {"mma", mma}});
}

using GpuScanSlices = OnGpu;

TEST_F(GpuScanSlices, EachNumberOfSlices) { checkAll(bothTexts(eachNumberOfSlices())); }

TEST_F(GpuScanSlices, EachNumberOfStates) { checkAll(bothTexts(eachNumberOfStates())); }

TEST_F(GpuScanSlices, EachForm) { checkAll(bothTexts(drawnSlices(random))); }

// Threads that share a channel, the projection in pieces or by the matrix unit,
// polynomials: what a scan can do, slices can.
TEST_F(GpuScanSlices, EachSchedule) {
  std::vector<KernelText> texts;
  auto add = [&](const ScanForm &form, const std::string &schedule) {
    for (KernelText text : bothTexts({form})) {
      text.schedule = schedule;
      texts.push_back(text);
    }
  };
  ScanForm form = mambaSlices(37, 12, 24, 5);
  add(form, cut(32, 1, 4));
  add(form, cut(32, 1, 16, /*fmaExp=*/3));
  add(form, cut(32, 1, 16, 0, 0, /*piece=*/8));
  add(form, cut(16, 2, 8, /*fmaExp=*/1));
  add(form, cut(16, 4, 32));
  add(form, cut(16, 4, 16, 0, 0, /*piece=*/16));
  add(form, cut(8, 8, 32));
  form.N = 7;
  add(form, cut(16, 4, 16));
  form = mambaSlices(37, 8, 48, 5);
  for (int64_t lanes : {1, 4})
    for (KernelText text : bothTexts({form})) {
      text = storeMatrix(text, "wd", "bf16");
      text.schedule = cut(32, lanes, 16, 0, /*mma=*/16);
      texts.push_back(text);
      texts.push_back(narrowRows(text, "bf16", Narrow::Inputs));
    }
  checkAll(texts);
}

TEST_F(GpuScanSlices, BothTogether) {
  for (int64_t slices : {2, 3, 8, 33})
    checkTogether(lab,
                  togetherTexts(mambaSlices(2 * random.integer(0, 40) + 1,
                                            2 * random.integer(0, 8) + 1,
                                            random.integer(0, 1) * 3, slices)),
                  random);
}

} // namespace
