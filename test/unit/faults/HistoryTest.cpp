// The lines that were typed before, on a disk that refuses something.
#include "test/unit/faults/Scenario.h"

#include "test/unit/support/TempFolder.h"
#include "tools/mamba-run/LineHistory.h"

#include <gtest/gtest.h>

using namespace mamba;
using namespace mamba::test;

// The line is in the file whole, or not at all and told.
TEST(HistoryFaults, Append) {
  TempFolder folder;
  std::string path = folder / "deep/history";
  for (const char *old : {"", "before\n"}) {
    Scenario scenario;
    scenario.names = {path};
    scenario.before = [&] {
      std::filesystem::remove_all(folder / "deep");
      if (*old) {
        std::filesystem::create_directory(folder / "deep");
        folder.add("deep/history", old);
      }
    };
    scenario.act = [&] { return run::appendHistory(path, "typed"); };
    scenario.after = [&](const Status &status) {
      std::string now = slurp(path), typed = old + std::string("typed\n");
      // A file system that fails to close it may yet have taken it.
      EXPECT_TRUE(now == typed || (now == old && !status.ok()))
          << now << status.message();
    };
    runWithFaults(scenario);
  }
}

// A file that is cut to its newest lines is the old one or the new one.
TEST(HistoryFaults, Read) {
  TempFolder folder;
  std::string path = folder / "history", whole, kept;
  for (size_t i = 0; i < 2 * run::kHistoryLines; ++i) {
    std::string line = "line " + std::to_string(i) + "\n";
    whole += line;
    if (i >= run::kHistoryLines)
      kept += line;
  }
  size_t lines = 0;
  Scenario scenario;
  scenario.names = {path};
  scenario.mostAllocations = 60;
  scenario.before = [&] { folder.add("history", whole); };
  scenario.act = [&]() -> Status {
    MAMBA_ASSIGN_OR_RETURN(auto read, run::readHistory(path));
    lines = read.size();
    return {};
  };
  scenario.after = [&](const Status &status) {
    if (status.ok())
      EXPECT_EQ(lines, run::kHistoryLines);
    std::string now = slurp(path);
    EXPECT_TRUE(now == whole || now == kept) << status.message();
    EXPECT_EQ(folder.countFiles(), 1u);
  };
  runWithFaults(scenario);
}
