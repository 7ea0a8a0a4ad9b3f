// A variant of a tuning pack is predicted as the compiler predicts its candidate.
#include "runtime/tune/PackPredictions.h"
#include "compiler/tune/Plan.h"
#include "compiler/tune/PredictGpu.h"
#include "compiler/tune/TuningPack.h"
#include "runtime/support/File.h"
#include "runtime/tune/Candidate.h"
#include "test/unit/support/TempFolder.h"

#include <gtest/gtest.h>

using namespace mamba;
using namespace mamba::tune;

namespace {

/// Sequences, states in slots, and rows of tokens.
constexpr const char *kScan = R"(
func.func @scan(%u: tensor<?x19xf32> {ssm.name = "u"}, %delta: tensor<?x19xf32> {ssm.name = "delta"},
                %A: tensor<19x5xf32> {ssm.name = "A"}, %B: tensor<?x5xf32> {ssm.name = "B"},
                %C: tensor<?x5xf32> {ssm.name = "C"}, %batch: !ssm.batch,
                %h0: tensor<?x19x5xf32> {ssm.name = "h0", ssm.state = "h"})
    -> (tensor<?x19xf32> {ssm.name = "y"}, tensor<?x19x5xf32> {ssm.name = "h_last", ssm.state = "h"})
    attributes {ssm.entry = "scan"} {
  %y, %h = ssm.selective_scan %u delta %delta A %A B %B C %C state %h0 of %batch
      : (tensor<?x19xf32>, tensor<?x19xf32>, tensor<19x5xf32>, tensor<?x5xf32>, tensor<?x5xf32>,
         tensor<?x19x5xf32>, !ssm.batch) -> (tensor<?x19xf32>, tensor<?x19x5xf32>)
  return %y, %h : tensor<?x19xf32>, tensor<?x19x5xf32>
}
)";

class PackPredictionsTest : public testing::Test {
protected:
  static void SetUpTestSuite() {
    folder = std::make_unique<TempFolder>();
    ASSERT_TRUE(writeFileAtomically(*folder / "scan.mlir", kScan).ok());
    BuildOptions options;
    options.input = *folder / "scan.mlir";
    options.output = *folder / "scan.mpk";
    options.targets = {"cuda:sm_80"};
    options.cudaSource = false;
    Status built = buildTuningPack(options, 2);
    ASSERT_TRUE(built.ok()) << built.message();
  }
  static void TearDownTestSuite() { folder.reset(); }

  static std::string pack() { return *folder / "scan.mpk"; }
  /// What a process writes; else why it fails.
  static std::string predicted(const VariantName &name, const std::string &step,
                               const std::string &chip = "A100") {
    std::string file = *folder / ("figures" + step);
    Status status = predictVariant({chip, name.text(), file});
    return status.ok() ? *readFile(file) : status.message();
  }

  static std::unique_ptr<TempFolder> folder;
};

std::unique_ptr<TempFolder> PackPredictionsTest::folder;

TEST_F(PackPredictionsTest, AreThoseOfTheCompiler) {
  TuneInput input;
  input.input = *folder / "scan.mlir";
  input.target = "cuda:sm_80";
  input.step.prefillTokens = kPredictedTokens;
  Result<std::vector<TunedKernel>> kernels = planKernels(input);
  ASSERT_TRUE(kernels.ok()) << kernels.status().message();
  auto opened = Pack::open(pack());
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  const std::vector<TuningSpec> &tuning = (*opened)->manifest().tuning;
  ASSERT_GE(tuning.size(), 4u);
  for (size_t place = 0; place < tuning.size(); ++place) {
    const TunedKernel *kernel = nullptr;
    for (const TunedKernel &planned : *kernels)
      if (planned.key.text() == tuning[place].key)
        kernel = &planned;
    ASSERT_TRUE(kernel) << tuning[place].key;
    CandidateKernel job = {kernel->module, input.target, kernel->lengths, ""};
    ASSERT_EQ(tuning[place].variants.size(), 2u);
    for (size_t variant : {0, 1}) {
      std::string reason;
      Schedule schedule = *Schedule::parse(tuning[place].variants[variant].schedule, reason);
      for (auto [step, end] : {std::pair(predict::StepKind::First, ".first"),
                               std::pair(predict::StepKind::Other, ".other")}) {
        Result<predict::Figures> want =
            predictCandidate(job, schedule, *sim::findChip("A100"), step);
        ASSERT_TRUE(want.ok()) << want.status().message();
        EXPECT_EQ(predicted({pack(), place, variant, ""}, end), want->json())
            << tuning[place].key << ", " << schedule.text();
        EXPECT_GT(want->us, 0);
      }
    }
  }
}

TEST_F(PackPredictionsTest, ASourceHasTheVariantsOnceAndTheChip) {
  Result<PackSource> source = PackSource::open(pack(), "", "sim");
  ASSERT_TRUE(source.ok()) << source.status().message();
  EXPECT_EQ(source->chip(), "A100");
  EXPECT_EQ(source->threads(3), 0);
  EXPECT_EQ(source->kernel(0).candidates.size(), 2u);
  EXPECT_EQ(PackSource::open(pack(), "", "sim", "sm_80")->chip(), "A100");
  auto refusal = [](const char *target, const char *device, const char *chip) {
    return PackSource::open(pack(), target, device, chip).status().message();
  };
  EXPECT_NE(refusal("", "sim", "H100").find("has no target for chip 'H100', which is sm_90a"),
            std::string::npos);
  EXPECT_NE(refusal("cuda:sm_80", "sim", "H100").find("name a chip of the target"),
            std::string::npos);
  EXPECT_NE(refusal("", "sim", "Z80").find("unknown chip 'Z80'"), std::string::npos);
  EXPECT_NE(refusal("", "cpu", "A100").find("--chip is for predictions"), std::string::npos);
}

TEST_F(PackPredictionsTest, SaysWhatIsMissing) {
  EXPECT_NE(predictVariant({"A100"}).message().find("a chip, a variant and a file are missing"),
            std::string::npos);
  EXPECT_NE(predictVariant({"A100", "x.mpk", "f.first"}).message().find("is no variant"),
            std::string::npos);
  EXPECT_NE(predicted({pack(), 99, 0, ""}, ".first").find("has no variant 99.0"),
            std::string::npos);
  EXPECT_NE(predicted({pack(), 0, 0, ""}, ".first", "Z80").find("unknown chip"),
            std::string::npos);
}

} // namespace
