#include "test/unit/faults/Scenario.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <new>
#include <thread>

using namespace mamba;
using namespace mamba::test;

namespace {

/// What one time came to; takes no memory by itself.
struct Attempt {
  StatusCode code = StatusCode::Ok;
  std::array<char, 512> message = {};
  bool hasStruck = false;
  std::array<uint64_t, kCalls> counts = {};
};

} // namespace

static Attempt attempt(const Scenario &scenario, std::optional<Fault> fault) {
  Attempt result;
  scenario.before();
  Status status;
  Watch watch(fault);
  try {
    status = scenario.act();
  } catch (const std::bad_alloc &) { // Not a C function's.
    watch.stop();
    status = outOfMemory("out of memory");
  }
  watch.stop();
  result.hasStruck = watch.hasStruck();
  for (size_t i = 0; i < kCalls; ++i)
    result.counts[i] = watch.count(Call(i));
  if (!status.ok() && status.message().empty())
    status = {status.code(), mamba_last_error()};
  result.code = status.code();
  std::snprintf(result.message.data(), result.message.size(), "%s",
                status.message().c_str());
  scenario.after(status);
  return result;
}

static bool fits(const Scenario &scenario, Call call, StatusCode code) {
  if (call == Call::Library)
    return code == StatusCode::Unavailable;
  if (call != Call::Memory)
    return code == StatusCode::IoError || code == StatusCode::OutOfMemory;
  return code == StatusCode::OutOfMemory ||
         std::count(scenario.memoryCodes.begin(), scenario.memoryCodes.end(),
                    code) != 0;
}

/// Whether the call was of a file, which a message can name.
static bool isOfFile(Call call) {
  switch (call) {
  case Call::Memory:
  case Call::Map:
  case Call::Protect:
  case Call::Unmap:
  case Call::Thread:
  case Call::Wait:
  case Call::Process:
    return false;
  default:
    return true;
  }
}

static void checkFailure(const Scenario &scenario, const Fault &fault,
                         const Attempt &failed) {
  std::string message = failed.message.data();
  EXPECT_TRUE(fits(scenario, fault.call, failed.code))
      << "code " << int(failed.code) << ": " << message;
  EXPECT_FALSE(message.empty());
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  if (isOfFile(fault.call))
    EXPECT_TRUE(std::any_of(scenario.names.begin(), scenario.names.end(),
                            [&](const std::string &name) {
                              return message.find(name) != std::string::npos;
                            }))
        << message;
}

/// What there is now. A thread that was joined may be on the system's list a
/// little longer, so that there were more of them before says nothing.
static Holdings holdingsAfter(const Holdings &before) {
  Holdings after = Holdings::now();
  for (int i = 0; i < 2000 && after.threads > before.threads; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    after = Holdings::now();
  }
  after.threads = std::max(after.threads, before.threads);
  return after;
}

/// Which calls are failed, of so many.
static std::vector<uint64_t> choose(Call call, uint64_t count, uint64_t most) {
  std::vector<uint64_t> chosen;
  if (call == Call::Memory && most == 0)
    return chosen;
  uint64_t first = call == Call::Memory && count > most ? most / 2 : count;
  for (uint64_t i = 0; i < first; ++i)
    chosen.push_back(i);
  uint64_t stride = first == count ? 1 : (count - first) / (most - first) + 1;
  for (uint64_t i = first + kSeed % stride; i < count; i += stride)
    chosen.push_back(i);
  return chosen;
}

void mamba::test::runWithFaults(const Scenario &scenario) {
  if (std::string reason = whyNoFaults(); !reason.empty())
    GTEST_SKIP() << reason;
  // What is made once for the process is made now: tables, buffers of messages.
  mamba_pack *none = nullptr;
  ASSERT_NE(mamba_pack_open(std::string(1000, 'x').c_str(), &none), MAMBA_OK);
  Attempt whole;
  for (int i = 0; i < 3; ++i) {
    whole = attempt(scenario, std::nullopt);
    ASSERT_EQ(whole.code, StatusCode::Ok) << whole.message.data();
  }
  std::string counts;
  for (size_t i = 0; i < kCalls; ++i) {
    Call call = Call(i);
    counts += std::string(i ? ", " : "") + nameOf(call) + " " +
              std::to_string(whole.counts[i]);
    for (uint64_t number :
         choose(call, whole.counts[i], scenario.mostAllocations))
      for (bool lasts : {false, true}) {
        Fault fault = {call, number, lasts};
        SCOPED_TRACE(std::string(nameOf(call)) + " call " +
                     std::to_string(number) +
                     (lasts ? " and all after it" : ""));
        Holdings before = Holdings::now();
        Attempt failed = attempt(scenario, fault);
        Holdings after = holdingsAfter(before);
        if (after != before) { // What is kept for later is kept once.
          before = after;
          failed = attempt(scenario, fault);
          after = holdingsAfter(before);
        }
        if (!scenario.countsBlocks)
          after.blocks = before.blocks;
        EXPECT_EQ(after.text(), before.text()) << failed.message.data();
        if (failed.code != StatusCode::Ok)
          checkFailure(scenario, fault, failed);
        // With threads the numbers of calls vary a little.
        EXPECT_TRUE(failed.hasStruck || failed.code == StatusCode::Ok)
            << failed.message.data();
        if (testing::Test::HasFailure())
          return;
      }
  }
  std::printf("%s\n", counts.c_str());
}
