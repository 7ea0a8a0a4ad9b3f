// Outputs of a projection that go through a convolution in its kernel, in steps of at
// most one row a sequence.
#include "test/unit/cpu/CpuLab.h"
#include "test/unit/lab/KernelTexts.h"
#include "test/unit/lab/Precisions.h"

using namespace mamba;

namespace {

KernelText stored(KernelText text, const std::string &matrix) {
  return matrix == "f32" ? text : storeMatrix(std::move(text), "w", matrix);
}

class DecodeStep : public EachTarget {
protected:
  void checkDecoding(std::vector<KernelText> texts) {
    for (KernelText &text : texts)
      text.tokenClass = "decode";
    LabKernels kernels = lab.compile(texts);
    ASSERT_EQ(kernels.size(), texts.size());
    for (const auto &kernel : kernels)
      kernel->checkDecoding(random);
  }
};

INSTANTIATE_TEST_SUITE_P(Targets, DecodeStep,
                         testing::Values("cpu:x86-64-v3", "cpu:x86-64-v4", "cpu:x86-64-v4-vnni",
                                         "cpu:x86-64-v4-amx"),
                         targetTestName);

// All outputs or some, which are kept or not.
TEST_P(DecodeStep, EachForm) {
  std::vector<KernelText> texts;
  int turn = 0;
  for (const char *matrix : {"f32", "bf16", "int8", "int4"})
    for (auto [O, E] : {std::pair<int64_t, int64_t>{37, 37},
                        {128, 64},
                        {71, 30},
                        {random.integer(66, 200), random.integer(1, 65)}}) {
      texts.push_back(stored(linearText({.K = turn % 2 ? 72 : 35,
                                         .O = O,
                                         .norm = turn % 3 != 0,
                                         .biased = turn % 4 == 0,
                                         .after = {.E = E,
                                                   .conv = {.W = 2 + turn % 7,
                                                            .biased = turn % 3 != 0,
                                                            .silu = turn % 4 != 3},
                                                   .keeps = turn % 5 != 0}}),
                             matrix));
      ++turn;
    }
  checkDecoding(texts);
}

TEST_P(DecodeStep, NarrowRows) {
  std::vector<KernelText> texts;
  for (const char *matrix : {"bf16", "int8"})
    for (int64_t E : {48, 112, 43}) {
      KernelText text = stored(linearText({.K = 64,
                                           .O = 160,
                                           .norm = true,
                                           .after = {.E = E, .conv = {.W = 4, .biased = true}}}),
                               matrix);
      texts.push_back(narrowRows(text, "bf16", Narrow::Both));
      texts.push_back(narrowRows(text, "bf16", Narrow::Inputs));
      if (matrix == std::string("int8"))
        texts.push_back(int8Rows(text));
    }
  checkDecoding(texts);
}

// The same bits as of a projection of many rows, and of the convolution by itself.
TEST_P(DecodeStep, SameBitsAsTwoKernels) {
  constexpr int64_t K = 45, E = 51;
  KernelText both = linearText(
      {.K = K, .O = E, .norm = true, .after = {.E = E, .conv = {.W = 4, .biased = true}}});
  both.tokenClass = "decode";
  LabKernels kernels =
      lab.compile({both, linearText({.K = K, .O = E, .norm = true}),
                   convText({.E = E, .W = 4, .biased = true, .silu = true})});
  ASSERT_EQ(kernels.size(), 3u);
  KernelInputs in = kernels[0]->randomInputs(shuffledBatch(std::vector<int64_t>(37, 1), random),
                                             random);
  ASSERT_EQ(in.operands.size(), 6u);
  std::vector<Tensor> fused = kernels[0]->run(in);
  std::vector<Tensor> outputs =
      kernels[1]->run({in.batch, {in.operands[0], in.operands[1]}});
  ASSERT_EQ(outputs.size(), 1u);
  std::vector<Tensor> alone =
      kernels[2]->run({in.batch,
                       {outputs[0], in.operands[2], in.operands[3], in.operands[4], in.batch}});
  ASSERT_EQ(fused.size(), 3u);
  EXPECT_TRUE(sameBits({fused[0], fused[1]}, alone));
  EXPECT_TRUE(sameBits({fused[2]}, outputs));
}

} // namespace
