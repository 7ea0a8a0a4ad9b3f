// Projections, with what is fused before and after them.
#include "test/unit/gpu/GpuLab.h"
#include "test/unit/lab/KernelTexts.h"

using namespace mamba;

namespace {

using GpuLinear = OnGpu;

// Each size once as K and once as O.
constexpr std::pair<int64_t, int64_t> shapes[] = {
    {1, 64},  {3, 129}, {5, 1},  {17, 80},  {44, 200}, {63, 3},
    {64, 63}, {65, 65}, {80, 5}, {129, 17}, {200, 44}};

std::vector<KernelText> ofShapes(LinearForm form, const char *tokenClass) {
  std::vector<KernelText> texts;
  for (auto [K, O] : shapes) {
    form.K = K;
    form.O = O;
    texts.push_back(linearText(form));
    texts.back().tokenClass = tokenClass;
  }
  return texts;
}

TEST_F(GpuLinear, Plain) { checkAll(ofShapes({}, "prefill")); }
TEST_F(GpuLinear, BiasAndSiluOfFewRows) {
  checkAll(ofShapes({.biased = true, .silu = true}, "few"));
}
TEST_F(GpuLinear, NormAndResidual) {
  checkAll(ofShapes({.norm = true, .residual = true}, "prefill"));
}
TEST_F(GpuLinear, NormBiasAndResidualOfFewRows) {
  checkAll(ofShapes({.norm = true, .biased = true, .residual = true}, "few"));
}
// With the variants for few sequences.
TEST_F(GpuLinear, Decoding) {
  checkAll(ofShapes({.norm = true, .biased = true}, "decode"));
}

// The input is columns of wider rows, at an odd offset and at one that allows
// vectors.
TEST_F(GpuLinear, AllAtOnceOnAPartOfASplit) {
  std::vector<KernelText> texts;
  for (auto [K, offset] :
       {std::pair<int64_t, int64_t>{3, 7}, {44, 7}, {44, 8}, {80, 7}})
    for (const char *tokenClass : {"few", "prefill", "decode"}) {
      texts.push_back(linearText({.K = K,
                                  .O = 101,
                                  .norm = true,
                                  .biased = true,
                                  .silu = true,
                                  .residual = true,
                                  .split = true,
                                  .offset = offset}));
      texts.back().tokenClass = tokenClass;
    }
  checkAll(texts);
}

// Wide enough that the heuristic takes its largest tiles and shares columns.
TEST_F(GpuLinear, WideOutputs) {
  std::vector<KernelText> texts;
  for (const char *tokenClass : {"few", "prefill", "decode"})
    for (auto [K, O] : {std::pair<int64_t, int64_t>{19, 2051}, {96, 1025}}) {
      texts.push_back(linearText({.K = K, .O = O, .residual = true}));
      texts.back().tokenClass = tokenClass;
    }
  checkAll(texts);
}

} // namespace
