// Projections of few rows: weights of every precision, whatever fits into 16
// bytes and whatever does not.
#include "test/unit/gpu/BrokenCode.h"
#include "test/unit/lab/KernelTexts.h"
#include "test/unit/lab/Precisions.h"

using namespace mamba;

namespace {

constexpr const char *precisions[] = {"f32", "bf16", "f16", "int8", "int4"};

KernelText stored(const KernelText &text, const std::string &precision) {
  return precision == "f32" ? text : storeMatrix(text, "w", precision);
}

class GpuLinearFew : public OnGpu {
protected:
  using OnGpu::OnGpu;

  /// A schedule of which each number has been thought of: groups of lanes, the
  /// warps that share columns, rounds of x that are in shared memory.
  static std::string cut(int64_t rows, int64_t lanes, int64_t colTile,
                         int64_t groups, int64_t shares, int64_t kBlock) {
    return schedule({{"lanes", lanes},
                     {"row_block", rows},
                     {"col_block", colTile * groups},
                     {"col_tile", colTile},
                     {"k_block", kBlock},
                     {"threads", lanes * groups * shares}});
  }
};

class GpuLinearFewOldest : public GpuLinearFew {
protected:
  GpuLinearFewOldest() : GpuLinearFew("cuda:sm_75") {}
};

// Rows of W whose pitch is a multiple of 16, 8, 4 bytes and of an element.
constexpr int64_t widths[] = {1, 2, 7, 31, 33, 44, 64, 72, 130, 257, 520};

TEST_F(GpuLinearFew, EachPrecisionAndPitch) {
  std::vector<KernelText> texts;
  for (const char *precision : precisions)
    for (int64_t K : widths) {
      texts.push_back(stored(linearText({.K = K, .O = 13 + K % 5}), precision));
      texts.back().tokenClass = K % 2 ? "few" : "decode";
    }
  checkAll(texts);
}

TEST_F(GpuLinearFewOldest, EachPrecision) {
  std::vector<KernelText> texts;
  for (const char *precision : precisions)
    for (int64_t K : {45, 96}) {
      texts.push_back(
          stored(linearText({.K = K, .O = 21, .norm = true}), precision));
      texts.back().tokenClass = "few";
    }
  checkAll(texts);
}

// Everything around the product: a norm, a bias, SiLU, a residual, a view at an
// offset, rows of bf16, results in two precisions.
TEST_F(GpuLinearFew, AllAtOnce) {
  std::vector<KernelText> texts;
  constexpr Narrow ways[] = {Narrow::Inputs, Narrow::Results, Narrow::Both,
                             Narrow::TwoResults};
  int turn = 0;
  for (const char *precision : precisions)
    for (int64_t offset : {7, 8})
      for (const char *tokens : {"few", "decode"}) {
        KernelText text = stored(linearText({.K = 44 + 52 * (turn % 3),
                                             .O = 45,
                                             .norm = true,
                                             .biased = true,
                                             .silu = turn % 2 == 0,
                                             .residual = true,
                                             .split = true,
                                             .offset = offset}),
                                 precision);
        text.tokenClass = tokens;
        texts.push_back(narrowRows(text, turn % 4 < 2 ? "bf16" : "f16",
                                   ways[turn / 2 % 4]));
        ++turn;
      }
  checkFewRows(texts, 17);
}

// Long sums: the loop over the rounds, with all of x in shared memory and with
// pieces of it; the last round whole and not.
TEST_F(GpuLinearFew, LoopsOverK) {
  std::vector<KernelText> texts;
  for (const char *precision : precisions)
    for (int64_t rows : {1, 2, 8})
      for (int64_t K : {1024, 1056}) {
        int64_t piece = std::string(precision) == "int4"   ? 32
                        : std::string(precision) == "int8" ? 16
                        : std::string(precision) == "f32"  ? 4
                                                           : 8;
        KernelText text = stored(
            linearText({.K = K, .O = 11, .norm = rows != 2}), precision);
        int64_t colTile = 4, groups = 4, ahead = 2, round = 8 * piece;
        text.schedule = cut(rows, 8, colTile, groups, 1,
                            rows == 1 ? K : ahead * round);
        texts.push_back(text);
      }
  checkFewRows(texts, 17);
}

// Warps that share columns, more outputs than lanes, more rows than a warp has
// groups.
TEST_F(GpuLinearFew, SharesAndManyOutputs) {
  std::vector<KernelText> texts;
  for (const char *precision : precisions)
    for (auto [rows, lanes, colTile, groups, shares] :
         std::initializer_list<std::array<int64_t, 5>>{{16, 8, 4, 4, 1},
                                                       {8, 16, 4, 2, 2},
                                                       {2, 32, 1, 1, 3},
                                                       {1, 32, 1, 1, 5},
                                                       {4, 8, 2, 8, 1}}) {
      texts.push_back(stored(
          linearText({.K = 300, .O = 19, .norm = true, .biased = true}),
          precision));
      texts.back().schedule = cut(rows, lanes, colTile, groups, shares, 300);
    }
  checkFewRows(texts, 17);
}

// Each constant that makes numbers of bits matters.
TEST_F(GpuLinearFew, BrokenBitsAreNoticed) {
  struct Broken {
    const char *precision, *from, *to;
  };
  constexpr Broken all[] = {{"int4", "0x7144U", "0x7244U"},
                            {"int4", "-2004318072", "0"},
                            {"int4", "2021161080", "-1"},
                            {"int8", "0x7441U", "0x7442U"},
                            {"int8", "-2139062144", "0"},
                            {"bf16", "-65536", "-1"}};
  for (const Broken &broken : all) {
    SCOPED_TRACE(broken.from);
    KernelText text = stored(linearText({.K = 96, .O = 5}), broken.precision);
    text.schedule = cut(1, 8, 1, 4, 1, 96);
    BrokenCode(lab, text, {1}, random).replaceFirst(broken.from, broken.to);
  }
}

} // namespace
