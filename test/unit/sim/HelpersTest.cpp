// The host threads that help with launches, in a process that forks.
#include "runtime/device/sim/Helpers.h"
#include "test/unit/support/Sanitizers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using mamba::sim::Helpers;

namespace {

/// True once a helper has taken part beside the caller, which waits for it.
bool hasHelp() {
  std::atomic<int> arrived{0};
  Helpers::shared().run(1, [&] {
    arrived.fetch_add(1);
    for (int i = 0; i < 10'000 && arrived.load() < 2; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  });
  return arrived.load() == 2;
}

TEST(Helpers, aChildHasItsOwnAndEndsByExit) {
  if (MAMBA_TSAN)
    GTEST_SKIP() << "ThreadSanitizer starts no threads after a fork";
  ASSERT_TRUE(hasHelp());
  for (bool asksForHelp : {false, true}) {
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      alarm(60);
      int status = !asksForHelp || hasHelp() ? 0 : 3;
      if (MAMBA_ASAN)
        _exit(status); // It would tell of the parent's, which are forgotten.
      std::exit(status); // Destructors of statics run.
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0)
        << "asked for help: " << asksForHelp << ", status " << status;
  }
  EXPECT_TRUE(hasHelp());
}

} // namespace
