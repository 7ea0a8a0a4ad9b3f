// The causal convolution in the kernels that read what it makes, or make what it
// reads.
#include "test/unit/gpu/GpuLab.h"
#include "test/unit/lab/KernelTexts.h"
#include "test/unit/lab/Precisions.h"

using namespace mamba;

namespace {

class GpuConvPrologue : public OnGpu {
protected:
  /// On steps of at most one row a sequence, of which some have none.
  void checkDecoding(const std::vector<KernelText> &texts) {
    SCOPED_TRACE("seed " + std::to_string(testSeed()));
    LabKernels kernels = lab.compile(texts);
    ASSERT_EQ(kernels.size(), texts.size());
    for (const auto &kernel : kernels)
      kernel->checkDecoding(random);
  }
};

/// Widths, biases, with SiLU and without.
ConvBefore convOf(int turn) {
  return {.W = 2 + turn % 7, .biased = turn % 3 != 0, .silu = turn % 4 != 3};
}

TEST_F(GpuConvPrologue, ProjectionOfEachPrecision) {
  std::vector<KernelText> texts;
  int turn = 0;
  for (const char *precision : {"f32", "bf16", "f16", "int8", "int4"})
    for (int64_t K : {35, 68, turn % 2 ? 1 : 520}) {
      ConvBefore conv = convOf(turn);
      if (K == 68)
        conv.W = 4;
      KernelText text = linearText({.K = K,
                                    .O = 5 + turn % 13,
                                    .split = turn % 2 != 0,
                                    .offset = turn % 4 == 1 ? 8 : 7,
                                    .conv = conv});
      if (precision != std::string("f32"))
        text = storeMatrix(text, "w", precision);
      text.tokenClass = "decode";
      texts.push_back(text);
      ++turn;
    }
  checkDecoding(texts);
}

// Rows in fewer bits, and all that may follow a projection.
TEST_F(GpuConvPrologue, ProjectionOfNarrowRows) {
  std::vector<KernelText> texts;
  for (const char *element : {"bf16", "f16"})
    for (Narrow which : {Narrow::Inputs, Narrow::Both, Narrow::TwoResults}) {
      KernelText text = linearText({.K = 132,
                                    .O = 19,
                                    .biased = true,
                                    .silu = true,
                                    .residual = true,
                                    .split = true,
                                    .offset = 8,
                                    .conv = {.W = 4, .biased = true}});
      text.tokenClass = "decode";
      texts.push_back(narrowRows(text, element, which));
    }
  checkDecoding(texts);
}

// Whatever the lengths: rows before the first one are in the pool, others beside.
TEST_F(GpuConvPrologue, ProjectionOfAnyBatch) {
  std::vector<KernelText> texts;
  for (int turn = 0; turn < 7; ++turn) {
    texts.push_back(linearText({.K = turn % 2 ? 60 : 37,
                                .O = 9,
                                .split = turn % 3 == 1,
                                .offset = 4,
                                .conv = convOf(turn)}));
    texts.back().tokenClass = turn % 2 ? "few" : "prefill";
  }
  checkAll(texts);
}

// A long sum: pieces of x, in a loop and behind it, and quads in a loop.
TEST_F(GpuConvPrologue, ProjectionInPieces) {
  std::vector<KernelText> texts;
  for (int64_t rows : {1, 4})
    for (auto [K, piece] : {std::pair<int64_t, int64_t>{1200, 256},
                            {1200, 1200},
                            {1026, 256}}) {
      KernelText text = linearText({.K = K, .O = 9, .conv = {.W = 4}});
      text.schedule = schedule({{"lanes", 8},
                                {"row_block", rows},
                                {"col_block", 8},
                                {"col_tile", 2},
                                {"k_block", piece},
                                {"threads", 64}});
      texts.push_back(text);
    }
  checkDecoding(texts);
}

// Of the outputs: of all, of some at the front, in the middle, of vectors and not;
// for few rows, and where there are many, by tiles and on the matrix unit.
TEST_F(GpuConvPrologue, OutputsOfAProjection) {
  std::vector<KernelText> texts;
  int turn = 0;
  for (const char *precision : {"f32", "bf16", "int8"})
    for (auto [O, E, offset] : std::initializer_list<std::array<int64_t, 3>>{
             {37, 37, 0}, {128, 64, 0}, {88, 40, 24}, {71, 30, 11}, {90, 45, 0}}) {
      KernelText text = linearText({.K = turn % 2 ? 72 : 35,
                                    .O = O,
                                    .norm = turn % 3 != 0,
                                    .biased = turn % 4 == 0,
                                    .after = {.E = E,
                                              .offset = offset,
                                              .conv = convOf(turn),
                                              .keeps = turn % 5 != 0}});
      if (precision != std::string("f32"))
        text = storeMatrix(text, "w", precision);
      text.tokenClass = "decode";
      texts.push_back(text);
      ++turn;
    }
  checkDecoding(texts);
}

TEST_F(GpuConvPrologue, OutputsInFewerBits) {
  std::vector<KernelText> texts;
  for (const char *element : {"bf16", "f16"})
    for (int64_t E : {48, 43}) {
      KernelText text =
          storeMatrix(linearText({.K = 64,
                                  .O = 96,
                                  .norm = true,
                                  .after = {.E = E, .conv = {.W = 4, .biased = true}}}),
                      "w", element);
      text.tokenClass = "decode";
      texts.push_back(narrowRows(text, element, Narrow::Results));
      texts.push_back(narrowRows(text, element, Narrow::Both));
    }
  checkDecoding(texts);
}

TEST_F(GpuConvPrologue, ScanDecoding) {
  std::vector<KernelText> texts;
  int turn = 0;
  for (int64_t N : {1, 3, 16, 17, 64})
    for (int64_t E : {1, 21, 70}) {
      texts.push_back(scanText({.E = E,
                                .N = N,
                                .rank = turn % 3 ? 5 + 3 * (turn % 2) : 0,
                                .projectionBias = turn % 2 == 0,
                                .softplus = true,
                                .skip = turn % 4 != 1,
                                .gateAfter = turn % 2 == 1,
                                .split = true,
                                .stateFirst = turn % 5 == 0,
                                .conv = convOf(turn)}));
      texts.back().tokenClass = "decode";
      ++turn;
    }
  checkDecoding(texts);
}

TEST_F(GpuConvPrologue, ScanOfNarrowRows) {
  std::vector<KernelText> texts;
  for (const char *element : {"bf16", "f16"}) {
    KernelText text = scanText({.E = 37,
                                .N = 16,
                                .rank = 12,
                                .projectionBias = true,
                                .softplus = true,
                                .skip = true,
                                .gateAfter = true,
                                .split = true,
                                .conv = {.W = 4, .biased = true}});
    text.tokenClass = "decode";
    texts.push_back(
        narrowRows(storeMatrix(text, "wd", element), element, Narrow::Both));
  }
  checkDecoding(texts);
}

// Several rows a sequence: the window is carried from row to row.
TEST_F(GpuConvPrologue, ScanOfAnyBatch) {
  std::vector<KernelText> texts;
  for (int turn = 0; turn < 7; ++turn) {
    texts.push_back(scanText({.E = 21,
                              .N = 5 + turn,
                              .rank = 3,
                              .softplus = true,
                              .skip = true,
                              .gateInScan = turn % 2 == 0,
                              .split = true,
                              .conv = convOf(turn)}));
    texts.back().tokenClass = turn % 2 ? "few" : "prefill";
  }
  checkAll(texts);
}

// To the bit what the kernel of a convolution by itself makes, and its state.
TEST_F(GpuConvPrologue, StateIsThatOfTheConvolution) {
  KernelText alone = convText({.E = 37, .W = 4, .biased = true, .silu = true});
  KernelText fused = scanText({.E = 37,
                               .N = 4,
                               .softplus = true,
                               .conv = {.W = 4, .biased = true}});
  LabKernels kernels = lab.compile({alone, fused});
  ASSERT_EQ(kernels.size(), 2u);
  BatchValue batch = shuffledBatch({1, 0, 5, 2}, random);
  KernelInputs inputs = kernels[1]->randomInputs(batch, random);
  // The operands x, w, b, s, batch of the one among those of the other.
  KernelInputs ofAlone{batch, {inputs.operands[0]}};
  for (size_t i = 0; i < fused.args.size(); ++i)
    for (const char *name : {"cw", "cb", "cs"})
      if (fused.args[i].name == name)
        ofAlone.operands.push_back(inputs.operands[i]);
  ofAlone.operands.push_back(batch);
  ASSERT_EQ(ofAlone.operands.size(), alone.args.size());
  std::vector<Tensor> scanned = kernels[1]->run(inputs),
                      convolved = kernels[0]->run(ofAlone);
  EXPECT_TRUE(sameBits(scanned[2], convolved[1]));
}

} // namespace
