// Models, sessions and packs that come and go while others are at work, a great
// many of them, and a process that forks. Made for ThreadSanitizer too.
#include "mamba/runtime.h"
#include "test/unit/support/Sanitizers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <dirent.h>
#include <functional>
#include <malloc.h>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

const std::string kPack = MAMBA_TEST_DATA "/packs/format-4.0.mpk";
const std::string kWeights = MAMBA_TEST_DATA "/golden/mamba1-odd";
constexpr int64_t kVocab = 97;
const std::vector<int32_t> kPrompt = {5, 17, 3, 88, 41, 2, 9, 60, 33, 12};

/// A pack and a model of it on two threads.
struct Loaded {
  mamba_status open() {
    if (mamba_status status = mamba_pack_open(kPack.c_str(), &pack))
      return status;
    mamba_model_options options = {};
    options.struct_size = sizeof(options);
    options.device = "cpu";
    options.threads = 2;
    if (mamba_status status = mamba_model_create(pack, &options, &model))
      return status;
    return mamba_model_load_weights(model, kWeights.c_str(), nullptr, nullptr);
  }
  Loaded() = default;
  ~Loaded() {
    mamba_model_destroy(model);
    mamba_pack_close(pack);
  }
  Loaded(const Loaded &) = delete;

  mamba_pack *pack = nullptr;
  mamba_model *model = nullptr;
};

struct Session {
  explicit Session(mamba_model *model) {
    mamba_session_options options = {sizeof(options), 2, 4, 0};
    EXPECT_EQ(mamba_session_create(model, &options, &handle), MAMBA_OK)
        << mamba_last_error();
  }
  ~Session() { mamba_session_destroy(handle); }
  Session(const Session &) = delete;

  std::vector<float> feed() const {
    std::vector<float> logits(kVocab);
    mamba_sequence sequence = {0, kPrompt.data(), kPrompt.size()};
    EXPECT_EQ(mamba_session_step(handle, &sequence, 1, MAMBA_WANT_LAST,
                                 logits.data(), logits.size()),
              MAMBA_OK)
        << mamba_last_error();
    return logits;
  }
  /// Takes tokens until `most` of them are there.
  std::vector<int32_t> generate(uint64_t most) const {
    struct Given {
      std::vector<int32_t> tokens;
      uint64_t most;
    } given = {{}, most};
    auto onTokens = [](void *user, const int32_t *tokens, size_t count) {
      Given &to = *static_cast<Given *>(user);
      to.tokens.insert(to.tokens.end(), tokens, tokens + count);
      return int32_t(to.tokens.size() < to.most);
    };
    mamba_sampler *sampler = nullptr;
    EXPECT_EQ(mamba_sampler_create(kVocab, kVocab, nullptr, &sampler),
              MAMBA_OK);
    const uint32_t slot = 0;
    EXPECT_EQ(mamba_session_generate(handle, &slot, &sampler, 1, 1000, onTokens,
                                     &given),
              MAMBA_OK)
        << mamba_last_error();
    mamba_sampler_destroy(sampler);
    return given.tokens;
  }

  mamba_session *handle = nullptr;
};

class ApiStressTest : public testing::Test {
protected:
  void SetUp() override {
    mamba_status status = loaded.open();
    if (status == MAMBA_UNAVAILABLE)
      GTEST_SKIP() << mamba_last_error();
    ASSERT_EQ(status, MAMBA_OK) << mamba_last_error();
    Session session(loaded.model);
    logits = session.feed();
    tokens = session.generate(8);
    ASSERT_EQ(tokens.size(), 8u);
  }

  Loaded loaded;
  std::vector<float> logits; // after the prompt
  std::vector<int32_t> tokens; // and what comes then
};

size_t entriesOf(const char *folder) {
  size_t count = 0;
  DIR *entries = opendir(folder);
  while (entries && readdir(entries))
    ++count;
  if (entries)
    closedir(entries);
  return count;
}

} // namespace

