// Every chip that we make PTX for: a kernel of each family runs as its PTX
// says, and the kernels of whole models assemble.
#include "compiler/codegen/Codegen.h"
#include "compiler/import/Import.h"
#include "compiler/import/RandomWeights.h"
#include "compiler/pipeline/Pipeline.h"
#include "test/unit/gpu/GpuLab.h"
#include "test/unit/gpu/Ptxas.h"
#include "test/unit/lab/KernelTexts.h"
#include "test/unit/lab/RowTexts.h"
#include "test/unit/support/TempFolder.h"

using namespace mamba;

namespace {

std::string targetOf(const std::string &chip) { return "cuda:" + chip; }

class EachChip : public testing::TestWithParam<const char *> {
protected:
  /// The PTX of the checkpoint's model.
  static std::string modelPtx(const std::string &dir) {
    mlir::DialectRegistry registry;
    registerCompiler(registry);
    registerCodegen(registry);
    mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
    std::string error;
    auto module = importCheckpoint(dir, {}, context, error);
    if (failed(module)) {
      ADD_FAILURE() << error;
      return {};
    }
    if (failed(runPipeline(**module, {.target = targetOf(GetParam())},
                           Phase::NVVM))) {
      ADD_FAILURE() << "the model does not compile";
      return {};
    }
    auto ptx = emitPtx(**module);
    if (failed(ptx)) {
      ADD_FAILURE() << "no PTX";
      return {};
    }
    return *ptx;
  }

  /// It calls nothing, spills nothing, the simulator knows it and ptxas takes
  /// it.
  static void expectGood(const std::string &ptx) {
    ASSERT_FALSE(ptx.empty());
    EXPECT_EQ(ptx.find(".extern .func"), std::string::npos);
    EXPECT_EQ(ptx.find(".local"), std::string::npos);
    auto module = sim::Module::load(ptx, "model");
    EXPECT_TRUE(module.ok()) << module.status().message();
    if (!hasPtxas())
      GTEST_SKIP() << "ptxas is not there: the PTX was not assembled";
    EXPECT_EQ(defectsOfAssembly(ptx, GetParam()), "");
  }
};

TEST_P(EachChip, RunsEachFamily) {
  GpuLab lab(targetOf(GetParam()));
  RandomTensors random(testSeed());
  std::vector<KernelText> texts = {
      normTexts(77)[2],
      embeddingTexts(19)[0],
      lastRowTexts(33)[1],
      castTexts()[3],
      decayTexts(17)[1],
      convText({.E = 35, .W = 4, .biased = true, .silu = true, .split = true}),
      linearText({.K = 45, .O = 67, .norm = true, .biased = true}),
      linearText({.K = 33, .O = 21, .residual = true}),
      scanText({.E = 37,
                .N = 16,
                .rank = 3,
                .projectionBias = true,
                .softplus = true,
                .log2 = true,
                .skip = true,
                .gateAfter = true,
                .split = true})};
  texts.push_back(texts.back());
  texts.back().tokenClass = "decode";
  texts[7].tokenClass = "few";
  ConvBefore conv{.W = 4, .biased = true};
  texts.push_back(linearText({.K = 36, .O = 21, .conv = conv}));
  texts.push_back(linearText({.K = 33, .O = 70, .after = {.E = 35, .conv = conv}}));
  texts.push_back(scanText({.E = 37, .N = 16, .softplus = true, .conv = conv}));
  for (size_t i = texts.size() - 3; i < texts.size(); ++i)
    texts[i].tokenClass = "decode";
  LabKernels kernels = lab.compile(texts);
  ASSERT_EQ(kernels.size(), texts.size());
  for (const auto &kernel : kernels)
    kernel->check(random);
}

TEST_P(EachChip, OddModelAssembles) {
  expectGood(modelPtx(MAMBA_TEST_DATA "/golden/mamba1-odd"));
}

// The widths of mamba-130m, which take the largest tiles.
TEST_P(EachChip, WideModelAssembles) {
  TempFolder folder;
  std::string config = folder.add("config.json", R"({"d_model": 768,
    "n_layer": 1, "vocab_size": 2051})");
  Status written = writeRandomCheckpoint(config, folder / "model", {});
  ASSERT_TRUE(written.ok()) << written.message();
  expectGood(modelPtx(folder / "model"));
}

INSTANTIATE_TEST_SUITE_P(Chips, EachChip,
                         testing::Values("sm_75", "sm_80", "sm_86", "sm_89",
                                         "sm_90a", "sm_100", "sm_120"),
                         [](const auto &info) {
                           return std::string(info.param);
                         });

TEST(GpuTargets, UnknownChip) {
  for (const char *name :
       {"cuda:sm_999", "cuda:", "cuda:native", "gpu:sm_80"}) {
    std::string error;
    EXPECT_TRUE(failed(parseTarget(name, error))) << name;
    EXPECT_NE(error.find(std::string("'") + name + "'"), std::string::npos)
        << error;
    EXPECT_NE(error.find("cuda:sm_80"), std::string::npos) << error;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  }
}

} // namespace
