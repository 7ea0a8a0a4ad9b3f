// What a token costs beside its kernels: no allocation and no system call, but
// for threads that went to sleep because nothing came for a while.
#include "mamba/runtime.h"
#include "test/unit/decode/ModelPack.h"
#include "test/unit/decode/Watched.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace mamba;
using namespace mamba::test;

static constexpr int kCannotBeWatched = 77;
static constexpr uint64_t kWarmUp = 20, kWatchedTokens = 200;

//===----------------------------------------------------------------------===//
// The program that is watched: decode_tests --watched PACK HOW THREADS BATCH
//===----------------------------------------------------------------------===//

namespace {

void check(mamba_status status) {
  if (status == MAMBA_OK)
    return;
  std::fprintf(stderr, "%s\n", mamba_last_error());
  _exit(1);
}

/// Opens the eyes after some tokens, and shuts them after more.
struct Loop {
  bool wastes = false;
  uint64_t done = 0;

  void next() {
    if (done == kWarmUp && !watch())
      _exit(kCannotBeWatched);
    if (done == kWarmUp + kWatchedTokens)
      finish();
    ++done;
    if (wastes && done > kWarmUp + 3) {
      ::operator delete(::operator new(64));
      (void)getppid();
    }
  }
  static int32_t onTokens(void *user, const int32_t *, size_t) {
    static_cast<Loop *>(user)->next();
    return 1;
  }
};

struct Sequences {
  mamba_session *session = nullptr;
  std::vector<uint32_t> slots;
  std::vector<mamba_sampler *> samplers;
  std::vector<int32_t> tokens;
};

/// Sequences with a token each.
Sequences begin(const char *path, const std::string &how, unsigned threads,
                unsigned batch) {
  mamba_pack *pack;
  mamba_model *model;
  Sequences s;
  mamba_pack_info info = {};
  info.struct_size = sizeof(info);
  mamba_model_options options = {};
  options.struct_size = sizeof(options);
  options.device = "cpu";
  options.threads = threads;
  mamba_session_options sessionOptions = {sizeof(sessionOptions), batch, 0, 0};
  mamba_sampler_options sampling;
  mamba_sampler_options_init(&sampling);
  sampling.temperature = how == "greedy" ? 0 : 1;
  sampling.top_k = how == "sampled" ? 50 : 0;
  sampling.top_p = how == "sampled" ? 0.95 : 1;
  sampling.repetition_penalty = how == "sampled" ? 1.1 : 1;
  check(mamba_pack_open(path, &pack));
  check(mamba_pack_get_info(pack, &info));
  check(mamba_model_create(pack, &options, &model));
  check(mamba_model_load_weights(model, nullptr, nullptr, nullptr));
  check(mamba_session_create(model, &sessionOptions, &s.session));
  for (uint32_t i = 0; i < batch; ++i) {
    sampling.seed = i;
    s.slots.push_back(i);
    s.samplers.emplace_back();
    s.tokens.push_back(static_cast<int32_t>(i + 1));
    check(mamba_sampler_create(info.vocab_size, info.valid_vocab_size,
                               &sampling, &s.samplers.back()));
    mamba_sequence sequence = {i, &s.tokens[i], 1};
    check(mamba_session_step(s.session, &sequence, 1, MAMBA_WANT_NONE, nullptr,
                             0));
  }
  // A thread that is only just starting asks for this and that.
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  return s;
}

/// A loop of the caller's own, over steps.
void stepOn(Sequences &s, Loop &loop) {
  std::vector<mamba_sequence> step;
  for (size_t i = 0; i < s.slots.size(); ++i)
    step.push_back({s.slots[i], &s.tokens[i], 1});
  while (true) {
    for (size_t i = 0; i < s.slots.size(); ++i) {
      const float *logits;
      size_t count;
      check(mamba_session_logits(s.session, s.slots[i], &logits, &count));
      check(mamba_sampler_sample(s.samplers[i], logits, count, &s.tokens[i]));
      check(mamba_sampler_accept(s.samplers[i], &s.tokens[i], 1));
    }
    check(mamba_session_step(s.session, step.data(), step.size(),
                             MAMBA_WANT_NONE, nullptr, 0));
    loop.next();
  }
}

int runWatched(char **argv) {
  prepareToFinish();
  std::string how = argv[1];
  Sequences s = begin(argv[0], how, static_cast<unsigned>(std::stoul(argv[2])),
                      static_cast<unsigned>(std::stoul(argv[3])));
  Loop loop;
  loop.wastes = how == "wasteful";
  if (how == "steps")
    stepOn(s, loop);
  check(mamba_session_generate(s.session, s.slots.data(), s.samplers.data(),
                               s.slots.size(), 2 * (kWarmUp + kWatchedTokens),
                               Loop::onTokens, &loop));
  return 1; // finish() comes first.
}

//===----------------------------------------------------------------------===//

/// Runs this program so; its status and what it wrote.
std::pair<int, std::string> runSelf(const std::string &arguments) {
  std::array<char, 4096> self = {};
  if (readlink("/proc/self/exe", self.data(), self.size() - 1) < 0)
    return {127, "no /proc"};
  std::string command = "'" + std::string(self.data()) + "' " + arguments, text;
  FILE *pipe = popen(command.c_str(), "r");
  std::array<char, 256> part;
  while (pipe && std::fgets(part.data(), part.size(), pipe))
    text += part.data();
  int status = pipe ? pclose(pipe) : -1;
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128, text};
}

