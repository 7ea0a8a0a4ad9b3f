// A GPU's candidate is compiled, checked in the simulator, and its time predicted.
#include "compiler/tune/PredictGpu.h"
#include "test/unit/support/TempFolder.h"

#include <gtest/gtest.h>

using namespace mamba;
using namespace mamba::predict;

namespace {

/// y = op(x), of so many columns.
CandidateKernel kernelOf(const std::string &op, int64_t columns, std::vector<int64_t> lengths,
                         const std::string &tokens = "prefill", const std::string &goldens = "") {
  std::string type = "tensor<?x" + std::to_string(columns) + "xf32>";
  return {"func.func @kernel(%x: " + type + ") -> " + type + " attributes {ssm.class = \"" +
              tokens + "\"} {\n"
              "  %y = ssm.kernel (%a = %x) : (" + type + ") -> " + type + " {\n"
              "    %s = ssm." + op + " %a : " + type + "\n"
              "    ssm.yield %s : " + type + "\n"
              "  }\n"
              "  return %y : " + type + "\n}\n",
          "cuda:sm_80", std::move(lengths), goldens};
}

constexpr Schedule kSchedule = {.rowBlock = 1, .threads = 256};

Figures predicted(const CandidateKernel &kernel, StepKind step = StepKind::First) {
  Result<Figures> figures = predictCandidate(kernel, kSchedule, *sim::findChip("A100"), step);
  EXPECT_TRUE(figures.ok()) << figures.status().message();
  return figures.ok() ? *figures : Figures();
}

// Rows that are read once and written once take as long as the memory does.
TEST(PredictGpu, AgreesWithTheBytesOfAKernelThatMemoryBinds) {
  Figures figures = predicted(kernelOf("silu", 4096, {2048}));
  double us = 2.0 * 2048 * 4096 * 4 / sim::findChip("A100")->dramBytes * 1e6;
  EXPECT_EQ(figures.limit, "DRAM");
  EXPECT_NEAR(figures.us, us, 0.01 * us);
  EXPECT_EQ(figures.rows, 2048u);
  EXPECT_EQ(figures.spills, 0u);
  EXPECT_GT(figures.occupancy, 0.5);
  Figures other = predicted(kernelOf("silu", 4096, {2048}), StepKind::Other);
  EXPECT_EQ(other.rows, 8 * 2048u);
  EXPECT_NEAR(other.us, 8 * us, 0.08 * us);
}

TEST(PredictGpu, ChoosesTheStepsByTheClass) {
  auto rowsOf = [](const char *tokens, int64_t length) {
    CandidateKernel kernel = kernelOf("silu", 64, {length}, tokens);
    return std::pair(predicted(kernel).rows, predicted(kernel, StepKind::Other).rows);
  };
  using Rows = std::pair<uint64_t, uint64_t>;
  EXPECT_EQ(rowsOf("decode", 1), Rows(1, 64));
  EXPECT_EQ(rowsOf("few", 8), Rows(8, 16));
  EXPECT_EQ(rowsOf("prefill", 100), Rows(100, 800));
  EXPECT_EQ(rowsOf("prefill", 1), Rows(1, 0)) << "a row a sequence";
}

TEST(PredictGpu, AScheduleThatDoesNotFitIsRefusedWithTheReason) {
  Result<Figures> figures =
      predictCandidate(kernelOf("silu", 64, {8}), {.rowBlock = 1, .threads = 48},
                       *sim::findChip("A100"), StepKind::First);
  EXPECT_NE(figures.status().message().find("threads must be a multiple of 32 up to 1024, got 48"),
            std::string::npos)
      << figures.status().message();
}

TEST(PredictGpu, ComparesNumbersWithTheReference) {
  TempFolder folder;
  CandidateKernel kernel = kernelOf("silu", 50, {}, "prefill", folder / "golden");
  ASSERT_TRUE(computeGoldens(kernel).ok());
  Status right = checkCandidate(kernel, kSchedule, folder / ".");
  EXPECT_TRUE(right.ok()) << right.message();
  kernel = kernelOf("softplus", 50, {}, "prefill", folder / "golden");
  Status wrong = checkCandidate(kernel, kSchedule, folder / ".");
  EXPECT_NE(wrong.message().find("case 0: argument 1 has relative error "), std::string::npos)
      << wrong.message();
}

TEST(PredictGpu, FiguresAreReadAsWritten) {
  Figures figures{1.5, 2048, "issue", 96, 3, 0.25};
  Result<Figures> again = Figures::parse(figures.json());
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(again->json(), figures.json());
  EXPECT_FALSE(Figures::parse("{}").ok());
}

} // namespace