TEST_F(ApiStressTest, othersComeAndGo) {
  std::atomic<bool> isOver{false};
  std::atomic<int> steps{0}, rounds{0};
  auto untilOver = [&](const std::function<void()> &work) {
    return std::thread([&, work] {
      do {
        work();
        ++rounds;
      } while (!isOver);
    });
  };
  std::vector<std::thread> others;
  // Another model, with threads of its own.
  others.push_back(untilOver([&] {
    Loaded own;
    ASSERT_EQ(own.open(), MAMBA_OK) << mamba_last_error();
    EXPECT_EQ(Session(own.model).feed(), logits);
  }));
  // Packs that fail to open, models without weights.
  others.push_back(untilOver([&] {
    mamba_pack *pack = nullptr;
    EXPECT_NE(mamba_pack_open("/nonexistent", &pack), MAMBA_OK);
    mamba_model *model = nullptr;
    EXPECT_EQ(mamba_model_create(loaded.pack, nullptr, &model), MAMBA_OK)
        << mamba_last_error();
    mamba_model_destroy(model);
  }));
  // Sessions that are never used, and texts that are broken off.
  others.push_back(untilOver([&] {
    Session unused(loaded.model), cancelled(loaded.model);
    cancelled.feed();
    std::vector<int32_t> found = cancelled.generate(3);
    EXPECT_GE(found.size(), 3u);
    EXPECT_TRUE(std::equal(found.begin(), found.begin() + 3, tokens.begin()));
  }));
  std::vector<std::thread> talkers;
  for (int i = 0; i < 3; ++i)
    talkers.emplace_back([&] {
      Session session(loaded.model);
      for (int turn = 0; turn < 40; ++turn) {
        EXPECT_EQ(session.feed(), logits);
        EXPECT_EQ(session.generate(8), tokens);
        EXPECT_EQ(mamba_session_clear(session.handle, 0), MAMBA_OK);
        ++steps;
      }
    });
  for (std::thread &talker : talkers)
    talker.join();
  isOver = true;
  for (std::thread &other : others)
    other.join();
  EXPECT_EQ(steps, 120);
  EXPECT_GE(rounds, 3);
}

// What one leaves behind, ten thousand would show.
TEST_F(ApiStressTest, manySessionsLeaveNothing) {
  auto round = [&](int sessions) {
    for (int i = 0; i < sessions; ++i) {
      Session session(loaded.model);
      if (i % 100 == 0) {
        EXPECT_EQ(session.feed(), logits);
      }
    }
  };
  round(101);
  size_t descriptors = entriesOf("/proc/self/fd");
  size_t threads = entriesOf("/proc/self/task");
  auto bytes = [] {
    struct mallinfo2 info = mallinfo2(); // Zeros where a sanitizer allocates.
    return info.uordblks + info.hblkhd;
  };
  size_t before = bytes();
  round(10'000);
  EXPECT_EQ(entriesOf("/proc/self/fd"), descriptors);
  EXPECT_EQ(entriesOf("/proc/self/task"), threads);
  EXPECT_LE(bytes(), before + 10'000) << "a byte a session";
}

TEST_F(ApiStressTest, manyModelsLeaveNothing) {
  auto round = [&](int models) {
    for (int i = 0; i < models; ++i) {
      Loaded own;
      ASSERT_EQ(own.open(), MAMBA_OK) << mamba_last_error();
    }
  };
  round(3);
  size_t descriptors = entriesOf("/proc/self/fd");
  size_t threads = entriesOf("/proc/self/task");
  size_t mappings = 0;
  auto countMappings = [] {
    size_t count = 0;
    FILE *maps = std::fopen("/proc/self/maps", "re");
    for (int c; maps && (c = std::fgetc(maps)) != EOF;)
      count += c == '\n';
    if (maps)
      std::fclose(maps);
    return count;
  };
  mappings = countMappings();
  round(100);
  EXPECT_EQ(entriesOf("/proc/self/fd"), descriptors);
  EXPECT_EQ(entriesOf("/proc/self/task"), threads);
  EXPECT_LE(countMappings(), mappings + 50);
}

// A child loads its own, whatever its parent's threads are doing; the parent's
// handles it leaves alone.
TEST_F(ApiStressTest, aChildLoadsItsOwn) {
  if (MAMBA_TSAN)
    GTEST_SKIP() << "ThreadSanitizer starts no threads after a fork";
  std::atomic<bool> isOver{false};
  std::thread talker([&] {
    Session session(loaded.model);
    while (!isOver) {
      EXPECT_EQ(session.feed(), logits);
      EXPECT_EQ(mamba_session_clear(session.handle, 0), MAMBA_OK);
    }
  });
  for (int i = 0; i < 5; ++i) {
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      alarm(60);
      Loaded own;
      bool isRight =
          own.open() == MAMBA_OK && Session(own.model).feed() == logits;
      _exit(isRight ? 0 : 3);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }
  isOver = true;
  talker.join();
  EXPECT_EQ(Session(loaded.model).feed(), logits);
}
