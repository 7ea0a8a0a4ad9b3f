// Kernels that treat each row by itself.
#include "test/unit/gpu/GpuLab.h"
#include "test/unit/lab/RowTexts.h"

using namespace mamba;

namespace {

using GpuRows = OnGpu;

/// Below, at and beyond a warp, and beyond the widest block.
const std::vector<int64_t> widths = {1, 3, 31, 44, 64, 129, 517};

TEST_F(GpuRows, Embedding) { checkAll(ofEach(widths, embeddingTexts)); }
TEST_F(GpuRows, Norms) { checkAll(ofEach(widths, normTexts)); }
TEST_F(GpuRows, ElementwiseExpressions) {
  checkAll(ofEach({1, 44, 129}, expressionTexts));
}
TEST_F(GpuRows, Splits) { checkAll(ofEach({1, 3, 44, 129}, splitTexts)); }
TEST_F(GpuRows, LastRows) { checkAll(ofEach(widths, lastRowTexts)); }

TEST_F(GpuRows, AnyNumberOfThreads) {
  std::vector<KernelText> texts;
  for (int64_t threads : {32, 64, 96, 480, 1024}) {
    std::string rows = rowsType(random.integer(1, 1200));
    texts.push_back(
        {.args = {{"x", rows}},
         .ops = typed("%n = ssm.rms_norm %x eps 1.0e-05", rows) +
                typed("%y = ssm.silu %n", rows),
         .yields = {{"y", rows}},
         .schedule = schedule({{"row_block", 1}, {"threads", threads}})});
  }
  checkAll(texts);
}

} // namespace
