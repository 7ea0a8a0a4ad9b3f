// Kernels that treat each row by itself.
#include "test/unit/cpu/CpuLab.h"
#include "test/unit/lab/RowTexts.h"

using namespace mamba;

namespace {

using RowKernels = EachTarget;
MAMBA_FOR_EACH_TARGET(RowKernels);

const std::vector<int64_t> widths = {1, 3, 17, 44, 64, 129};

TEST_P(RowKernels, Embedding) { checkAll(ofEach(widths, embeddingTexts)); }
TEST_P(RowKernels, Norms) { checkAll(ofEach(widths, normTexts)); }
TEST_P(RowKernels, ElementwiseExpressions) {
  checkAll(ofEach(widths, expressionTexts));
}
TEST_P(RowKernels, Splits) { checkAll(ofEach(widths, splitTexts)); }
TEST_P(RowKernels, LastRows) { checkAll(ofEach(widths, lastRowTexts)); }

} // namespace
