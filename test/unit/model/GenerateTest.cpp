// Sequences that go on by themselves: on the host and on a device that chooses
// and runs ahead, the same tokens, and nothing is seen of what ran too far.
#include "test/unit/model/FakeModel.h"

#include "runtime/model/Log.h"
#include "runtime/model/Random.h"

#include <cmath>

using namespace mamba;
using namespace mamba::test;

namespace {

/// A model with the entry `sample` on a device that samples, or one that does
/// not.
struct Generating {
  explicit Generating(bool onDevice, PackOptions options = withSample())
      : fake(options) {
    fake.target->device = onDevice ? "cuda" : "cpu";
    session = fake.session({.slots = 4, .maxStepTokens = 8});
  }
  static PackOptions withSample() {
    PackOptions options;
    options.sampleEntry = true;
    return options;
  }
  void feed(uint32_t slot, std::vector<int32_t> tokens) {
    SequenceTokens sequence{slot, tokens};
    Status fed = session->step({&sequence, 1}, WantLogits::None, {});
    EXPECT_TRUE(fed.ok()) << fed.message();
  }
  /// All tokens, row by row, of `count` choices; stops after `stop` of them.
  Status generate(std::vector<uint32_t> slots, std::vector<Sampler> &samplers,
                  uint64_t count, uint64_t stop = ~uint64_t(0)) {
    std::vector<SequenceSampler> sequences;
    for (size_t i = 0; i < slots.size(); ++i)
      sequences.push_back({slots[i], &samplers[i]});
    uint64_t given = 0;
    return session->generate(sequences, count,
                             [&](std::span<const int32_t> row) {
                               tokens.insert(tokens.end(), row.begin(),
                                             row.end());
                               runsAtToken.push_back(fake.log.runs.size());
                               return ++given < stop;
                             });
  }

