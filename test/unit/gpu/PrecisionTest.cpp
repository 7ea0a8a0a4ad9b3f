// Rows and matrices in fewer bits: every family reads and writes them as it does
// those in f32.
#include "test/unit/lab/Precisions.h"
#include "test/unit/gpu/GpuLab.h"
#include "test/unit/lab/KernelTexts.h"
#include "test/unit/lab/RowTexts.h"

using namespace mamba;

namespace {

class GpuPrecision : public OnGpu {
protected:
  using OnGpu::OnGpu;

  /// Each text with narrow inputs, with narrow results, with both and with
  /// results in two precisions, the ways and precisions taking turns.
  void checkNarrow(const std::vector<KernelText> &texts) {
    constexpr Narrow ways[] = {Narrow::Inputs, Narrow::Results, Narrow::Both,
                               Narrow::TwoResults};
    std::vector<KernelText> narrow;
    for (const KernelText &text : texts)
      for (const char *element : {"bf16", "f16"}) {
        narrow.push_back(narrowRows(text, element, ways[turn++ % allowed]));
        narrow.push_back(narrowRows(text, element, ways[turn++ % allowed]));
      }
    checkAll(narrow);
  }

  unsigned turn = 0, allowed = 4;
};

/// What has no instruction for bf16 rounds by integers.
class GpuPrecisionOldest : public GpuPrecision {
protected:
  GpuPrecisionOldest() : GpuPrecision("cuda:sm_75") {}
};

std::vector<KernelText> rowTexts(int64_t D) {
  std::vector<KernelText> texts;
  for (auto make :
       {normTexts, expressionTexts, splitTexts, lastRowTexts, embeddingTexts})
    for (KernelText &text : make(D))
      texts.push_back(std::move(text));
  return texts;
}

TEST_F(GpuPrecision, Rows) { checkNarrow(ofEach({1, 44, 129}, rowTexts)); }
TEST_F(GpuPrecisionOldest, Rows) { checkNarrow(rowTexts(35)); }

// A cast of rows is a kernel of rows.
TEST_F(GpuPrecision, CastsByThemselves) {
  std::vector<KernelText> texts;
  for (const char *element : {"bf16", "f16"}) {
    std::string wide = rowsType(37), narrow = wide;
    narrow.replace(narrow.find("f32"), 3, element);
    for (auto [from, to] : {std::pair(wide, narrow), {narrow, wide}})
      texts.push_back({.args = {{"x", from, -300, 300}},
                       .ops = "%y = ssm.cast %x : " + from + " to " + to,
                       .yields = {{"y", to}},
                       .tolerance = 0});
  }
  checkAll(texts);
}

TEST_F(GpuPrecision, EmbeddingOfEachPrecision) {
  std::vector<KernelText> texts;
  for (int64_t D : {1, 33, 64, 131})
    for (const char *precision : {"bf16", "f16", "int8", "int4"})
      texts.push_back(storeMatrix(embeddingTexts(D)[0], "t", precision));
  // And rounded rows of it.
  texts.push_back(narrowRows(texts.back(), "bf16", Narrow::TwoResults));
  checkAll(texts);
}

// Matrices of each precision, read by rows in f32, for every class of steps.
TEST_F(GpuPrecision, ProjectionOfEachPrecision) {
  std::vector<KernelText> texts;
  for (const char *precision : {"bf16", "f16", "int8", "int4"})
    for (const char *tokens : {"prefill", "decode", "few"})
      for (int64_t K : {45, 192}) {
        LinearForm form = {.K = K, .O = 81, .norm = K == 192};
        form.residual = K == 45;
        texts.push_back(storeMatrix(linearText(form), "w", precision));
        texts.back().tokenClass = tokens;
      }
  checkAll(texts);
}

// And by narrow rows, where integers may be rounded on their way to a matrix
// unit.
TEST_F(GpuPrecision, ProjectionOfNarrowRows) {
  std::vector<KernelText> texts;
  for (const char *precision : {"bf16", "int8", "int4"})
    for (const char *tokens : {"prefill", "decode", "few"}) {
      KernelText text =
          linearText({.K = 192, .O = 77, .norm = true, .silu = true});
      text = storeMatrix(text, "w", precision);
      text = narrowRows(text, "bf16", Narrow::TwoResults);
      text = narrowRows(text, "bf16", Narrow::Inputs);
      text.tokenClass = tokens;
      texts.push_back(text);
    }
  checkAll(texts);
}

// Kernels with a state write their rows once.
TEST_F(GpuPrecision, Convolution) {
  allowed = 3;
  std::vector<KernelText> texts;
  for (int form = 0; form < 8; ++form)
    texts.push_back(convText({.E = form % 3 ? 35 : 83,
                              .W = form % 2 ? 4 : 3,
                              .biased = (form & 1) != 0,
                              .silu = (form & 2) != 0,
                              .split = (form & 4) != 0,
                              .stateFirst = form == 5}));
  texts.push_back(texts[6]);
  texts.back().tokenClass = "decode";
  checkNarrow(texts);
}

TEST_F(GpuPrecision, Scan) {
  allowed = 3;
  ScanForm form = {.E = 35, .N = 11, .softplus = true, .skip = true};
  std::vector<KernelText> texts = {scanText(form)};
  form.rank = 3;
  form.split = form.log2 = form.projectionBias = true;
  form.gateAfter = true;
  texts.push_back(scanText(form));
  form = {.E = 64, .N = 16, .rank = 4, .softplus = true, .split = true};
  form.gateInScan = true;
  texts.push_back(scanText(form));
  for (const char *tokens : {"decode", "few"}) {
    texts.push_back(texts[2]);
    texts.back().tokenClass = tokens;
  }
  checkNarrow(texts);
}

TEST_F(GpuPrecision, TimeStepOfEachPrecision) {
  std::vector<KernelText> texts;
  for (const char *precision : {"bf16", "f16"})
    for (const char *tokens : {"prefill", "decode"}) {
      texts.push_back(storeMatrix(
          scanText({.E = 35, .N = 8, .rank = 5, .softplus = true}), "wd",
          precision));
      texts.back().tokenClass = tokens;
    }
  checkAll(texts);
}

TEST_F(GpuPrecision, Sampling) {
  KernelText text = argmaxText(131, 130);
  checkAll({narrowRows(text, "bf16", Narrow::Inputs)});
}

TEST_F(GpuPrecision, Quantisation) {
  checkAll(ofEach({1, 7, 31, 32, 33, 130}, quantiseTexts));
}

} // namespace
