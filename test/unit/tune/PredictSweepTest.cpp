// Who takes the default's place by prediction, and how the best one is looked for.
#include "runtime/tune/PredictSweep.h"
#include "runtime/tune/Report.h"
#include "test/unit/tune/FakePredictions.h"
#include "test/unit/tune/FakeSources.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>

using namespace mamba;

namespace {

struct Options : tune::SweepSettings, tune::SearchRules {};

tune::KernelResult swept(const std::vector<int64_t> &chunks, const Options &options = {}) {
  std::optional<tune::KernelResult> found;
  Result<bool> complete =
      tune::predictSweep(options, options, tune::FakePredicted({tune::fakeKernel(chunks)}),
                         [&](const tune::KernelResult &result) -> Status {
                           found = result;
                           return {};
                         });
  EXPECT_TRUE(complete.ok() && *complete);
  return *found;
}

std::string best(const std::vector<int64_t> &chunks) {
  tune::KernelResult result = swept(chunks);
  EXPECT_EQ(result.failure, "");
  return result.candidates[result.best].schedule;
}

TEST(PredictSweep, WhoIsFasterByMoreThanTheMarginWins) {
  EXPECT_EQ(best({1, 7}), "chunk=7");
  EXPECT_EQ(best({1, 8}), "chunk=1") << "as fast";
  EXPECT_EQ(best({1, 2}), "chunk=1") << "faster by less";
}

TEST(PredictSweep, WhoIsSlowerElsewhereSpillsOrHasFewWarpsDoesNotWin) {
  EXPECT_EQ(best({1, 3}), "chunk=1");
  EXPECT_EQ(best({1, 4}), "chunk=1");
  EXPECT_EQ(best({1, 5}), "chunk=1");
}

TEST(PredictSweep, TimesOfOtherStepsDoNotCompare) {
  tune::KernelResult result = swept({1, 10, 7});
  EXPECT_EQ(result.candidates[result.best].schedule, "chunk=7");
  EXPECT_EQ(result.candidates[2].failure, "it is for steps of 64 rows, the default for 2048");
}

TEST(PredictSweep, RecordsWhatWentWrongAndTakesTheNext) {
  tune::KernelResult result = swept({1, 9, 4, 6, 7});
  EXPECT_EQ(result.failure, "");
  EXPECT_EQ(result.candidates[result.best].schedule, "chunk=7");
  EXPECT_FALSE(result.isMeasured);
  EXPECT_EQ(result.rows, 2048);
  EXPECT_DOUBLE_EQ(result.bestTime.median, 9e-6);
  EXPECT_DOUBLE_EQ(result.defaultTime.median, 10e-6);
  std::map<std::string, std::string> failures;
  for (const tune::CandidateResult &candidate : result.candidates)
    failures[candidate.schedule] = candidate.failure;
  EXPECT_EQ(failures["chunk=9"], "it crashes: signal 6 (Aborted)");
  EXPECT_EQ(failures["chunk=4"],
            "it spills: 2 loads and stores of local memory, the default 0");
  EXPECT_EQ(failures["chunk=6"], "argument 2 is wrong");
  EXPECT_EQ(failures["chunk=7"], "");
}

TEST(PredictSweep, ADefaultThatFailsIsSaid) {
  EXPECT_EQ(swept({9, 8}).failure, "the default: it crashes: signal 6 (Aborted)");
}

/// Every chunk from kValley on, a twelfth of a doubling apart.
std::vector<int64_t> valley() {
  std::vector<int64_t> chunks;
  for (int step = 0; step <= 12 * 12; ++step)
    chunks.push_back(std::lround(tune::kValley * std::exp2(step / 12.0)));
  return chunks;
}

TEST(PredictSweep, TheNearestIsSoByDoublingsOfEachParameter) {
  tune::FakeKernel kernel = tune::fakeKernel({64, 65});
  // Far ones by another parameter, or the lack of one, come after near ones.
  kernel.schedules = {"chunk=64", "chunk=1024", "chunk=64  threads=4", "chunk=66", "odd words="};
  std::optional<tune::KernelResult> found;
  Options options;
  options.builders = 1;
  ASSERT_TRUE(tune::predictSweep(options, options, tune::FakePredicted({kernel}),
                                 [&](const tune::KernelResult &result) -> Status {
                                   found = result;
                                   return {};
                                 })
                  .ok());
  std::vector<std::string> order;
  for (const tune::CandidateResult &candidate : found->candidates)
    order.push_back(candidate.schedule);
  EXPECT_EQ(order, (std::vector<std::string>{"chunk=64", "chunk=66", "chunk=64  threads=4",
                                             "odd words=", "chunk=1024"}));
}

TEST(PredictSweep, GoesOnFromTheBestSoFar) {
  Options options;
  options.most = 1000;
  tune::KernelResult result = swept(valley(), options);
  EXPECT_EQ(result.candidates[result.best].schedule, "chunk=4096");
  EXPECT_LT(result.candidates.size(), 100u) << "and ends where no nearer one is better";
  options.exhaustive = true;
  EXPECT_EQ(swept(valley(), options).candidates.size(), valley().size());
}

TEST(PredictSweep, TriesAtMostSoMany) {
  Options options;
  options.most = 30;
  EXPECT_EQ(swept(valley(), options).candidates.size(), 30u);
}

TEST(PredictSweep, GivesTheSameWithAnyNumberOfProcesses) {
  Options options;
  options.builders = 1;
  tune::KernelResult one = swept(valley(), options);
  options.builders = 3;
  tune::KernelResult three = swept(valley(), options);
  ASSERT_EQ(one.candidates.size(), three.candidates.size());
  for (size_t i = 0; i < one.candidates.size(); ++i)
    EXPECT_EQ(one.candidates[i].schedule, three.candidates[i].schedule);
}

TEST(PredictSweep, EndsWheneverItIsToStop) {
  for (int most : {0, 3, 10}) {
    Options options;
    std::atomic<int> asked = 0;
    options.stop = [&] { return ++asked > most; };
    options.builders = 1;
    bool isDone = false;
    Result<bool> complete =
        tune::predictSweep(options, options, tune::FakePredicted({tune::fakeKernel({1, 7})}),
                           [&](const tune::KernelResult &) {
                             isDone = true;
                             return Status();
                           });
    ASSERT_TRUE(complete.ok());
    EXPECT_FALSE(*complete);
    EXPECT_FALSE(isDone);
  }
}

TEST(PredictSweep, ReportsWithoutWhatOnlyTimingsHave) {
  tune::ScheduleLine line;
  tune::KernelReport report = tune::reportOf(swept({1, 7}), line);
  std::string table = tune::reportTable({report});
  EXPECT_NE(table.find("  2048 rows, default 10.0 us, best 9.0 us, 1.111x; 2 predicted\n  chunk=1"),
            std::string::npos)
      << table;
  Result<tune::KernelReport> again =
      tune::readReport(nlohmann::json::parse(tune::writeReport(report)));
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(tune::reportTable({*again}), table);
  std::string svg = tune::reportSvg({report}, "t");
  EXPECT_EQ(svg.find("measured"), std::string::npos);
  EXPECT_NE(svg.find("chunk=7: 9.0 us</title>"), std::string::npos);
}

TEST(PredictSweep, AChipIsOfTheTarget) {
  auto nameOf = [&](const std::string &target, const std::string &chip) -> std::string {
    Result<const sim::Chip *> found =
        predict::chipOf(target.substr(std::string("cuda:").size()), target, chip);
    return found.ok() ? std::string((*found)->name) : found.status().message();
  };
  EXPECT_EQ(nameOf("cuda:sm_80", ""), "A100");
  EXPECT_EQ(nameOf("cuda:sm_90", ""), "H100");
  EXPECT_EQ(nameOf("cuda:sm_90a", "h200"), "H200");
  EXPECT_EQ(nameOf("cuda:sm_89", "A100"),
            "chip 'A100' is sm_80, the target 'cuda:sm_89': name a chip of the target");
  EXPECT_NE(nameOf("cuda:sm_89", "Z80").find("unknown chip 'Z80'"), std::string::npos);
}

} // namespace
