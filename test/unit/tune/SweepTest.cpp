// A sweep goes on whatever its candidates do, and its journal can be gone on with.
#include "runtime/support/File.h"
#include "runtime/tune/Journal.h"
#include "runtime/tune/Timing.h"
#include "runtime/tune/WorkFolder.h"
#include "runtime/tune/Workers.h"
#include "test/unit/support/TempFolder.h"
#include "test/unit/tune/FakeSources.h"
#include "test/unit/tune/FakeWorkers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <numeric>

#include <sys/stat.h>

using namespace mamba;

namespace {

TEST(Timing, WhoCrashesOrHangsIsDroppedAndTheRaceGoesOn) {
  tune::Race race(4, {.rounds = 7, .finalists = 8});
  tune::TimingOptions options;
  options.mostSeconds = 2;
  std::vector<std::string> failures;
  Status status =
      tune::runRace(race, {"0.mpk", "crash.mpk", "hang.mpk", "2.mpk"}, options, failures);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(race.best(), 3u);
  EXPECT_EQ(failures[0], "");
  EXPECT_EQ(failures[1], "it crashes when it is timed: signal 11 (Segmentation fault)");
  EXPECT_EQ(failures[2], "it hangs when it is timed");
  EXPECT_EQ(race.timings(1).size(), 0u);
  EXPECT_GE(race.timings(3).size(), 6u);
}

TEST(Timing, StopsWhenAsked) {
  tune::Race race(2, {.rounds = 1000, .finalists = 8});
  tune::TimingOptions options;
  int asked = 0;
  options.stop = [&] { return ++asked > 5; };
  std::vector<std::string> failures;
  ASSERT_TRUE(tune::runRace(race, {"0.mpk", "1.mpk"}, options, failures).ok());
  EXPECT_EQ(race.timings(0).size() + race.timings(1).size(), 5u);
}

// A second race on other candidates starts with a clean record.
TEST(Timing, FailuresAreOfThisRace) {
  tune::TimingOptions options;
  options.mostSeconds = 10;
  std::vector<std::string> failures;
  tune::Race first(2);
  ASSERT_TRUE(tune::runRace(first, {"0.mpk", "crash.mpk"}, options, failures).ok());
  EXPECT_NE(failures[1], "");
  tune::Race second(2);
  ASSERT_TRUE(tune::runRace(second, {"0.mpk", "2.mpk"}, options, failures).ok());
  EXPECT_EQ(failures, std::vector<std::string>(2));
}

/// A kernel of so many candidates, told apart by their chunk.
tune::FakeKernel kernelOf(size_t candidates, const std::string &dims = "64x16") {
  std::vector<int64_t> chunks(candidates);
  std::iota(chunks.begin(), chunks.end(), 1);
  return tune::fakeKernel(chunks, dims);
}

tune::KernelResult swept(const tune::FakeKernel &kernel) {
  std::optional<tune::KernelResult> found;
  Result<bool> complete =
      tune::runSweep({}, tune::FakeTrials({kernel}), [&](const tune::KernelResult &result) -> Status {
        found = result;
        return {};
      });
  EXPECT_TRUE(complete.ok() && *complete);
  return *found;
}

TEST(Sweep, RecordsWhatWentWrongAndFindsTheBest) {
  tune::KernelResult result = swept(kernelOf(8));
  EXPECT_EQ(result.failure, "");
  EXPECT_EQ(result.best, 2u);
  EXPECT_DOUBLE_EQ(result.bestTime.median, 12e-6);
  EXPECT_DOUBLE_EQ(result.defaultTime.median, 20e-6);
  EXPECT_EQ(result.rows, 512);
  EXPECT_EQ(result.candidates[3].failure,
            "it crashes when it is timed: signal 11 (Segmentation fault)");
  EXPECT_EQ(result.candidates[4].failure, "it crashes: signal 6 (Aborted)");
  EXPECT_EQ(result.candidates[5].failure, "argument 2: relative L2 error 0.7, allowed 0.0002");
  EXPECT_TRUE(result.candidates[5].us.empty()) << "wrong numbers are not timed";
}

TEST(Sweep, NothingTakesTheDefaultsPlaceByLuck) {
  // Candidate 1 is faster by its median, but not surely.
  tune::KernelResult result = swept(kernelOf(2));
  EXPECT_LT(tune::least(result.candidates[1].us), 20);
  EXPECT_EQ(result.best, 0u);
  EXPECT_DOUBLE_EQ(result.bestTime.median, result.defaultTime.median);
}

TEST(Sweep, ABudgetEndsIt) {
  tune::SweepSettings options;
  options.budgetSeconds = 1e-9;
  size_t done = 0;
  auto count = [&](const tune::KernelResult &) {
    ++done;
    return Status();
  };
  Result<bool> complete = tune::runSweep(options, tune::FakeTrials({kernelOf(2), kernelOf(3)}), count);
  ASSERT_TRUE(complete.ok());
  EXPECT_FALSE(*complete);
  EXPECT_EQ(done, 0u);
}

TEST(Sweep, WhatTheSystemRefusesEndsItAndNamesTheKernel) {
  for (size_t which : {size_t(0), size_t(3)}) {
    tune::FakeKernel kernel = kernelOf(5);
    kernel.schedules[which] = tune::kIsRefused;
    size_t done = 0;
    auto count = [&](const tune::KernelResult &) {
      ++done;
      return Status();
    };
    Result<bool> complete =
        tune::runSweep({}, tune::FakeTrials({kernelOf(1), kernel, kernelOf(1)}), count);
    EXPECT_EQ(complete.status().message(), kernel.key + ": cannot write 'x': No space left");
    EXPECT_EQ(complete.status().code(), StatusCode::IoError);
    EXPECT_EQ(done, 1u);
    complete = tune::predictSweep({}, {}, tune::FakePredicted({kernel}), count);
    EXPECT_EQ(complete.status().message(), kernel.key + ": cannot write 'x': No space left");
  }
}

TEST(Workers, TheFirstFailureEndsTheRest) {
  std::atomic<size_t> begun = 0;
  Status status = tune::forEachAtOnce(1000, 2, [] { return false; }, [&](size_t i) -> Status {
    ++begun;
    return i == 3 ? ioError("full") : Status();
  });
  EXPECT_EQ(status.message(), "full");
  EXPECT_LT(begun, 1000u);
}

//===----------------------------------------------------------------------===//
// WorkFolder
//===----------------------------------------------------------------------===//

TEST(WorkFolder, WhatDeadProcessesHaveLeftGoesAway) {
  namespace fs = std::filesystem;
  TempFolder folder;
  const char *own = std::getenv("TMPDIR");
  std::string before = own ? own : "";
  ::setenv("TMPDIR", (folder / ".").c_str(), 1);
  Result<tune::WorkFolder> alive = tune::WorkFolder::create();
  ASSERT_TRUE(alive.ok()) << alive.status().message();
  fs::create_directories(folder / "mamba-tune-4711-aB3xYz/deep");
  EXPECT_TRUE(writeFileAtomically(folder / "mamba-tune-4711-aB3xYz/deep/file", "x").ok());
  // None of these is one.
  std::vector<std::string> others = {"mamba-tune-aB3xYz", "mamba-tune--aB3xYz",
                                     "mamba-tune-1-aB3xY", "mamba-tune-1-aB3xYzz", "other"};
  for (const std::string &name : others)
    fs::create_directory(folder / name);
  EXPECT_TRUE(writeFileAtomically(folder / "mamba-tune-2-abcdef", "a file").ok());
  fs::create_directory_symlink("other", folder / "mamba-tune-3-abcdef");
  tune::WorkFolder::removeStale();
  EXPECT_FALSE(fs::exists(folder / "mamba-tune-4711-aB3xYz"));
  EXPECT_TRUE(fs::exists(alive->path()));
  for (const std::string &name : others)
    EXPECT_TRUE(fs::exists(folder / name)) << name;
  EXPECT_TRUE(fs::exists(folder / "mamba-tune-2-abcdef"));
  EXPECT_TRUE(fs::is_symlink(folder / "mamba-tune-3-abcdef"));
  own ? ::setenv("TMPDIR", before.c_str(), 1) : ::unsetenv("TMPDIR");
}

//===----------------------------------------------------------------------===//
// Journal
//===----------------------------------------------------------------------===//

tune::KernelReport reported(const tune::FakeKernel &kernel) {
  tune::KernelResult result = swept(kernel);
  tune::ScheduleLine line;
  line.target = "cpu:x86-64-v4";
  line.chip = "A chip";
  line.versions = "mamba";
  line.figure.threads = 2;
  return tune::reportOf(result, tune::lineOf(result, line));
}

TEST(Journal, GoesOnWithWhatIsThere) {
  TempFolder folder;
  std::string path = folder / "x.tune";
  tune::KernelReport report = reported(kernelOf(8));
  {
    Result<tune::Journal> journal = tune::Journal::open(path, "settings", false);
    ASSERT_TRUE(journal.ok()) << journal.status().message();
    ASSERT_TRUE(journal->add(report).ok());
  }
  Result<tune::Journal> journal = tune::Journal::open(path, "settings", true);
  ASSERT_TRUE(journal.ok()) << journal.status().message();
  EXPECT_TRUE(journal->isDone(report.key));
  EXPECT_FALSE(journal->isDone(kernelOf(8, "65x16").key));
  ASSERT_EQ(journal->reports().size(), 1u);
  EXPECT_EQ(tune::reportTable(journal->reports()), tune::reportTable({report}));
  EXPECT_EQ(tune::reportSvg(journal->reports(), "t"), tune::reportSvg({report}, "t"));
  EXPECT_EQ(*readFile(path), report.record + "\n");
  journal->close();
  EXPECT_FALSE(std::filesystem::exists(path + ".journal"));
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(Journal, KeepsWhatAnotherSweepHasFound) {
  TempFolder folder;
  std::string path = folder / "x.tune";
  Result<tune::Journal> first = tune::Journal::open(path, "first", false);
  Result<tune::Journal> second = tune::Journal::open(path, "second", false); // waits for it
  tune::KernelReport one = reported(kernelOf(8)), two = reported(kernelOf(8, "65x16"));
  ASSERT_TRUE(first->begin().ok());
  ASSERT_TRUE(first->add(one).ok());
  ASSERT_TRUE(second->begin().ok());
  EXPECT_EQ(*readFile(path), one.record + "\n");
  ASSERT_TRUE(first->add(two).ok());
  ASSERT_TRUE(second->add(one).ok());
  EXPECT_EQ(*readFile(path), one.record + "\n" + two.record + "\n");
}

TEST(Journal, TakesNoPipe) {
  TempFolder folder;
  for (const char *name : {"x.tune", "y.tune.journal"}) {
    std::string path = folder / name;
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    Result<tune::Journal> journal =
        tune::Journal::open(folder / std::string(name).substr(0, 6), "settings", true);
    ASSERT_FALSE(journal.ok());
    EXPECT_EQ(journal.status().message(),
              "'" + path + "' is not a regular file, name another database");
  }
}

TEST(Journal, IsRefusedForOtherSettingsAndBegunAnewWithoutResume) {
  TempFolder folder;
  std::string path = folder / "x.tune";
  ASSERT_TRUE(tune::Journal::open(path, "settings", false)->add(reported(kernelOf(2))).ok());
  Result<tune::Journal> other = tune::Journal::open(path, "others", true);
  ASSERT_FALSE(other.ok());
  EXPECT_NE(other.status().message().find("is of a sweep with other options: settings"),
            std::string::npos);
  EXPECT_TRUE(tune::Journal::open(path, "others", false)->reports().empty());
}

TEST(Journal, NamesWhatItCannotRead) {
  TempFolder folder;
  std::string path = folder / "x.tune";
  auto errorOf = [&](const std::string &line) {
    EXPECT_TRUE(writeFileAtomically(path + ".journal", "settings\n" + line + "\n").ok());
    Result<tune::Journal> journal = tune::Journal::open(path, "settings", true);
    EXPECT_FALSE(journal.ok()) << line;
    return journal.ok() ? "" : journal.status().message();
  };
  EXPECT_NE(errorOf("{").find("x.tune.journal: kernel 1: line 1"), std::string::npos);
  EXPECT_NE(errorOf("[]").find("x.tune.journal: kernel 1 must be an object"), std::string::npos);
  EXPECT_NE(errorOf("{\"key\": 3}").find("'key' must be a string"), std::string::npos);
}

TEST(Report, StatesGainFailuresAndMean) {
  tune::KernelReport report = reported(kernelOf(8));
  std::string table = tune::reportTable({report});
  EXPECT_NE(table.find("default 20.0 us, best 12.0 us (+-0.0%), 1.667x; 5 timed, 3 failed"),
            std::string::npos)
      << table;
  EXPECT_NE(table.find("geometric mean of default by best over 1 kernels: 1.667"),
            std::string::npos);
  EXPECT_NE(table.find("chunk=6: argument 2: relative L2 error"), std::string::npos);
  report.rank = {10, 4, 0.5};
  EXPECT_NE(tune::reportTable({report, report})
                .find("over 2 kernels whose candidates differ: median 0.50, least 0.50\n"),
            std::string::npos);
  EXPECT_EQ(tune::rankText(report.rank),
            "rank correlation of predicted and measured 0.50, over the 4 of 10 pairs of candidates "
            "that differ by more than their spread");
  EXPECT_EQ(tune::rankText({10, 0, 0}),
            "no candidate is surely faster than another: nothing to predict");
  EXPECT_EQ(tune::rankText({}), "");
  std::string svg = tune::reportSvg({report}, "a < b");
  EXPECT_NE(svg.find("a &lt; b"), std::string::npos);
  EXPECT_EQ(std::count(svg.begin(), svg.end(), '\0'), 0);
}

} // namespace
