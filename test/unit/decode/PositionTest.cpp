// A sequence may be longer than 32 bits can count.
#include "test/unit/decode/ModelPack.h"

#include "runtime/model/Session.h"
#include "runtime/model/StateFile.h"

#include <gtest/gtest.h>

using namespace mamba;
using namespace mamba::test;

namespace {

/// The logits after a token, at the position of the snapshot.
std::vector<float> stepFrom(Session &session, const SlotSnapshot &snapshot,
                            std::vector<int32_t> tokens) {
  Status restored = session.restore(0, snapshot);
  EXPECT_TRUE(restored.ok()) << restored.message();
  std::vector<float> logits(session.vocabSize());
  SequenceTokens sequence{0, tokens};
  Status ran = session.step({&sequence, 1}, WantLogits::Last, logits);
  EXPECT_TRUE(ran.ok()) << ran.message();
  EXPECT_EQ(*session.position(0), snapshot.position + int64_t(tokens.size()));
  return logits;
}

} // namespace

// Decoding and prefill compute what they compute elsewhere; where the lower half
// of a position is 0, nothing starts afresh.
TEST(Positions, NeverWrap) {
  ModelPack pack;
  auto info = PackInfo::open(pack.path());
  ASSERT_TRUE(info.ok()) << info.status().message();
  auto model = Model::create(*info, "cpu", {});
  ASSERT_TRUE(model.ok()) << model.status().message();
  ASSERT_TRUE((*model)->loadWeights(std::nullopt, nullptr).ok());
  auto session = Session::create(*model, {});
  ASSERT_TRUE(session.ok()) << session.status().message();

  std::vector<int32_t> prompt = {3, 1, 4, 1, 5};
  SequenceTokens sequence{0, prompt};
  ASSERT_TRUE((*session)->step({&sequence, 1}, WantLogits::None, {}).ok());
  auto snapshot = (*session)->snapshot(0);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status().message();
  ASSERT_EQ(snapshot->position, 5);
  for (std::vector<int32_t> tokens : {std::vector<int32_t>{9}, {2, 6, 5, 3}}) {
    std::vector<float> expected = stepFrom(**session, *snapshot, tokens);
    SlotSnapshot later = *snapshot;
    for (int shift : {31, 32, 40})
      for (int64_t beyond : {-1, 0, 10}) {
        later.position = (int64_t(1) << shift) + beyond;
        EXPECT_EQ(stepFrom(**session, later, tokens), expected)
            << "position " << later.position;
      }
  }
}

// Such a sequence goes on by itself, is saved, loaded and goes on: with the
// tokens that it has at a small position.
TEST(Positions, FarSequencesGenerateAndAreSaved) {
  ModelPack pack;
  TempFolder folder;
  auto info = PackInfo::open(pack.path());
  ASSERT_TRUE(info.ok()) << info.status().message();
  auto model = Model::create(*info, "cpu", {});
  ASSERT_TRUE(model.ok()) << model.status().message();
  ASSERT_TRUE((*model)->loadWeights(std::nullopt, nullptr).ok());
  auto session = Session::create(*model, {.slots = 2});
  ASSERT_TRUE(session.ok()) << session.status().message();

  std::vector<int32_t> given;
  auto generate = [&](uint32_t slot, uint64_t count) {
    Sampler greedy = *Sampler::create(
        (*session)->vocabSize(), (*session)->vocabSize(), {.temperature = 0});
    SequenceSampler sequence{slot, &greedy};
    given.clear();
    Status status =
        (*session)->generate({&sequence, 1}, count, [&](auto tokens) {
          given.insert(given.end(), tokens.begin(), tokens.end());
          return true;
        });
    EXPECT_TRUE(status.ok()) << status.message();
    return given;
  };
  std::vector<int32_t> prompt = {3, 1, 4, 1, 5};
  SequenceTokens sequence{0, prompt};
  ASSERT_TRUE((*session)->step({&sequence, 1}, WantLogits::None, {}).ok());
  auto snapshot = (*session)->snapshot(0);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status().message();
  const std::vector<int32_t> expected = generate(0, 8);

  constexpr int64_t kFar = (int64_t(1) << 31) + 10;
  snapshot->position = kFar;
  ASSERT_TRUE((*session)->restore(0, *snapshot).ok());
  EXPECT_EQ(generate(0, 3),
            std::vector<int32_t>(expected.begin(), expected.begin() + 3));
  EXPECT_EQ(*(*session)->position(0), kFar + 3);
  Status saved = saveState(**session, 0, nullptr, folder / "far.state");
  ASSERT_TRUE(saved.ok()) << saved.message();
  Status loaded = loadState(**session, 1, nullptr, folder / "far.state");
  ASSERT_TRUE(loaded.ok()) << loaded.message();
  EXPECT_EQ(*(*session)->position(1), kFar + 3);
  EXPECT_EQ(generate(1, 5),
            std::vector<int32_t>(expected.begin() + 3, expected.end()));
  EXPECT_EQ(*(*session)->position(1), kFar + 8);

  // Up to the last position, where no step goes on, and from one more.
  snapshot->position = kMaxPosition - 8;
  ASSERT_TRUE((*session)->restore(0, *snapshot).ok());
  EXPECT_EQ(generate(0, 12), expected);
  EXPECT_EQ(*(*session)->position(0), kMaxPosition);
  saved = saveState(**session, 0, nullptr, folder / "last.state");
  ASSERT_TRUE(saved.ok()) << saved.message();
  loaded = loadState(**session, 1, nullptr, folder / "last.state");
  ASSERT_TRUE(loaded.ok()) << loaded.message();
  Status stepped = (*session)->step({&sequence, 1}, WantLogits::None, {});
  EXPECT_EQ(stepped.message(), "slot 0 has room for 0 more tokens, got 5; a sequence has "
                               "at most 4611686018427387904");
  snapshot->position = kMaxPosition + 1;
  EXPECT_FALSE((*session)->restore(0, *snapshot).ok());
}
