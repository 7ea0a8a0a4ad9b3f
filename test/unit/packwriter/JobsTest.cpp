// Work on threads: every job once, one answer whatever the order of their ends.
#include "compiler/pack/Jobs.h"
#include "compiler/pack/OutOfMemory.h"

#include "llvm/Support/ErrorHandling.h"
#include <gtest/gtest.h>

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <new>
#include <stdexcept>
#include <thread>

using namespace mamba;

TEST(Jobs, AllAreDone) {
  for (unsigned threads : {0u, 1u, 3u, 50u}) {
    std::vector<std::pair<size_t, size_t>> seen;
    JobOptions options;
    options.threads = threads;
    options.progress = [&](size_t done, size_t total) { seen.emplace_back(done, total); };
    Jobs jobs(options);
    std::vector<std::atomic<int>> counts(40);
    std::vector<Jobs::Job> list;
    for (auto &count : counts)
      list.push_back([&count] { return ++count, Status(); });
    EXPECT_TRUE(jobs.run(std::move(list), 20, 60).ok());
    for (auto &count : counts)
      EXPECT_EQ(count, 1);
    ASSERT_EQ(seen.size(), 40u);
    EXPECT_EQ(seen.front().first, 21u);
    EXPECT_EQ(seen.back(), (std::pair<size_t, size_t>(60, 100)));
  }
  EXPECT_TRUE(Jobs({}).run({}, 0, 100).ok());
}

// Of three failures the second comes first in time, and the third last.
TEST(Jobs, TheFirstFailureIsTheAnswer) {
  for (unsigned threads : {1u, 4u}) {
    JobOptions options;
    options.threads = threads;
    Jobs jobs(options);
    std::atomic<int> after = 0;
    auto failAfter = [](int milliseconds, const char *message) {
      return [=] {
        std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
        return invalidData(message);
      };
    };
    std::vector<Jobs::Job> list = {[] { return Status(); }, failAfter(60, "first"),
                                   failAfter(30, "second"), failAfter(90, "third")};
    for (int i = 0; i < 100; ++i)
      list.push_back([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        return ++after, Status();
      });
    EXPECT_EQ(jobs.run(std::move(list), 0, 100).message(), "first");
    EXPECT_LT(after, 100);
  }
}

// Who stops waits for temporary files.
TEST(Jobs, QuitsWhenNoFileIsThere) {
  std::atomic<bool> asked = false, file = false, quit = false;
  JobOptions options;
  options.stop = [&] { return asked && !quit; };
  options.quit = [&] {
    EXPECT_FALSE(file);
    quit = true;
  };
  Jobs jobs(options);
  Status status = jobs.run({[&] {
                             auto files = jobs.keepFiles();
                             file = true;
                             asked = true;
                             std::this_thread::sleep_for(std::chrono::milliseconds(300));
                             EXPECT_FALSE(quit);
                             file = false;
                             files.unlock();
                             std::this_thread::sleep_for(std::chrono::milliseconds(300));
                             return Status();
                           }},
                          0, 100);
  EXPECT_TRUE(status.ok());
  EXPECT_TRUE(quit);
}

// What a job throws is its failure.
TEST(Jobs, ThrownIsFailed) {
  auto full = []() -> Status { throw std::bad_alloc(); };
  EXPECT_NE(Jobs({.threads = 2}).run({full}, 0, 100).message().find("memory"), std::string::npos);
  auto other = []() -> Status { throw std::runtime_error("why"); };
  EXPECT_EQ(Jobs({.threads = 2}).run({other}, 0, 100).message(), "why");
}

// A machine that gives no thread is a failure with a message.
TEST(Jobs, NoThreadIsAFailure) {
  pthread_attr_t before, huge;
  ASSERT_EQ(pthread_getattr_default_np(&before), 0);
  ASSERT_EQ(pthread_attr_init(&huge), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&huge, size_t(1) << 47), 0);
  ASSERT_EQ(pthread_setattr_default_np(&huge), 0);
  Status status = Jobs({.threads = 4}).run({[] { return Status(); }}, 0, 100);
  EXPECT_EQ(pthread_setattr_default_np(&before), 0);
  EXPECT_NE(status.message().find("cannot start a thread"), std::string::npos);
}

static void noFurther(void (*work)()) noexcept { work(); }

// Without memory the process ends with a line, whoever notices: LLVM, or an exception
// that gets no further.
TEST(OutOfMemory, IsALine) {
  constexpr const char *line = "not enough memory, said once\n";
  auto ends = testing::ExitedWithCode(1);
  EXPECT_EXIT(
      {
        endWhenOutOfMemory(line);
        llvm::report_bad_alloc_error("Buffer allocation failed");
      },
      ends, "^not enough memory, said once\n$");
  EXPECT_EXIT(
      {
        endWhenOutOfMemory(line);
        noFurther([] { throw std::bad_alloc(); });
      },
      ends, "^not enough memory, said once\n$");
  EXPECT_EXIT(
      {
        endWhenOutOfMemory(line);
        noFurther([] { throw std::runtime_error("why"); });
      },
      testing::KilledBySignal(SIGABRT), "runtime_error");
}
