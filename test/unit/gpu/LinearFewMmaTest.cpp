// Projections of few rows on the matrix unit.
#include "test/unit/gpu/BrokenCode.h"
#include "test/unit/lab/KernelTexts.h"
#include "test/unit/lab/Precisions.h"

#include <algorithm>

using namespace mamba;

namespace {

constexpr const char *precisions[] = {"same", "int8", "int4"};

/// Rows of the element type, weights of it too or quantised.
KernelText narrow(const LinearForm &form, const std::string &element, const std::string &weights,
                  Narrow which = Narrow::Inputs) {
  return narrowRows(storeMatrix(linearText(form), "w", weights == "same" ? element : weights),
                    element, which);
}

/// Rows of x, columns of a warp, warps beside each other, those that share k, k of
/// x in shared memory at once.
std::string cut(int64_t rows, int64_t colTile, int64_t across, int64_t shares, int64_t kBlock) {
  return schedule({{"lanes", 4},
                   {"row_block", rows},
                   {"col_block", colTile * across},
                   {"col_tile", colTile},
                   {"k_block", kBlock},
                   {"threads", 32 * across * shares},
                   {"mma", 16}});
}

using GpuLinearFewMma = OnGpu;

// Runs that end within k and not, pitches of weights and of their scales.
TEST_F(GpuLinearFewMma, EachPrecisionAndWidth) {
  std::vector<KernelText> texts;
  for (const char *precision : precisions)
    for (const char *element : {"bf16", "f16"})
      for (int64_t K : {16, 48, 96, 256, 272, 320, 544}) {
        texts.push_back(narrow({.K = K, .O = 13 + K % 7}, element, precision));
        texts.back().schedule = cut(8, 16, 1, 1 + K % 3, K);
      }
  checkFewRows(texts, 40);
}

// Everything around the product.
TEST_F(GpuLinearFewMma, AllAtOnce) {
  std::vector<KernelText> texts;
  constexpr Narrow ways[] = {Narrow::Inputs, Narrow::Both, Narrow::TwoResults};
  int turn = 0;
  for (const char *precision : precisions)
    for (const char *tokens : {"few", "decode"}) {
      texts.push_back(narrow({.K = 80 + 208 * (turn % 3),
                              .O = 45,
                              .norm = true,
                              .biased = true,
                              .silu = turn % 2 == 0,
                              .residual = true,
                              .split = true,
                              .offset = 8},
                             "bf16", precision, ways[turn % 3]));
      texts.back().tokenClass = tokens;
      ++turn;
    }
  checkFewRows(texts, 40);
}

// Tiles of a warp, warps beside each other and behind, more rows than warps and
// fewer, x at once and in pieces of which the last is not whole.
TEST_F(GpuLinearFewMma, EachCut) {
  std::vector<KernelText> texts;
  for (const char *precision : precisions)
    for (auto [rows, colTile, across, shares, pieces] :
         std::initializer_list<std::array<int64_t, 5>>{{8, 16, 4, 1, 0},
                                                       {8, 32, 1, 4, 1},
                                                       {16, 16, 2, 3, 1},
                                                       {16, 32, 1, 1, 2},
                                                       {32, 16, 2, 2, 1},
                                                       {8, 16, 1, 7, 0},
                                                       {8, 16, 2, 5, 1}}) {
      int64_t round = (precision == std::string("same") ? 128 : 256) * shares, K = 16 * 70;
      texts.push_back(narrow({.K = K, .O = random.integer(1, 150), .norm = true, .biased = true},
                             "bf16", precision));
      texts.back().schedule =
          cut(rows, colTile, across, shares, pieces ? std::min(K, pieces * round) : K);
    }
  checkFewRows(texts, 40);
}

// Each constant that makes numbers of bits matters.
TEST_F(GpuLinearFewMma, BrokenBitsAreNoticed) {
  struct Broken {
    const char *precision, *element, *from, *to;
  };
  constexpr Broken all[] = {{"int8", "bf16", "0x4240U", "0x4340U"},
                            {"int8", "bf16", "-2139062144", "0"},
                            {"int8", "bf16", "fma.rn.relu.bf16x2", "fma.rn.bf16x2"},
                            {"int8", "f16", "-461314944", "-461314943"},
                            {"int4", "bf16", "1124614920", "1124090624"},
                            {"int4", "f16", "983055", "458759"}};
  for (const Broken &broken : all) {
    SCOPED_TRACE(std::string(broken.precision) + " " + broken.from);
    KernelText text = narrow({.K = 256, .O = 21}, broken.element, broken.precision);
    text.schedule = cut(8, 16, 1, 1, 256);
    BrokenCode(lab, text, {3}, random).replaceFirst(broken.from, broken.to);
  }
}

// Every barrier is needed, and every exchange between lanes is the right one.
TEST_F(GpuLinearFewMma, BarriersAndExchangesAreNeeded) {
  struct Broken {
    const char *precision, *from, *to;
    unsigned least;
  };
  constexpr Broken all[] = {{"same", "\tbar.sync", "\t// bar.sync", 4},
                            {"int8", "\tbar.sync", "\t// bar.sync", 4},
                            {"int4", "\tbar.sync", "\t// bar.sync", 4},
                            {"int4", "shfl.sync.bfly", "shfl.sync.up", 16}};
  for (auto [precision, from, to, least] : all) {
    SCOPED_TRACE(std::string(precision) + " " + to);
    KernelText text = narrow({.K = 1536, .O = 32, .norm = true}, "bf16", precision);
    text.schedule = cut(8, 16, 2, 2, precision == std::string("same") ? 256 : 512);
    EXPECT_GE(BrokenCode(lab, text, {9}, random).replaceEach(from, to), least);
  }
}

// A sum is one chain: rows beside it, and how many there are, change nothing.
TEST_F(GpuLinearFewMma, RowsAreByThemselves) {
  for (const char *precision : precisions) {
    KernelText text = narrow({.K = 528, .O = 40, .norm = true}, "bf16", precision);
    text.schedule = cut(8, 16, 2, 2, 528);
    LabKernels kernels = lab.compile({text});
    ASSERT_EQ(kernels.size(), 1u);
    auto &kernel = static_cast<GpuKernel &>(*kernels[0]);
    KernelInputs inputs = kernel.randomInputs(shuffledBatch({11}, random), random);
    auto many = kernel.execute(inputs, kernel.schedules[0]);
    ASSERT_TRUE(many.ok()) << many.status().message();
    auto moved = kernel.execute(inputs, kernel.schedules[0], {.row = 3});
    ASSERT_TRUE(moved.ok()) << moved.status().message();
    EXPECT_TRUE(sameBits(*many, *moved)) << precision;
  }
}

TEST(GpuLinearFewMmaRefused, WithTheReason) {
  LinearForm form{.K = 1024, .O = 64};
  KernelText bf16 = narrow(form, "bf16", "same"), f16 = narrow(form, "f16", "same"),
             int4 = narrow({.K = 1032, .O = 64}, "bf16", "int4"),
             wide = storeMatrix(linearText(form), "w", "bf16");
  expectReasons({
      {bf16, cut(8, 16, 4, 1, 1024), ""},
      {wide, cut(8, 16, 4, 1, 1024), "takes rows of bf16 or f16"},
      {f16, cut(8, 16, 4, 1, 1024), "take mma 16 and lanes 4 from sm_80 on", "cuda:sm_75"},
      {bf16, cut(4, 16, 4, 1, 1024), "row_block must be 8, 16 or 32"},
      {bf16, cut(8, 48, 4, 1, 1024), "col_tile 16, 32 or 64, got 8 and 48"},
      {bf16, cut(8, 16, 1, 17, 1024), "at most 16 for a column"},
      {bf16, cut(8, 16, 4, 1, 100), "a multiple of the 128 k of a round, got 100 of 1024"},
      {int4, cut(8, 16, 4, 1, 1032), "rows of W must be multiples of 8 bytes, got 516"},
      {bf16, cut(32, 16, 4, 1, 1024), "it takes 65536 bytes of shared memory"},
      {bf16, cut(32, 64, 16, 1, 128), "registers, a thread of 512"}});
}

} // namespace
