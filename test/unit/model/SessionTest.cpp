// Sessions over a fake device: how input is cut into pieces, what is kept, and
// what a failure leaves behind.
#include "test/unit/model/FakeModel.h"

#include <cmath>
#include <numeric>

using namespace mamba;
using namespace mamba::test;

namespace {

std::vector<int32_t> tokensFrom(int first, int count) {
  std::vector<int32_t> tokens;
  for (int i = 0; i < count; ++i)
    tokens.push_back((first + 3 * i) % kValid);
  return tokens;
}

std::vector<uint8_t> stateOf(Session &session, uint32_t slot,
                             const char *id, size_t floats) {
  std::vector<uint8_t> bytes(floats * sizeof(float));
  EXPECT_TRUE(session.readState(slot, id, bytes).ok());
  return bytes;
}

std::vector<float> floatsOf(const std::vector<uint8_t> &bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

TEST(SessionTest, onePieceWhenItFits) {
  Fake fake;
  auto session = fake.session({.slots = 1, .maxStepTokens = 8});
  auto tokens = tokensFrom(1, 8);
  SequenceTokens sequence{0, tokens};
  ASSERT_TRUE(session->step({&sequence, 1}, WantLogits::None, {}).ok());
  ASSERT_EQ(fake.log.runs.size(), 1u);
  EXPECT_EQ(fake.log.runs[0].entry, "next");
  EXPECT_EQ(*session->position(0), 8);
  EXPECT_EQ(copyOf(*session->logits(0)), expectedLogits(tokens));
}

TEST(SessionTest, longInputIsCutAndOnlyTheLastPieceAsksForLogits) {
  Fake fake;
  auto session = fake.session({.slots = 1, .maxStepTokens = 8});
  auto tokens = tokensFrom(1, 20);
  SequenceTokens sequence{0, tokens};
  ASSERT_TRUE(session->step({&sequence, 1}, WantLogits::None, {}).ok());
  ASSERT_EQ(fake.log.runs.size(), 3u);
  EXPECT_EQ(fake.log.runs[0].lengths, std::vector<int64_t>{8});
  EXPECT_EQ(fake.log.runs[2].lengths, std::vector<int64_t>{4});
  EXPECT_EQ(fake.log.runs[2].positions, std::vector<int64_t>{16});
  EXPECT_FALSE(fake.log.runs[0].wantsOutput);
  EXPECT_FALSE(fake.log.runs[1].wantsOutput);
  EXPECT_TRUE(fake.log.runs[2].wantsOutput);
  EXPECT_EQ(copyOf(*session->logits(0)), expectedLogits(tokens));
}

TEST(SessionTest, raggedBatchesAreCutInOrder) {
  Fake fake;
  auto session = fake.session({.slots = 5, .maxStepTokens = 4});
  std::vector<std::vector<int32_t>> tokens = {
      tokensFrom(0, 3), {}, tokensFrom(2, 6), tokensFrom(5, 1)};
  std::vector<SequenceTokens> batch = {
      {4, tokens[0]}, {1, tokens[1]}, {0, tokens[2]}, {3, tokens[3]}};
  std::vector<float> logits(4 * kVocab, -1);
  ASSERT_TRUE(session->step(batch, WantLogits::Last, logits).ok());
  ASSERT_EQ(fake.log.runs.size(), 3u);
  EXPECT_EQ(fake.log.runs[0].lengths, (std::vector<int64_t>{3, 1}));
  EXPECT_EQ(fake.log.runs[0].slots, (std::vector<int32_t>{4, 0}));
  EXPECT_EQ(fake.log.runs[1].lengths, (std::vector<int64_t>{4}));
  EXPECT_EQ(fake.log.runs[2].lengths, (std::vector<int64_t>{1, 1}));
  EXPECT_EQ(fake.log.runs[2].positions, (std::vector<int64_t>{5, 0}));
  for (size_t s : {0, 2, 3}) {
    auto expected = expectedLogits(tokens[s]);
    EXPECT_EQ(copyOf(std::span(logits).subspan(s * kVocab, kVocab)), expected);
    EXPECT_EQ(copyOf(*session->logits(batch[s].slot)), expected);
  }
  EXPECT_EQ(copyOf(std::span(logits).subspan(kVocab, kVocab)),
            std::vector<float>(kVocab, 0));
  EXPECT_FALSE(session->logits(1).ok()); // it has seen nothing
}

TEST(SessionTest, neighbouringSlotsNeedNoCopyAndGiveTheSame) {
  Fake fake;
  auto session = fake.session({.slots = 3});
  std::vector<std::vector<int32_t>> tokens = {{1}, {2, 3}, {4}};
  std::vector<SequenceTokens> batch;
  for (uint32_t s = 0; s < 3; ++s)
    batch.push_back({s, tokens[s]});
  ASSERT_TRUE(session->step(batch, WantLogits::None, {}).ok());
  for (uint32_t s = 0; s < 3; ++s)
    EXPECT_EQ(copyOf(*session->logits(s)), expectedLogits(tokens[s]));
}

TEST(SessionTest, allLogitsOfAllSplitsAgree) {
  auto a = tokensFrom(1, 11), b = tokensFrom(4, 5);
  std::vector<float> first;
  for (uint64_t most : {1, 2, 3, 7, 16, 100}) {
    Fake fake;
    auto session = fake.session({.slots = 2, .maxStepTokens = most});
    std::vector<SequenceTokens> batch = {{1, a}, {0, b}};
    std::vector<float> logits(16 * kVocab);
    ASSERT_TRUE(session->step(batch, WantLogits::All, logits).ok());
    if (first.empty())
      first = logits;
    EXPECT_EQ(logits, first) << most;
    EXPECT_EQ(copyOf(std::span(logits).subspan(10 * kVocab, kVocab)),
              expectedLogits(a));
    EXPECT_EQ(copyOf(*session->logits(1)), expectedLogits(a));
    EXPECT_EQ(copyOf(*session->logits(0)), expectedLogits(b));
    for (const auto &run : fake.log.runs)
      EXPECT_LE(std::accumulate(run.lengths.begin(), run.lengths.end(), 0),
                int64_t(most));
  }
}

TEST(SessionTest, anEmptyStepDoesNothing) {
  Fake fake;
  auto session = fake.session({.slots = 2});
  EXPECT_TRUE(session->step({}, WantLogits::None, {}).ok());
  SequenceTokens sequence{0, {}};
  EXPECT_TRUE(session->step({&sequence, 1}, WantLogits::All, {}).ok());
  EXPECT_TRUE(fake.log.runs.empty());
}

TEST(SessionTest, wrongTokensAreNamedBeforeAnythingRuns) {
  Fake fake;
  auto session = fake.session({.slots = 2});
  std::vector<int32_t> good = {1}, bad = {1, 2, kVocab};
  std::vector<SequenceTokens> batch = {{0, good}, {1, bad}};
  Status status = session->step(batch, WantLogits::None, {});
  EXPECT_EQ(status.message(),
            "token 2 of sequence 1 is 11, must be from 0 to 10");
  bad[2] = -1;
  EXPECT_FALSE(session->step(batch, WantLogits::None, {}).ok());
  EXPECT_TRUE(fake.log.runs.empty());
  EXPECT_EQ(*session->position(0), 0);
}

TEST(SessionTest, wrongSlotsAndSizesAreRefused) {
  Fake fake;
  auto session = fake.session({.slots = 2});
  std::vector<int32_t> tokens = {1};
  std::vector<SequenceTokens> twice = {{1, tokens}, {1, tokens}};
  EXPECT_EQ(session->step(twice, WantLogits::None, {}).message(),
            "slot 1 occurs twice in one step");
  SequenceTokens beyond{2, tokens};
  EXPECT_FALSE(session->step({&beyond, 1}, WantLogits::None, {}).ok());
  SequenceTokens right{1, tokens};
  std::vector<float> logits(kVocab - 1);
  EXPECT_FALSE(session->step({&right, 1}, WantLogits::Last, logits).ok());
  EXPECT_FALSE(session->step({&right, 1}, WantLogits::All, logits).ok());
  EXPECT_FALSE(session->step({&right, 1}, WantLogits::None, logits).ok());
  EXPECT_FALSE(session->clear(2).ok());
  EXPECT_FALSE(session->copy(0, 2).ok());
  EXPECT_FALSE(session->copy(2, 0).ok());
  EXPECT_FALSE(session->logits(9).ok());
  EXPECT_TRUE(fake.log.runs.empty());
}

TEST(SessionTest, aFailedStepMakesItsSlotsUnusableUntilCleared) {
  Fake fake;
  auto session = fake.session({.slots = 3, .maxStepTokens = 2});
  auto tokens = tokensFrom(0, 5);
  SequenceTokens other{2, tokens}, broken{0, tokens};
  ASSERT_TRUE(session->step({&other, 1}, WantLogits::None, {}).ok());
  fake.log.failAfterRuns = 1;
  EXPECT_EQ(session->step({&broken, 1}, WantLogits::None, {}).code(),
            StatusCode::Unavailable);
  fake.log.failAfterRuns = -1;
  EXPECT_FALSE(session->step({&broken, 1}, WantLogits::None, {}).ok());
  EXPECT_FALSE(session->logits(0).ok());
  EXPECT_FALSE(session->snapshot(0).ok());
  EXPECT_FALSE(session->copy(0, 1).ok());
  EXPECT_TRUE(session->logits(2).ok());
  ASSERT_TRUE(session->clear(0).ok());
  ASSERT_TRUE(session->step({&broken, 1}, WantLogits::None, {}).ok());
  EXPECT_EQ(copyOf(*session->logits(0)), expectedLogits(tokens));
}

// Nothing has run that would have needed it: what there was goes on, in smaller
// steps.
TEST(SessionTest, aStepWithoutMemoryLeavesItsSlotsAsTheyWere) {
  Fake fake;
  auto session = fake.session({.slots = 2, .maxStepTokens = 2});
  auto tokens = tokensFrom(0, 5);
  SequenceTokens sequence{0, tokens};
  fake.log.failCode = StatusCode::OutOfMemory;
  fake.log.failAfterRuns = 1;
  EXPECT_EQ(session->step({&sequence, 1}, WantLogits::None, {}).code(),
            StatusCode::OutOfMemory);
  EXPECT_EQ(*session->position(0), 2) << "the first piece";
  std::vector<float> x(2 * kSums, 1), gain(kSums, 1), y(2 * kSums), count(1);
  auto bytesOf = [](std::vector<float> &values) {
    return std::span(reinterpret_cast<uint8_t *>(values.data()),
                     values.size() * sizeof(float));
  };
  const uint32_t slots[] = {0};
  const int64_t lengths[] = {2};
  const std::span<const uint8_t> in[] = {bytesOf(x), bytesOf(gain)};
  const std::span<uint8_t> out[] = {bytesOf(y), bytesOf(count)};
  EXPECT_EQ(session->call(2, slots, lengths, in, out).code(),
            StatusCode::OutOfMemory);
  EXPECT_EQ(*session->position(0), 2);
  fake.log.failAfterRuns = -1;
  SequenceTokens rest{0, std::span(tokens).subspan(2)};
  ASSERT_TRUE(session->step({&rest, 1}, WantLogits::None, {}).ok());
  EXPECT_EQ(copyOf(*session->logits(0)), expectedLogits(tokens));
}

TEST(SessionTest, clearAndCopy) {
  Fake fake;
  auto session = fake.session({.slots = 2});
  auto tokens = tokensFrom(3, 40);
  SequenceTokens sequence{0, tokens};
  ASSERT_TRUE(session->step({&sequence, 1}, WantLogits::None, {}).ok());
  ASSERT_TRUE(session->copy(0, 1).ok());
  ASSERT_TRUE(session->copy(1, 1).ok());
  ASSERT_TRUE(session->clear(0).ok());
  EXPECT_EQ(*session->position(0), 0);
  EXPECT_FALSE(session->logits(0).ok());
  EXPECT_EQ(floatsOf(stateOf(*session, 0, "ssm_state.0", 4)),
            (std::vector<float>{0, 0, 0, 0}));
  EXPECT_EQ(*session->position(1), 40);
  EXPECT_EQ(copyOf(*session->logits(1)), expectedLogits(tokens));
  auto recent = *session->recent(1);
  EXPECT_EQ(std::vector<int32_t>(recent.begin(), recent.end()),
            std::vector<int32_t>(tokens.end() - 32, tokens.end()));
}

TEST(SessionTest, recentTokensSpanSteps) {
  Fake fake;
  auto session = fake.session({.slots = 1, .maxStepTokens = 7});
  std::vector<int32_t> all;
  for (int count : {1, 20, 15, 3, 40, 2}) {
    auto tokens = tokensFrom(count, count);
    all.insert(all.end(), tokens.begin(), tokens.end());
    SequenceTokens sequence{0, tokens};
    ASSERT_TRUE(session->step({&sequence, 1}, WantLogits::None, {}).ok());
    auto recent = *session->recent(0);
    size_t keep = std::min<size_t>(32, all.size());
    EXPECT_EQ(std::vector<int32_t>(recent.begin(), recent.end()),
              std::vector<int32_t>(all.end() - keep, all.end()));
  }
}

TEST(SessionTest, statesShowTheOutsideLayout) {
  Fake fake;
  auto session = fake.session();
  std::vector<int32_t> tokens = {5, 7, 2};
  SequenceTokens sequence{0, tokens};
  ASSERT_TRUE(session->step({&sequence, 1}, WantLogits::None, {}).ok());
  // Channels first, oldest token first.
  EXPECT_EQ(floatsOf(stateOf(*session, 0, "conv_state.0", 6)),
            (std::vector<float>{7, 2, 7.1f, 2.1f, 7.2f, 2.2f}));
  auto bytes = stateOf(*session, 0, "conv_state.0", 6);
  ASSERT_TRUE(session->clear(0).ok());
  ASSERT_TRUE(session->writeState(0, "conv_state.0", bytes).ok());
  EXPECT_EQ(stateOf(*session, 0, "conv_state.0", 6), bytes);
  EXPECT_FALSE(session->writeState(0, "conv_state.1", bytes).ok());
  bytes.pop_back();
  EXPECT_FALSE(session->writeState(0, "conv_state.0", bytes).ok());
  EXPECT_FALSE(session->readState(0, "conv_state.0", bytes).ok());
}

TEST(SessionTest, callRunsAnEntryOverARaggedBatch) {
  Fake fake;
  auto session = fake.session({.slots = 3});
  std::vector<float> x = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  std::vector<float> gain = {1, 0, 2, 0}, y(12), count(3);
  auto bytes = [](std::vector<float> &v) {
    return std::span(reinterpret_cast<uint8_t *>(v.data()),
                     v.size() * sizeof(float));
  };
  std::vector<std::span<const uint8_t>> in = {bytes(x), bytes(gain)};
  std::vector<std::span<uint8_t>> out = {bytes(y), bytes(count)};
  std::vector<uint32_t> slots = {2, 0, 1};
  std::vector<int64_t> lengths = {2, 0, 1};
  uint32_t entry = *fake.info->findEntry("scale");
  ASSERT_TRUE(session->call(entry, slots, lengths, in, out).ok());
  EXPECT_EQ(y, (std::vector<float>{2, 2, 9, 4, 11, 8, 24, 12, 18, 10, 33, 12}));
  EXPECT_EQ(count, (std::vector<float>{2, 0, 1}));
  EXPECT_EQ(*session->position(2), 2);
  EXPECT_EQ(*session->position(0), 0);

  in[0] = in[0].first(44);
  EXPECT_FALSE(session->call(entry, slots, lengths, in, out).ok());
  lengths[1] = -1;
  EXPECT_FALSE(session->call(entry, slots, lengths, in, out).ok());
  EXPECT_FALSE(session->call(99, slots, lengths, in, out).ok());
  EXPECT_FALSE(session->call(entry, slots, lengths, {}, out).ok());
}

TEST(SessionTest, callChecksTokenIds) {
  Fake fake;
  auto session = fake.session();
  std::vector<int32_t> ids = {1, 99};
  std::vector<std::span<const uint8_t>> in = {
      {reinterpret_cast<uint8_t *>(ids.data()), 8}};
  std::vector<std::span<uint8_t>> out = {{}};
  std::vector<uint32_t> slots = {0};
  std::vector<int64_t> lengths = {2};
  Status status = session->call(0, slots, lengths, in, out);
  EXPECT_EQ(status.message(),
            "row 1 of 'input_ids' is 99, must be from 0 to 10");
  EXPECT_TRUE(fake.log.runs.empty());
}

TEST(SessionTest, invariantIsPassedOnAndNeedsThePack) {
  Fake fake;
  EXPECT_EQ(
      Session::create(fake.model, {.batchInvariant = true}).status().code(),
      StatusCode::Unavailable);
  fake.target->programs[0].invariant = true;
  auto session = fake.session({.batchInvariant = true});
  std::vector<int32_t> tokens = {1};
  SequenceTokens sequence{0, tokens};
  ASSERT_TRUE(session->step({&sequence, 1}, WantLogits::None, {}).ok());
  EXPECT_TRUE(fake.log.runs[0].invariant);
}

TEST(SessionTest, badOptionsAreRefused) {
  Fake fake;
  EXPECT_FALSE(Session::create(fake.model, {.slots = 0}).ok());
  EXPECT_FALSE(Session::create(fake.model, {.slots = kMaxSlots + 1}).ok());
  EXPECT_FALSE(
      Session::create(fake.model, {.slots = 1, .maxStepTokens = 0}).ok());
}

TEST(SessionTest, packsWithoutAModelCallOnly) {
  Fake fake({.model = false});
  auto session = fake.session();
  std::vector<int32_t> tokens = {1};
  SequenceTokens sequence{0, tokens};
  Status status = session->step({&sequence, 1}, WantLogits::None, {});
  EXPECT_EQ(status.code(), StatusCode::Unavailable);
  EXPECT_FALSE(session->score(0, tokens).ok());
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

/// From the definition, one token at a time.
double expectedNll(std::span<const int32_t> tokens, size_t from) {
  double nll = 0;
  for (size_t i = from; i < tokens.size(); ++i) {
    auto logits = expectedLogits(tokens.first(i));
    double sum = 0;
    for (int64_t v = 0; v < kValid; ++v)
      sum += std::exp(double(logits[v]));
    nll += std::log(sum) - logits[tokens[i]];
  }
  return nll;
}

TEST(ScoreTest, theFirstTokenIsContextOnly) {
  auto tokens = tokensFrom(2, 23);
  for (uint64_t most : {1, 2, 5, 22, 23, 64}) {
    Fake fake;
    auto session = fake.session({.maxStepTokens = most});
    auto score = session->score(0, tokens);
    ASSERT_TRUE(score.ok()) << score.status().message();
    EXPECT_EQ(score->predicted, 22u);
    EXPECT_NEAR(score->nll, expectedNll(tokens, 1), 1e-9) << most;
  }
}

TEST(ScoreTest, goesOnFromPendingLogits) {
  auto tokens = tokensFrom(2, 23);
  Fake fake;
  auto session = fake.session({.maxStepTokens = 4});
  auto head = std::span<const int32_t>(tokens).first(9);
  auto first = session->score(0, head);
  auto second = session->score(0, std::span<const int32_t>(tokens).subspan(9));
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->predicted, 8u);
  EXPECT_EQ(second->predicted, 14u);
  EXPECT_NEAR(first->nll + second->nll, expectedNll(tokens, 1), 1e-9);
  EXPECT_EQ(session->score(0, {})->predicted, 0u);
}

TEST(ScoreTest, paddedTokensAreRefused) {
  Fake fake;
  auto session = fake.session();
  std::vector<int32_t> tokens = {1, kValid};
  EXPECT_EQ(session->score(0, tokens).status().message(),
            "token 1 is 9, must be from 0 to 8");
}

//===----------------------------------------------------------------------===//
// Models and packs
//===----------------------------------------------------------------------===//

TEST(ModelTest, embeddedWeightsAreTakenAndAFolderWins) {
  Fake fake({.weights = true, .embed = true});
  EXPECT_EQ(fake.log.weight, (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(fake.model->weights(), "(embedded)");
  EXPECT_FALSE(fake.model->loadWeights({}, {}).ok()); // once
  Fake other({.weights = true, .embed = true}, false);
  EXPECT_FALSE(Session::create(other.model, {}).ok()); // none yet
  EXPECT_FALSE(other.model->loadWeights("/nonexistent", {}).ok());
}

TEST(ModelTest, aChangedEmbeddedWeightIsFoundWhenItIsLoaded) {
  Fake fake({.weights = true, .embed = true, .damaged = true}, false);
  Status status = fake.model->loadWeights({}, {});
  EXPECT_EQ(status.code(), StatusCode::InvalidData);
  EXPECT_NE(status.message().find("'weight:w' have SHA-256"),
            std::string::npos)
      << status.message();
}

TEST(ModelTest, withoutWeightsTheMessageSaysWhatToDo) {
  Fake fake({.weights = true}, false);
  Status status = fake.model->loadWeights({}, {});
  EXPECT_EQ(status.code(), StatusCode::NotFound);
  EXPECT_NE(status.message().find("--model"), std::string::npos);
}

TEST(ModelTest, devicesThatAreNotHereAreUnavailable) {
  Fake fake;
  for (const char *device : {"cuda", "sim"})
    EXPECT_EQ(Model::create(fake.info, device, {0}).status().code(),
              StatusCode::Unavailable);
  EXPECT_EQ(Model::create(fake.info, "tpu", {0}).status().code(),
            StatusCode::InvalidArgument);
  EXPECT_EQ(Model::create(fake.info, "cpu", {5000}).status().code(),
            StatusCode::InvalidArgument);
}

TEST(PackInfoTest, endTokens) {
  auto ends = [](const std::string &config) {
    Fake fake({.config = config});
    return fake.info->endTokens();
  };
  using Tokens = std::vector<int32_t>;
  EXPECT_EQ(*ends(""), Tokens{});
  EXPECT_EQ(*ends("{}"), Tokens{});
  EXPECT_EQ(*ends(R"({"eos_token_id": null})"), Tokens{});
  EXPECT_EQ(*ends(R"({"eos_token_id": 0})"), Tokens{0});
  EXPECT_EQ(*ends(R"({"eos_token_id": [2, 5], "x": Infinity})"),
            (Tokens{2, 5}));
  EXPECT_FALSE(ends(R"({"eos_token_id": "end"})").ok());
  EXPECT_FALSE(ends(R"({"eos_token_id": -1})").ok());
  EXPECT_FALSE(ends(R"({"eos_token_id": 1.5})").ok());
  EXPECT_FALSE(ends("[]").ok());
  EXPECT_FALSE(ends("{").ok());
}

TEST(PackInfoTest, endTokensOfTheGenerationConfigComeFirst) {
  auto ends = [](const std::string &generation) {
    Fake fake({.config = R"({"eos_token_id": 3})", .generation = generation});
    return fake.info->endTokens();
  };
  using Tokens = std::vector<int32_t>;
  EXPECT_EQ(*ends(R"({"eos_token_id": 0})"), Tokens{0});
  EXPECT_EQ(*ends(R"({"eos_token_id": [2, 5]})"), (Tokens{2, 5}));
  EXPECT_EQ(*ends(R"({"eos_token_id": null})"), Tokens{});
  EXPECT_EQ(*ends(R"({"temperature": 0.5})"), Tokens{3});
  EXPECT_EQ(ends(R"({"eos_token_id": "end"})").status().message(),
            "generation_config.json of 'fake.mpk': 'eos_token_id' must be an "
            "integer from 0 to 2147483647, got a string");
}

TEST(PackInfoTest, unknownValidVocabularyIsTheWhole) {
  Fake fake({.valid = 0});
  EXPECT_EQ(*fake.info->validVocabSize(), uint64_t(kVocab));
}

TEST(PackInfoTest, missingEntriesNameThoseThatThereAre) {
  Fake fake;
  EXPECT_EQ(fake.info->findEntry("scan").status().message(),
            "no entry 'scan' in pack 'fake.mpk'; it has 'next', 'logits', "
            "'scale'");
}

} // namespace
