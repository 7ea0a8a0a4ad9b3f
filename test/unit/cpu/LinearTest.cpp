// Projections, with what is fused before and after them.
#include "test/unit/cpu/CpuLab.h"
#include "test/unit/lab/KernelTexts.h"

using namespace mamba;

namespace {

using LinearKernels = EachTarget;
MAMBA_FOR_EACH_TARGET(LinearKernels);

// Each size once as K and once as O.
constexpr std::pair<int64_t, int64_t> shapes[] = {
    {1, 64},  {3, 129}, {5, 1},  {17, 80},  {44, 200}, {63, 3},
    {64, 63}, {65, 65}, {80, 5}, {129, 17}, {200, 44}};

TEST_P(LinearKernels, PlainForEachClass) {
  std::vector<KernelText> texts;
  for (auto [K, O] : shapes) {
    texts.push_back(linearText({.K = K, .O = O}));
    texts.back().tokenClass = K % 2 ? "prefill" : "decode";
  }
  checkAll(texts);
}

TEST_P(LinearKernels, BiasAndSilu) {
  std::vector<KernelText> texts;
  for (auto [K, O] : shapes) {
    texts.push_back(linearText({.K = K, .O = O, .biased = true, .silu = true}));
    texts.back().tokenClass = "few";
  }
  checkAll(texts);
}

TEST_P(LinearKernels, NormAndResidual) {
  std::vector<KernelText> texts;
  for (auto [K, O] : shapes)
    texts.push_back(
        linearText({.K = K, .O = O, .norm = true, .residual = true}));
  checkAll(texts);
}

// The input is columns of wider rows, at an odd offset.
TEST_P(LinearKernels, AllAtOnceOnAPartOfASplit) {
  std::vector<KernelText> texts;
  for (auto [K, O] : {shapes[1], shapes[4], shapes[8]})
    texts.push_back(linearText({.K = K,
                                .O = O,
                                .norm = true,
                                .biased = true,
                                .silu = true,
                                .residual = true,
                                .split = true}));
  checkAll(texts);
}

} // namespace
