// A second compiler for the same kernels: NVRTC, from C++ translated from the
// structured IR, and from LLVM's PTX in asm statements. In the simulator both
// give the bits that LLVM's PTX gives: what is rounded is written out, and is
// done in one order.
#include "test/unit/gpu/GpuLab.h"
#include "test/unit/lab/KernelTexts.h"
#include "test/unit/lab/Precisions.h"
#include "test/unit/lab/RowTexts.h"

#include "compiler/codegen/Nvrtc.h"

using namespace mamba;

namespace {

/// A kernel of each family, and its forms that write other ops.
std::vector<KernelText> eachFamily() {
  std::vector<KernelText> texts = {
      normTexts(77)[2],
      embeddingTexts(19)[0],
      lastRowTexts(33)[1],
      argmaxText(100, 97),
      sampleText(100, 97),
      decayTexts(17)[1],
      convText({.E = 35, .W = 4, .biased = true, .silu = true, .split = true}),
      linearText({.K = 45, .O = 67, .norm = true, .biased = true}),
      linearText({.K = 64, .O = 96, .silu = true, .residual = true}),
      linearText({.K = 33, .O = 21, .residual = true}),
      linearText({.K = 48, .O = 40, .norm = true}),
      scanText({.E = 37,
                .N = 16,
                .rank = 3,
                .projectionBias = true,
                .softplus = true,
                .log2 = true,
                .skip = true,
                .gateAfter = true,
                .split = true}),
      scanText({.E = 21, .N = 5, .deltaBias = true, .softplus = true, .gateInScan = true})};
  texts[9].tokenClass = texts[10].tokenClass = "few";
  for (KernelText &text : castTexts())
    texts.push_back(text);
  texts.push_back(texts[11]);
  texts.back().tokenClass = "decode";
  texts.push_back(texts[6]);
  texts.back().tokenClass = "decode";
  for (const char *tokenClass : {"prefill", "decode"}) {
    texts.push_back(scanText(falconScan(37, 16, 20)));
    texts.back().tokenClass = tokenClass;
  }
  ConvBefore conv{.W = 4, .biased = true};
  texts.push_back(linearText({.K = 36, .O = 21, .conv = conv}));
  texts.push_back(linearText({.K = 33, .O = 70, .after = {.E = 35, .conv = conv}}));
  texts.push_back(scanText({.E = 37, .N = 16, .softplus = true, .conv = conv}));
  for (size_t i = texts.size() - 3; i < texts.size(); ++i)
    texts[i].tokenClass = "decode";
  return texts;
}

/// Rows and matrices in fewer bits: the matrix unit where the chip has it, and
/// weights streamed past few rows.
std::vector<KernelText> inFewerBits() {
  std::vector<KernelText> texts = {
      narrowRows(normTexts(77)[2], "bf16", Narrow::Both),
      narrowRows(normTexts(64)[2], "f16", Narrow::Both),
      narrowRows(convText({.E = 40, .W = 4, .biased = true, .silu = true}), "bf16",
                 Narrow::Both)};
  for (const char *element : {"bf16", "f16"})
    for (const char *weights : {element, "int8", "int4"}) {
      LinearForm form = {.K = 136, .O = 130, .norm = true, .residual = true};
      texts.push_back(
          narrowRows(storeMatrix(linearText(form), "w", weights), element, Narrow::TwoResults));
      form = {.K = 64, .O = 96, .biased = true, .silu = true};
      for (const char *tokenClass : {"prefill", "few", "decode"}) {
        texts.push_back(
            narrowRows(storeMatrix(linearText(form), "w", weights), element, Narrow::Both));
        texts.back().tokenClass = tokenClass;
      }
    }
  return texts;
}

/// On one chip: LLVM's kernels beside NVRTC's.
class EachNvrtcChip : public testing::TestWithParam<const char *> {
protected:
  void expectSameBits(GpuCompiler compiler, const std::vector<KernelText> &texts) {
    if (!hasNvrtc())
      GTEST_SKIP() << nvrtcName();
    std::string target = std::string("cuda:") + GetParam();
    GpuLab lab(target), other(target, compiler);
    LabKernels kernels = lab.compile(texts), others = other.compile(texts);
    ASSERT_EQ(kernels.size(), texts.size());
    ASSERT_EQ(others.size(), texts.size());
    RandomTensors random(testSeed());
    for (size_t i = 0; i < texts.size(); ++i)
      compare(static_cast<GpuKernel &>(*kernels[i]), static_cast<GpuKernel &>(*others[i]), random);
  }

private:
  static void compare(const GpuKernel &kernel, const GpuKernel &other, RandomTensors &random) {
    SCOPED_TRACE(kernel.describe());
    KernelInputs inputs = kernel.randomInputs(
        shuffledBatch(kernel.isForDecoding() ? std::vector<int64_t>(9, 1)
                                             : std::vector<int64_t>{2, 0, 37, 1, 3, 18},
                      random),
        random);
    std::vector<Tensor> want = kernel.reference(inputs);
    ASSERT_EQ(kernel.schedules.size(), other.schedules.size());
    for (size_t s = 0; s < kernel.schedules.size(); ++s) {
      SCOPED_TRACE(kernel.schedules[s].name);
      auto first = kernel.execute(inputs, kernel.schedules[s]);
      auto second = other.execute(inputs, other.schedules[s]);
      ASSERT_TRUE(first.ok()) << first.status().message();
      ASSERT_TRUE(second.ok()) << second.status().message();
      other.expectRight(inputs, want, *second);
      EXPECT_TRUE(sameBits(*first, *second)) << "the compilers differ";
    }
  }
};

TEST_P(EachNvrtcChip, RunsCxx) { expectSameBits(GpuCompiler::NvrtcCxx, eachFamily()); }
TEST_P(EachNvrtcChip, RunsPtxInAsm) { expectSameBits(GpuCompiler::NvrtcPtx, eachFamily()); }
TEST_P(EachNvrtcChip, RunsCxxInFewerBits) {
  expectSameBits(GpuCompiler::NvrtcCxx, inFewerBits());
}
TEST_P(EachNvrtcChip, RunsPtxInAsmInFewerBits) {
  expectSameBits(GpuCompiler::NvrtcPtx, inFewerBits());
}

INSTANTIATE_TEST_SUITE_P(Chips, EachNvrtcChip,
                         testing::Values("sm_75", "sm_80", "sm_86", "sm_89", "sm_90a", "sm_100",
                                         "sm_120"),
                         [](const auto &info) { return std::string(info.param); });

} // namespace
