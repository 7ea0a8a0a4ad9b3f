// Projections on the matrix unit: rows and weights of bf16 or f16.
#include "test/unit/gpu/BrokenCode.h"
#include "test/unit/lab/KernelTexts.h"
#include "test/unit/lab/Precisions.h"

using namespace mamba;

namespace {

/// x and W of the element type, or W quantised; results too, or in both
/// precisions.
KernelText narrow(const LinearForm &form, const std::string &element,
                  const std::string &weights, Narrow which = Narrow::Both) {
  return narrowRows(storeMatrix(linearText(form), "w", weights), element,
                    which);
}
KernelText narrow(const LinearForm &form, const std::string &element,
                  Narrow which = Narrow::Both) {
  return narrow(form, element, element, which);
}

/// Block, warp and piece; the warps that share k follow from the threads.
std::string cut(int64_t rowBlock, int64_t colBlock, int64_t rowTile,
                int64_t colTile, int64_t kBlock, int64_t threads,
                int64_t stages, int64_t mma = 16) {
  return schedule({{"row_block", rowBlock},
                   {"col_block", colBlock},
                   {"row_tile", rowTile},
                   {"col_tile", colTile},
                   {"k_block", kBlock},
                   {"threads", threads},
                   {"stages", stages},
                   {"mma", mma}});
}

constexpr std::pair<int64_t, int64_t> shapes[] = {
    {8, 1}, {24, 64}, {40, 130}, {64, 3}, {136, 17}, {264, 36}};

std::vector<KernelText> ofShapes(LinearForm form, const std::string &element,
                                 Narrow which = Narrow::Both) {
  std::vector<KernelText> texts;
  for (auto [K, O] : shapes) {
    form.K = K;
    form.O = O;
    texts.push_back(narrow(form, element, which));
  }
  return texts;
}

using GpuLinearMma = OnGpu;

TEST_F(GpuLinearMma, PlainOfBf16) { checkAll(ofShapes({}, "bf16")); }
TEST_F(GpuLinearMma, PlainOfF16) {
  checkAll(ofShapes({}, "f16", Narrow::Inputs));
}
TEST_F(GpuLinearMma, BiasAndSilu) {
  checkAll(ofShapes({.biased = true, .silu = true}, "bf16"));
}
TEST_F(GpuLinearMma, NormAndResidualInTwoPrecisions) {
  checkAll(
      ofShapes({.norm = true, .residual = true}, "bf16", Narrow::TwoResults));
}
TEST_F(GpuLinearMma, NormOfF16) {
  checkAll(ofShapes({.norm = true, .biased = true}, "f16"));
}

// The input is columns of wider rows.
TEST_F(GpuLinearMma, PartOfASplit) {
  std::vector<KernelText> texts;
  for (int64_t offset : {8, 40})
    for (int64_t K : {48, 104})
      texts.push_back(narrow({.K = K,
                              .O = 100,
                              .norm = true,
                              .biased = true,
                              .silu = true,
                              .residual = true,
                              .split = true,
                              .offset = offset},
                             "bf16"));
  checkAll(texts);
}

class GpuLinearMmaOldest : public OnGpu {
protected:
  GpuLinearMmaOldest() : OnGpu("cuda:sm_75") {}
};

// f16 through registers, eight k an instruction.
TEST_F(GpuLinearMmaOldest, F16) {
  checkAll(ofShapes({.norm = true, .residual = true}, "f16"));
  checkAll(ofShapes({.biased = true, .silu = true}, "f16", Narrow::Inputs));
}

/// Groups of 32 k that are whole or not, few or more than those of a period.
std::vector<KernelText> quantised(const std::string &element) {
  std::vector<KernelText> texts;
  for (const char *weights : {"int8", "int4"})
    for (auto [K, O] : {std::pair<int64_t, int64_t>{8, 5},
                        {40, 67},
                        {64, 129},
                        {328, 48},
                        {520, 16}})
      texts.push_back(narrow({.K = K,
                              .O = O,
                              .norm = K % 5 == 0,
                              .biased = true,
                              .residual = true},
                             element, weights));
  return texts;
}
TEST_F(GpuLinearMma, Quantised) { checkAll(quantised("bf16")); }
TEST_F(GpuLinearMmaOldest, QuantisedWithRowsOfF16) {
  checkAll(quantised("f16"));
}

TEST_F(GpuLinearMma, EachCutOfQuantised) {
  std::vector<KernelText> texts;
  for (const std::string &schedule :
       {cut(32, 64, 32, 32, 64, 128, 2), cut(64, 64, 32, 32, 32, 128, 2),
        cut(128, 128, 64, 32, 32, 256, 2), cut(16, 32, 16, 16, 128, 256, 2),
        cut(48, 64, 16, 32, 32, 192, 2)})
    for (const char *weights : {"int8", "int4"}) {
      texts.push_back(narrow({.K = 8 * random.integer(1, 60),
                              .O = random.integer(1, 150),
                              .norm = true},
                             "bf16", weights));
      texts.back().schedule = schedule;
    }
  checkAll(texts);
}

TEST_F(GpuLinearMma, EachCut) {
  std::vector<KernelText> texts;
  for (const std::string &schedule :
       {cut(16, 16, 16, 16, 64, 128, 2), cut(32, 32, 16, 16, 32, 128, 5),
        cut(64, 32, 32, 32, 64, 128, 3), cut(64, 64, 32, 64, 32, 64, 4),
        cut(128, 64, 64, 64, 32, 64, 3), cut(32, 96, 32, 48, 64, 256, 2),
        cut(16, 80, 16, 80, 64, 128, 3), cut(128, 128, 64, 64, 32, 128, 3),
        cut(64, 128, 32, 32, 16, 256, 8), cut(32, 32, 32, 32, 128, 256, 2)}) {
    bool norm = texts.size() % 2 == 0;
    texts.push_back(narrow({.K = 8 * random.integer(1, 40),
                            .O = random.integer(1, 150),
                            .norm = norm,
                            .biased = norm,
                            .residual = !norm},
                           "bf16"));
    texts.back().schedule = schedule;
  }
  checkAll(texts);
}

// Every word that orders the stages is needed, and its absence is found.
TEST_F(GpuLinearMma, EveryWaitIsNeeded) {
  // Four pieces: the last one's stage is where sums meet after it.
  KernelText text = narrow({.K = 200, .O = 33, .norm = true}, "bf16");
  text.schedule = cut(32, 32, 32, 32, 64, 128, 3);
  BrokenCode code(lab, text, {40, 3}, random);
  unsigned found = 0;
  for (const char *word :
       {"cp.async.wait_group", "cp.async.commit_group", "bar.sync",
        "barrier.sync"})
    found += code.replaceEach(std::string("\t") + word, std::string("\t// ") + word,
                              BrokenCode::By::Defect);
  EXPECT_GE(found, 5u);
}

TEST(GpuLinearMmaRefused, WithTheReason) {
  LinearForm form{.K = 64, .O = 64};
  KernelText bf16 = narrow(form, "bf16"), f16 = narrow(form, "f16"),
             odd = narrow({.K = 60, .O = 64}, "bf16"),
             aside = narrow({.K = 64, .O = 64, .split = true, .offset = 4},
                            "bf16"),
             int8 = narrow(form, "bf16", "int8"),
             mixed = narrowRows(linearText(form), "bf16", Narrow::Both);
  expectReasons({
      {bf16, cut(64, 64, 32, 32, 32, 128, 3), ""},
      {mixed, cut(64, 64, 32, 32, 32, 128, 3), "got bf16 and f32"},
      {odd, cut(64, 64, 32, 32, 32, 128, 3), "got 60, 60 and 0"},
      {aside, cut(64, 64, 32, 32, 32, 128, 3), "got 64, 68 and 4"},
      {bf16, cut(64, 64, 32, 32, 32, 128, 2, 8), "mma must be 16 on sm_80"},
      {bf16, cut(64, 64, 32, 32, 32, 128, 2, 8), "takes f16 only",
       "cuda:sm_75"},
      {f16, cut(64, 64, 32, 32, 32, 128, 3, 8),
       "must be 2 where weights pass through registers", "cuda:sm_75"},
      {int8, cut(64, 64, 32, 32, 32, 128, 3),
       "must be 2 where weights pass through registers"},
      {int8, cut(64, 64, 64, 32, 32, 128, 2), "share k_block by 32 k each"},
      {f16, cut(64, 64, 32, 32, 32, 128, 2, 8), "", "cuda:sm_75"},
      {bf16, cut(64, 64, 24, 32, 32, 128, 3), "multiples of 16 up to 128"},
      {bf16, cut(64, 64, 32, 32, 48, 128, 3), "k_block must be a power of two"},
      {bf16, cut(64, 64, 32, 32, 32, 96, 3), "the 3 warps must be 4"},
      {bf16, cut(64, 64, 32, 64, 64, 64, 3),
       "a multiple of 16 times k_block / 8, 128, got 64"},
      {bf16, cut(128, 128, 64, 64, 32, 128, 4),
       "it takes 65536 bytes of shared memory, a block has 49152"},
      {bf16, cut(128, 128, 128, 128, 16, 32, 2), "registers, a thread of 32"}});
}

} // namespace
