// What a sweep asks of the system: folders, processes, threads, its turn on the
// host.
#include "test/unit/faults/Scenario.h"

#include "runtime/tune/Child.h"
#include "runtime/tune/HostTurn.h"
#include "runtime/tune/WorkFolder.h"
#include "runtime/tune/Workers.h"
#include "test/unit/support/TempFolder.h"

#include <gtest/gtest.h>

#include <optional>
#include <unistd.h>

using namespace mamba;
using namespace mamba::test;

namespace {

/// Temporary files have a folder of their own meanwhile.
class TuneFaults : public testing::Test {
protected:
  TuneFaults() { setenv("TMPDIR", folder.path().c_str(), 1); }
  ~TuneFaults() override { unsetenv("TMPDIR"); }

  TempFolder folder;
};

bool never() { return false; }

} // namespace

TEST_F(TuneFaults, WorkFolder) {
  std::optional<tune::WorkFolder> made;
  Scenario scenario;
  scenario.names = {folder.path(), "no folder for temporary files"};
  scenario.mostAllocations = 0; // A tool's, and that has no session to lose.
  scenario.before = [&] {
    std::filesystem::create_directory(folder / "mamba-tune-1-abcdef");
  };
  scenario.act = [&]() -> Status {
    tune::WorkFolder::removeStale();
    MAMBA_ASSIGN_OR_RETURN(tune::WorkFolder created,
                           tune::WorkFolder::create());
    made.emplace(std::move(created));
    return {};
  };
  scenario.after = [&](const Status &status) {
    EXPECT_EQ(made.has_value(), status.ok());
    if (made)
      EXPECT_TRUE(std::filesystem::is_directory(made->path()));
    made.reset();
    // What could not be removed is removed next time.
    tune::WorkFolder::removeStale();
    EXPECT_EQ(folder.countFiles(), 0u) << status.message();
  };
  runWithFaults(scenario);
}

// A process that did its work has done so, or it could not be started or heard.
TEST_F(TuneFaults, WorkerProcess) {
  std::string said;
  Scenario scenario;
  scenario.names = {"hear a process"}; // There is no file.
  scenario.mostAllocations = 40;
  scenario.act = [&]() -> Status {
    MAMBA_ASSIGN_OR_RETURN(
        said, tune::runWorkerProcess({"--gtest_list_tests"}, never));
    return {};
  };
  scenario.after = [&](const Status &status) {
    if (status.ok())
      EXPECT_EQ(said, "");
    std::string().swap(said);
  };
  runWithFaults(scenario);
}

TEST_F(TuneFaults, Conversation) {
  std::string line;
  Scenario scenario;
  scenario.names = {"hear a process"};
  scenario.mostAllocations = 40;
  scenario.act = [&]() -> Status {
    MAMBA_ASSIGN_OR_RETURN(tune::Child child,
                           tune::Child::start({"--gtest_list_tests"}));
    if (child.readLine(line, 60) == tune::Child::Read::Failed)
      return ioError("cannot hear a process");
    return {};
  };
  scenario.after = [&](const Status &status) {
    if (status.ok())
      EXPECT_NE(line, "");
    std::string().swap(line);
  };
  runWithFaults(scenario);
}

// All is done once, or a failure says what was not.
TEST_F(TuneFaults, Threads) {
  std::vector<int> done(20);
  Scenario scenario;
  scenario.before = [&] { std::fill(done.begin(), done.end(), 0); };
  scenario.act = [&] {
    return tune::forEachAtOnce(done.size(), 3, never, [&](size_t i) -> Status {
      std::string text(100 + i, 'x'); // takes memory
      done[i] += int(text.size() > 0);
      return {};
    });
  };
  scenario.after = [&](const Status &status) {
    for (int times : done)
      EXPECT_TRUE(times == 1 || (times == 0 && !status.ok()));
  };
  runWithFaults(scenario);
}

TEST_F(TuneFaults, HostTurn) {
  std::string name = "mamba-fault-tests-" + std::to_string(::getpid());
  std::optional<tune::HostTurn> turn;
  Scenario scenario;
  scenario.act = [&]() -> Status {
    MAMBA_ASSIGN_OR_RETURN(
        turn, tune::HostTurn::take(name, never, [](const std::string &) {}));
    return {};
  };
  scenario.after = [&](const Status &status) {
    EXPECT_EQ(turn.has_value(), status.ok());
    turn.reset();
  };
  runWithFaults(scenario);
}
