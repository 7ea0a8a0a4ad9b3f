// Projections, with what is fused before and after them.
#include "test/unit/cpu/CpuLab.h"
#include "test/unit/lab/KernelTexts.h"
#include "test/unit/lab/Precisions.h"

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

// Each format of the matrix, in each class, of few rows and of more than a tile.
TEST_P(LinearKernels, NarrowAndQuantisedMatrices) {
  std::vector<KernelText> texts;
  int turn = 0;
  for (const char *stored : {"bf16", "f16", "int8", "int4"})
    for (auto [K, O] : shapes) {
      KernelText text = linearText({.K = K, .O = O, .norm = K % 3 == 0, .biased = O % 2 == 0});
      const char *classes[] = {"prefill", "decode", "few", "invariant"};
      text.tokenClass = classes[turn++ % 4];
      texts.push_back(storeMatrix(text, "w", stored));
    }
  checkAll(texts);
}

// Rows in fewer bits, with a matrix of each format.
TEST_P(LinearKernels, NarrowRows) {
  std::vector<KernelText> texts;
  int turn = 0;
  for (const char *stored : {"f32", "bf16", "f16", "int8", "int4"})
    for (auto [K, O] : {shapes[1], shapes[4], shapes[8]}) {
      KernelText text = linearText({.K = K, .O = O, .norm = true, .residual = true, .split = true});
      text.tokenClass = turn % 2 ? "invariant" : "decode";
      Narrow which[] = {Narrow::Inputs, Narrow::Results, Narrow::Both, Narrow::TwoResults};
      if (std::string(stored) != "f32")
        text = storeMatrix(text, "w", stored);
      texts.push_back(narrowRows(text, turn % 3 ? "bf16" : "f16", which[turn % 4]));
      ++turn;
    }
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
