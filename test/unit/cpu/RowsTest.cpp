// Kernels that treat each row by itself.
#include "test/unit/cpu/CpuLab.h"
#include "test/unit/lab/Precisions.h"
#include "test/unit/lab/RowTexts.h"

using namespace mamba;

namespace {

using RowKernels = EachTarget;
MAMBA_FOR_EACH_TARGET(RowKernels);

const std::vector<int64_t> widths = {1, 3, 17, 44, 64, 129};

TEST_P(RowKernels, Embedding) { checkAll(ofEach(widths, embeddingTexts)); }
TEST_P(RowKernels, NarrowAndQuantisedTables) {
  std::vector<KernelText> texts;
  for (int64_t D : widths)
    for (const char *stored : {"bf16", "f16", "int8", "int4"})
      texts.push_back(storeMatrix(embeddingTexts(D)[0], "t", stored));
  checkAll(texts);
}
// Vectors of two groups, of which the second may be beyond the row.
TEST_P(RowKernels, QuantisedTablesByWideVectors) {
  std::vector<KernelText> texts;
  for (int64_t D : {1, 20, 32, 65, 97, 128})
    for (const char *stored : {"int8", "int4"}) {
      texts.push_back(storeMatrix(embeddingTexts(D)[0], "t", stored));
      texts.back().schedule = "<lanes = 64, row_block = 4>";
    }
  checkAll(texts);
}
TEST_P(RowKernels, NarrowRows) {
  std::vector<KernelText> texts;
  for (int64_t D : widths)
    for (auto make : {embeddingTexts, normTexts, expressionTexts, splitTexts, lastRowTexts})
      for (const KernelText &text : make(D)) {
        Narrow which[] = {Narrow::Inputs, Narrow::Results, Narrow::Both, Narrow::TwoResults};
        texts.push_back(narrowRows(text, texts.size() % 3 ? "bf16" : "f16", which[texts.size() % 4]));
      }
  checkAll(texts);
}
TEST_P(RowKernels, Norms) { checkAll(ofEach(widths, normTexts)); }
TEST_P(RowKernels, ElementwiseExpressions) {
  checkAll(ofEach(widths, expressionTexts));
}
TEST_P(RowKernels, Splits) { checkAll(ofEach(widths, splitTexts)); }
TEST_P(RowKernels, LastRows) { checkAll(ofEach(widths, lastRowTexts)); }

} // namespace
