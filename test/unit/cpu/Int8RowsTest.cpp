// Projections of rows of int8: by dot products of integers where the target has them,
// else by multiply-adds of the same integers.
#include "test/unit/cpu/CpuLab.h"
#include "test/unit/lab/KernelTexts.h"
#include "test/unit/lab/Pieces.h"
#include "test/unit/lab/Precisions.h"

#include <limits>

using namespace mamba;

namespace {

class Int8Rows : public EachTarget {
protected:
  /// Any form with these sizes.
  KernelText drawn(int64_t K, int64_t O, const char *precision) {
    return int8Rows(storeMatrix(linearText(drawnLinear(K, O, random)), "w", precision));
  }
};

INSTANTIATE_TEST_SUITE_P(Targets, Int8Rows,
                         testing::Values("cpu:x86-64-v3", "cpu:x86-64-v4", "cpu:x86-64-v4-vnni",
                                         "cpu:native"),
                         targetTestName);

// Each size once as K and once as O.
constexpr std::pair<int64_t, int64_t> shapes[] = {
    {1, 64},  {3, 129}, {5, 1},  {17, 80},  {44, 200}, {48, 31}, {63, 3},
    {64, 63}, {65, 65}, {80, 5}, {129, 17}, {200, 44}, {31, 48}};

TEST_P(Int8Rows, EachClassAndForm) {
  std::vector<KernelText> texts;
  for (const char *precision : {"int8", "int4"})
    for (auto [K, O] : shapes) {
      texts.push_back(drawn(K, O, precision));
      const char *classes[] = {"prefill", "decode", "few", "invariant"};
      texts.back().tokenClass = classes[random.integer(0, 3)];
    }
  checkAll(texts);
}

TEST_P(Int8Rows, OfRowsOfBf16) {
  std::vector<KernelText> texts;
  for (const char *precision : {"int8", "int4"})
    for (auto [K, O] : {shapes[3], shapes[8], shapes[10]}) {
      texts.push_back(narrowRows(drawn(K, O, precision), "bf16", Narrow::Inputs));
      texts.back().tokenClass = "few";
    }
  checkAll(texts);
}

// Many rows, and as many at a time as registers hold and one more.
TEST_P(Int8Rows, AroundTheRowsOfATile) {
  std::vector<KernelText> texts;
  for (const char *tokenClass : {"few", "invariant"}) {
    texts.push_back(drawn(70, 150, "int8"));
    texts.push_back(drawn(70, 150, "int4"));
    texts[texts.size() - 2].tokenClass = texts.back().tokenClass = tokenClass;
  }
  LabKernels kernels = lab.compile(texts);
  ASSERT_EQ(kernels.size(), texts.size());
  for (const auto &kernel : kernels)
    for (int64_t rows : {1, 2, 7, 8, 9, 16, 17, 97})
      kernel->checkOn(shuffledBatch({rows}, random), random);
}

// Integers make one sum, whatever the schedule: by dot products, by multiply-adds in
// registers and in parts of k.
TEST_P(Int8Rows, EachScheduleGivesTheSameBits) {
  for (const char *precision : {"int8", "int4"}) {
    KernelText text =
        int8Rows(storeMatrix(linearText({.K = 109, .O = 81, .biased = true}), "w", precision));
    std::vector<KernelText> texts;
    for (const char *schedule :
         {"<lanes = 16, row_block = 16, col_block = 64, row_tile = 8, col_tile = 32>",
          "<lanes = 16, row_block = 96, col_block = 48, row_tile = 6, col_tile = 48>",
          "<lanes = 16, row_block = 3, col_block = 16, row_tile = 2, col_tile = 16>",
          "<lanes = 16, row_block = 7, col_block = 32, row_tile = 6, col_tile = 32, k_block = 64>",
          "<lanes = 8, row_block = 16, col_block = 64, row_tile = 4, col_tile = 32>",
          "<lanes = 32, row_block = 5, col_block = 32, row_tile = 4, col_tile = 32>"}) {
      texts.push_back(text);
      texts.back().schedule = schedule;
    }
    LabKernels kernels = lab.compile(texts);
    ASSERT_EQ(kernels.size(), texts.size());
    Pieces values(text, 37, random);
    std::vector<Tensor> whole = values.feed(*kernels[0], {37});
    for (const auto &kernel : kernels)
      values.expectSameBits(*kernel, whole);
  }
}

// A group of next to nothing is 0, one with a NaN or an infinity is NaN; the largest
// sums that there are, of both signs, do not saturate.
TEST_P(Int8Rows, ExtremeValues) {
  constexpr int64_t K = 100, O = 20;
  std::vector<KernelText> texts;
  for (const char *precision : {"int8", "int4"}) {
    texts.push_back(int8Rows(storeMatrix(linearText({.K = K, .O = O}), "w", precision)));
    texts.back().tokenClass = "few";
  }
  LabKernels kernels = lab.compile(texts);
  ASSERT_EQ(kernels.size(), texts.size());
  for (const auto &kernel : kernels) {
    KernelInputs inputs = kernel->randomInputs(shuffledBatch({8}, random), random);
    for (reference::Value &value : inputs.operands) {
      Tensor *x = std::get_if<Tensor>(&value);
      if (!x || x->shape != std::vector<int64_t>{8, K})
        continue;
      auto fill = [&](int64_t row, double with) { std::fill_n(x->row(row), K, with); };
      fill(0, 0);
      fill(1, 0x1p-101);
      fill(2, 0x1p-100);
      fill(3, 1e37);
      fill(4, -1);
      x->row(5)[40] = std::numeric_limits<double>::quiet_NaN();
      x->row(6)[99] = -std::numeric_limits<double>::infinity();
      x->row(7)[3] = 1e-40;
    }
    std::vector<Tensor> want = kernel->reference(inputs), got = kernel->run(inputs);
    for (int64_t row : {0, 1})
      for (int64_t o = 0; o < O; ++o)
        EXPECT_EQ(got[0].row(row)[o], 0) << kernel->describe();
    for (int64_t row : {5, 6})
      for (int64_t o = 0; o < O; ++o) {
        EXPECT_TRUE(std::isnan(want[0].row(row)[o]));
        EXPECT_TRUE(std::isnan(got[0].row(row)[o])) << kernel->describe();
      }
    const double sizes[] = {0, 0, 0x1p-100, 1e37, 1, 0, 0, 1};
    for (int64_t row : {2, 3, 4, 7})
      for (int64_t o = 0; o < O; ++o)
        EXPECT_NEAR(got[0].row(row)[o], want[0].row(row)[o], 1e-5 * sizes[row])
            << kernel->describe() << " row " << row;
  }
}

} // namespace