  Fake fake;
  std::unique_ptr<Session> session;
  std::vector<int32_t> tokens;
  std::vector<size_t> runsAtToken;
};

Sampler samplerOf(const SamplerOptions &options) {
  auto sampler = Sampler::create(kVocab, kValid, options);
  EXPECT_TRUE(sampler.ok());
  return *sampler;
}

std::vector<Sampler> greedy(size_t count) {
  return std::vector<Sampler>(count, samplerOf({.temperature = 0}));
}

std::vector<int32_t> joined(std::vector<int32_t> a,
                            const std::vector<int32_t> &b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

} // namespace

TEST(GenerateTest, theDeviceChoosesAsTheHostDoes) {
  std::vector<std::vector<int32_t>> tokens;
  for (bool onDevice : {false, true}) {
    Generating g(onDevice);
    g.feed(0, {1, 2, 3});
    g.feed(2, {4});
    auto samplers = greedy(2);
    ASSERT_TRUE(g.generate({2, 0}, samplers, 20).ok());
    EXPECT_EQ(g.tokens.size(), 40u);
    EXPECT_EQ(*g.session->position(0), 23);
    EXPECT_EQ(*g.session->position(2), 21);
    tokens.push_back(g.tokens);
    for (const FakeLog::Run &run : g.fake.log.runs)
      if (run.lengths.size() == 2)
        EXPECT_EQ(run.entry, onDevice ? "sample" : "next");
  }
  EXPECT_EQ(tokens[0], tokens[1]);
}

TEST(GenerateTest, theDeviceRunsOneStepAhead) {
  Generating g(true);
  g.feed(0, {1, 2, 3});
  auto samplers = greedy(1);
  ASSERT_TRUE(g.generate({0}, samplers, 4).ok());
  // The prompt is run 1. The step that feeds a token is queued when the token is
  // handed out; none feeds the last, as nobody asks for what follows it.
  EXPECT_EQ(g.runsAtToken, (std::vector<size_t>{2, 3, 4, 4}));
  std::vector<int64_t> positions;
  for (size_t i = 1; i < g.fake.log.runs.size(); ++i)
    positions.push_back(g.fake.log.runs[i].positions[0]);
  EXPECT_EQ(positions, (std::vector<int64_t>{3, 4, 5}));
}

TEST(GenerateTest, aSequenceHoldsWhatWasHandedOut) {
  std::vector<int32_t> prompt = {5, 1};
  for (bool onDevice : {false, true})
    for (uint64_t stop : {1, 2, 5, 6}) {
      Generating g(onDevice);
      g.feed(1, prompt);
      auto samplers = greedy(1);
      ASSERT_TRUE(g.generate({1}, samplers, 6, stop).ok());
      ASSERT_EQ(g.tokens.size(), stop);
      EXPECT_EQ(*g.session->position(1), int64_t(2 + stop));
      auto all = joined(prompt, g.tokens);
      auto recent = *g.session->recent(1);
      EXPECT_EQ(std::vector<int32_t>(recent.begin(), recent.end()), all);
      EXPECT_EQ(copyOf(*g.session->logits(1)), expectedLogits(all));
      // And goes on from there.
      g.feed(1, {7});
      all.push_back(7);
      EXPECT_EQ(copyOf(*g.session->logits(1)), expectedLogits(all));
      EXPECT_EQ(*g.session->position(1), int64_t(3 + stop));
    }
}

TEST(GenerateTest, theLastTokenIsFedWhenSomebodyLooks) {
  for (bool onDevice : {false, true}) {
    Generating g(onDevice);
    g.feed(0, {1});
    auto samplers = greedy(1);
    ASSERT_TRUE(g.generate({0}, samplers, 3).ok());
    size_t runs = g.fake.log.runs.size();
    EXPECT_EQ(runs, 3u);
    ASSERT_TRUE(g.session->copy(0, 3).ok());
    EXPECT_EQ(g.fake.log.runs.size(), runs);
    auto all = joined({1}, g.tokens);
    auto snapshot = g.session->snapshot(0);
    ASSERT_TRUE(snapshot.ok());
    EXPECT_EQ(snapshot->position, 4);
    EXPECT_EQ(snapshot->logits, expectedLogits(all));
    EXPECT_EQ(g.fake.log.runs.size(), runs + 1);
    EXPECT_EQ(copyOf(*g.session->logits(3)), expectedLogits(all));
    EXPECT_EQ(g.fake.log.runs.size(), runs + 2);
  }
}

TEST(GenerateTest, generatingInPiecesIsGeneratingAtOnce) {
  for (bool onDevice : {false, true}) {
    Generating whole(onDevice), pieces(onDevice);
    std::vector<Sampler> one = {samplerOf({.temperature = 2, .seed = 9})},
                         other = one;
    whole.feed(0, {3, 3});
    pieces.feed(0, {3, 3});
    ASSERT_TRUE(whole.generate({0}, one, 12).ok());
    for (uint64_t count : {1, 4, 2, 5})
      ASSERT_TRUE(pieces.generate({0}, other, count).ok());
    EXPECT_EQ(whole.tokens, pieces.tokens);
    EXPECT_EQ(one[0].state().draws, 12u);
    EXPECT_EQ(other[0].state().draws, 12u);
  }
}

TEST(GenerateTest, theDeviceGetsTheSamplersNumbersInOrder) {
  Generating g(true);
  g.feed(0, {1});
  g.feed(1, {2});
  std::vector<Sampler> samplers = {samplerOf({.temperature = 0.7, .seed = 5}),
                                   samplerOf({.temperature = 0, .seed = 6})};
  // The number drawn by the step that is thrown away is drawn again.
  ASSERT_TRUE(g.generate({0, 1}, samplers, 9, 4).ok());
  ASSERT_TRUE(g.generate({0, 1}, samplers, 3).ok());
  std::vector<float> u;
  for (size_t i = 0; i < g.fake.log.u.size(); i += 2)
    u.push_back(g.fake.log.u[i]);
  // The first of each call is drawn on the host: 0 and 4.
  std::vector<float> expected;
  for (uint64_t draw : {1, 2, 3, 4, 5, 6})
    expected.push_back(float(std::floor(uniformDraw(5, draw) * 0x1p24) * 0x1p-24));
  EXPECT_EQ(u, expected);
  EXPECT_EQ(samplers[0].state().draws, 7u);
  EXPECT_EQ(samplers[1].state().draws, 0u);
  EXPECT_EQ(samplers[1].state().counts.empty(), false);
}

TEST(GenerateTest, whatTheDeviceCannotDoTheHostDoesAndSaysSo) {
  static std::string logged;
  setLogFunction([](void *, LogLevel, const char *message) { logged += message; },
                 nullptr);
  struct Case {
    SamplerOptions sampler;
    PackOptions pack;
    uint64_t valid;
    const char *why;
  } cases[] = {
      {{.temperature = 0}, Generating::withSample(), kValid, ""},
      {{.repetitionPenalty = 2, .temperature = 0}, Generating::withSample(),
       kValid, "repetition penalty"},
      {{.temperature = 0}, {}, kValid, "no entry 'sample'"},
      {{.temperature = 0}, Generating::withSample(), kValid - 1, "other tokens"},
  };
  for (const Case &c : cases) {
    logged.clear();
    Generating g(true, c.pack);
    g.feed(0, {1});
    std::vector<Sampler> samplers = {
        *Sampler::create(kVocab, c.valid, c.sampler)};
    ASSERT_TRUE(g.generate({0}, samplers, 3).ok());
    EXPECT_NE(logged.find(c.why), std::string::npos) << logged;
    EXPECT_EQ(logged.empty(), *c.why == 0) << logged;
    for (size_t i = 1; i < g.fake.log.runs.size(); ++i)
      EXPECT_EQ(g.fake.log.runs[i].entry, *c.why ? "next" : "sample");
  }
  setLogFunction(nullptr, nullptr);
}

TEST(GenerateTest, aFailureOfTheDeviceMakesSlotsUnusable) {
  for (int works : {0, 1, 2, 3}) {
    Generating g(true);
    g.feed(0, {1});
    g.feed(1, {2});
    auto samplers = greedy(1);
    g.fake.log.failAfterRuns = works;
    Status status = g.generate({0}, samplers, 8);
    EXPECT_EQ(status.message(), "the fake device has had enough");
    g.fake.log.failAfterRuns = -1;
    EXPECT_NE(g.session->logits(0).status().message().find("unusable"),
              std::string::npos);
    EXPECT_TRUE(g.session->logits(1).ok());
    ASSERT_TRUE(g.session->clear(0).ok());
    g.feed(0, {1});
    EXPECT_TRUE(g.generate({0}, samplers, 8).ok());
  }
}

// Nothing has run of a step that finds no room: what was handed out is there.
TEST(GenerateTest, outOfMemoryLosesNothing) {
  for (int works : {0, 1, 2, 3}) {
    Generating g(true);
    g.feed(0, {1});
    auto samplers = greedy(1);
    g.fake.log.failAfterRuns = works;
    g.fake.log.failsForMemory = true;
    Status status = g.generate({0}, samplers, 8);
    EXPECT_EQ(status.code(), StatusCode::OutOfMemory);
    g.fake.log.failAfterRuns = -1;
    EXPECT_EQ(g.tokens.size(), size_t(std::max(works, 1)));
    EXPECT_EQ(*g.session->position(0), int64_t(1 + g.tokens.size()));
    EXPECT_EQ(copyOf(*g.session->logits(0)),
              expectedLogits(joined({1}, g.tokens)));
    EXPECT_TRUE(g.generate({0}, samplers, 4).ok());
    EXPECT_EQ(copyOf(*g.session->logits(0)),
              expectedLogits(joined({1}, g.tokens)));
  }
}

TEST(GenerateTest, logitsThatAreNoNumbersAreAnError) {
  Generating g(true);
  g.feed(0, {1});
  auto samplers = greedy(1);
  g.fake.log.nanAfterRuns = 2;
  Status status = g.generate({0}, samplers, 8);
  EXPECT_EQ(status.code(), StatusCode::InvalidData);
  EXPECT_EQ(status.message(),
            "the logits of slot 0 have a NaN; the weights may be damaged");
  EXPECT_EQ(g.tokens.size(), 3u);
  EXPECT_FALSE(g.session->logits(0).ok());
}

TEST(GenerateTest, whoIsCalledMayOnlyLook) {
  for (bool onDevice : {false, true}) {
    Generating g(onDevice);
    g.feed(0, {1, 2});
    auto samplers = greedy(1);
    SequenceSampler sequence{0, &samplers[0]};
    int calls = 0;
    Status status = g.session->generate(
        {&sequence, 1}, 3, [&](std::span<const int32_t> tokens) {
          ++calls;
          EXPECT_EQ(*g.session->position(0), 2 + calls);
          EXPECT_EQ(g.session->recent(0)->back(), tokens[0]);
          for (const Status &refused :
               {g.session->logits(0).status(), g.session->clear(0),
                g.session->copy(0, 1), g.session->snapshot(0).status(),
                g.session->step({}, WantLogits::None, {}),
                g.session->call(0, {}, {}, {}, {}),
                g.session->generate({&sequence, 1}, 1, {})})
            EXPECT_NE(refused.message().find("is generating"),
                      std::string::npos)
                << refused.message();
          return true;
        });
    EXPECT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(calls, 3);
    EXPECT_TRUE(g.session->clear(0).ok());
  }
}

TEST(GenerateTest, wrongArgumentsChangeNothing) {
  Generating g(true);
  g.feed(0, {1});
  auto samplers = greedy(2);
  Sampler other = *Sampler::create(5, 5, {});
  auto call = [&](std::vector<SequenceSampler> sequences) {
    return g.session->generate(sequences, 3, [](auto) { return true; })
        .message();
  };
  EXPECT_EQ(call({{0, &samplers[0]}, {1, &samplers[1]}}),
            "slot 1 has no pending logits; feed it a token first");
  EXPECT_EQ(call({{0, &samplers[0]}, {0, &samplers[1]}}),
            "slot 0 occurs twice in one step");
  EXPECT_EQ(call({{9, &samplers[0]}}),
            "slot 9 is out of range: the session has 4");
  g.feed(1, {1});
  EXPECT_EQ(call({{0, &samplers[0]}, {1, &samplers[0]}}),
            "slot 1 has the sampler of another sequence; each needs its own");
  EXPECT_EQ(call({{0, &other}}),
            "the sampler of slot 0 is for 5 logits, the model has 11");
  EXPECT_EQ(call({}), "");
  EXPECT_EQ(*g.session->position(0), 1);
  EXPECT_EQ(g.fake.log.runs.size(), 2u);
}