class DecodeLoop : public testing::Test {
protected:
  void SetUp() override {
    if (std::string reason = whyNotWatched(); !reason.empty())
      GTEST_SKIP() << reason;
    pack.emplace();
  }

  /// False, with a failure or a skip, if it could not be watched.
  bool decode(const std::string &how, Asked &asked) {
    auto [status, text] = runSelf("--watched '" + pack->path() + "' " + how);
    if (status == kCannotBeWatched) {
      skips = true;
      return false;
    }
    EXPECT_EQ(status, 0) << how;
    bool isRead = readAsked(text, asked);
    EXPECT_TRUE(isRead) << how << ": " << text;
    return status == 0 && isRead;
  }

  std::optional<ModelPack> pack;
  bool skips = false;
};

} // namespace

TEST_F(DecodeLoop, AsksForNothing) {
  for (const char *how : {"greedy", "sampled", "steps"})
    for (const char *size : {" 1 1", " 2 1", " 2 8"}) {
      Asked asked;
      if (!decode(std::string(how) + size, asked)) {
        if (skips)
          GTEST_SKIP() << "the system forbids seccomp filters";
        return;
      }
      EXPECT_EQ(asked.allocations, 0u) << how << size;
      EXPECT_EQ(asked.systemCalls, 0u)
          << how << size << ": the first is system call " << asked.firstCall;
      std::printf("%s%s: %llu futexes in %llu steps\n", how, size,
                  static_cast<unsigned long long>(asked.futexes),
                  static_cast<unsigned long long>(kWatchedTokens));
    }
}

// A thread alone has nobody to wake.
TEST_F(DecodeLoop, OneThreadNeverSleeps) {
  Asked asked;
  if (!decode("greedy 1 1", asked))
    GTEST_SKIP() << "the system forbids seccomp filters";
  EXPECT_EQ(asked.futexes, 0u);
}

// What is counted is seen.
TEST_F(DecodeLoop, WasteIsSeen) {
  Asked asked;
  if (!decode("wasteful 2 1", asked))
    GTEST_SKIP() << "the system forbids seccomp filters";
  EXPECT_EQ(asked.allocations, kWatchedTokens - 3);
  EXPECT_EQ(asked.systemCalls, kWatchedTokens - 3);
}

int main(int argc, char **argv) {
  if (argc == 6 && std::string(argv[1]) == "--watched")
    return runWatched(argv + 2);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
