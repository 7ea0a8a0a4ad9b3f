// Packs, models and sessions through the C functions, on a system that refuses
// something: every failure is told, and what is left of a session works.
#include "test/unit/faults/Scenario.h"

#include "runtime/support/Checkpoint.h"
#include "runtime/support/SafetensorsWriter.h"
#include "test/unit/support/TempFolder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <optional>

using namespace mamba;
using namespace mamba::test;

static const std::string kPack = MAMBA_TEST_DATA "/packs/format-4.0.mpk";
static const std::string kWeights = MAMBA_TEST_DATA "/golden/mamba1-odd";
static constexpr size_t kVocab = 97;

static Status openPack(mamba_pack **pack) {
  return statusOf(mamba_pack_open(kPack.c_str(), pack));
}

static Status createModel(const mamba_pack *pack, uint32_t threads,
                          mamba_model **model) {
  mamba_model_options options = {};
  options.struct_size = sizeof(options);
  options.device = "cpu";
  options.threads = threads;
  return statusOf(mamba_model_create(pack, &options, model));
}

namespace {

/// A pack, a model of it with weights, and a session of two slots.
class ModelFaults : public testing::Test {
protected:
  void SetUp() override {
    must(openPack(&pack));
    Status created = createModel(pack, 2, &model);
    if (created.code() == StatusCode::Unavailable)
      GTEST_SKIP() << mamba_last_error();
    must(created);
    must(statusOf(
        mamba_model_load_weights(model, kWeights.c_str(), nullptr, nullptr)));
    must(createSession(&session));
  }
  void TearDown() override {
    mamba_session_destroy(session);
    mamba_model_destroy(model);
    mamba_pack_close(pack);
  }

  static void must(const Status &status) {
    ASSERT_TRUE(status.ok()) << status.message() << mamba_last_error();
  }
  /// Steps take 7 tokens, so that a prompt is cut.
  Status createSession(mamba_session **made) {
    mamba_session_options options = {sizeof(options), 2, 7, 0};
    return statusOf(mamba_session_create(model, &options, made));
  }
  Status feed(uint32_t slot, std::span<const int32_t> tokens) {
    mamba_sequence sequence = {slot, tokens.data(), tokens.size()};
    return statusOf(
        mamba_session_step(session, &sequence, 1, MAMBA_WANT_NONE, nullptr, 0));
  }
  std::vector<float> logitsOf(uint32_t slot) {
    const float *logits = nullptr;
    size_t count = 0;
    must(statusOf(mamba_session_logits(session, slot, &logits, &count)));
    return {logits, logits + count};
  }
  int64_t positionOf(uint32_t slot) {
    int64_t position = -1;
    must(statusOf(mamba_session_position(session, slot, &position)));
    return position;
  }
  void clear() {
    for (uint32_t slot : {0, 1})
      must(statusOf(mamba_session_clear(session, slot)));
  }
  static void expectNear(const std::vector<float> &found,
                         const std::vector<float> &expected) {
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i)
      ASSERT_NEAR(found[i], expected[i], 1e-4 * (1 + std::abs(expected[i])))
          << i;
  }
  /// After a step of these tokens that failed: what the slot says it has, it
  /// has.
  void goOn(uint32_t slot, std::span<const int32_t> tokens,
            const std::vector<float> &expected) {
    auto seen = size_t(positionOf(slot));
    ASSERT_LE(seen, tokens.size());
    if (!feed(slot, tokens.subspan(seen)).ok()) {
      EXPECT_NE(std::string(mamba_last_error()).find("unusable"),
                std::string::npos)
          << mamba_last_error();
      must(statusOf(mamba_session_clear(session, slot)));
      must(feed(slot, tokens));
    }
    expectNear(logitsOf(slot), expected);
  }

  mamba_pack *pack = nullptr;
  mamba_model *model = nullptr;
  mamba_session *session = nullptr;
  const std::vector<int32_t> prompt = {5,  17, 3, 88, 41, 2,  9, 60,
                                       33, 12, 7, 96, 1,  50, 24};
  const std::vector<int32_t> second = {8, 4, 71};
};

} // namespace

TEST(PackFaults, OpenAndInspect) {
  mamba_pack *pack = nullptr;
  mamba_pack_info info = {};
  Scenario scenario;
  scenario.names = {kPack};
  scenario.act = [&]() -> Status {
    MAMBA_RETURN_IF_ERROR(openPack(&pack));
    info.struct_size = sizeof(info);
    MAMBA_RETURN_IF_ERROR(statusOf(mamba_pack_get_info(pack, &info)));
    const char *text;
    size_t length, count, entry;
    MAMBA_RETURN_IF_ERROR(statusOf(mamba_pack_config(pack, &text, &length)));
    MAMBA_RETURN_IF_ERROR(
        statusOf(mamba_pack_end_tokens(pack, nullptr, 0, &count)));
    MAMBA_RETURN_IF_ERROR(
        statusOf(mamba_pack_find_entry(pack, "next", &entry)));
    mamba_entry_info found = {};
    found.struct_size = sizeof(found);
    return statusOf(mamba_pack_get_entry(pack, entry, &found));
  };
  scenario.after = [&](const Status &status) {
    if (status.ok())
      EXPECT_EQ(info.vocab_size, int64_t(kVocab));
    mamba_pack_close(pack);
    pack = nullptr;
  };
  runWithFaults(scenario);
}

TEST_F(ModelFaults, Create) {
  mamba_model *made = nullptr;
  Scenario scenario;
  scenario.names = {kPack};
  scenario.act = [&] { return createModel(pack, 3, &made); };
  scenario.after = [&](const Status &status) {
    EXPECT_EQ(made != nullptr, status.ok());
    mamba_model_destroy(made);
    made = nullptr;
  };
  runWithFaults(scenario);
}

/// The same tensors in two files.
static void writeShards(const TempFolder &folder) {
  auto checkpoint = openCheckpoint(kWeights);
  ASSERT_TRUE(checkpoint.ok());
  SafetensorsWriter shards[2];
  std::string map;
  size_t number = 0;
  for (const auto &[name, tensor] : checkpoint->tensors()) {
    const char *file = number % 2 ? "odd.safetensors" : "even.safetensors";
    ASSERT_TRUE(shards[number++ % 2]
                    .addTensor(name, tensor->dtype, tensor->shape, tensor->data,
                               tensor->bytes)
                    .ok());
    map += (map.empty() ? "\"" : ", \"") + name + "\": \"" + file + "\"";
  }
  ASSERT_TRUE(shards[0].write(folder / "even.safetensors").ok());
  ASSERT_TRUE(shards[1].write(folder / "odd.safetensors").ok());
  folder.add("model.safetensors.index.json", "{\"weight_map\": {" + map + "}}");
}

TEST_F(ModelFaults, LoadWeights) {
  TempFolder shards;
  writeShards(shards);
  for (const std::string &folder : {kWeights, shards.path()}) {
    mamba_model *made = nullptr;
    mamba_session *used = nullptr;
    Scenario scenario;
    scenario.names = {folder};
    scenario.before = [&] { must(createModel(pack, 1, &made)); };
    scenario.act = [&]() -> Status {
      return statusOf(
          mamba_model_load_weights(made, folder.c_str(), nullptr, nullptr));
    };
    // What failed is of no use, and says so.
    scenario.after = [&](const Status &status) {
      EXPECT_EQ(mamba_session_create(made, nullptr, &used) == MAMBA_OK,
                status.ok())
          << mamba_last_error();
      mamba_session_destroy(used);
      used = nullptr;
      mamba_model_destroy(made);
    };
    runWithFaults(scenario);
  }
}

TEST_F(ModelFaults, CreateSession) {
  mamba_session *made = nullptr;
  Scenario scenario;
  scenario.act = [&] { return createSession(&made); };
  scenario.after = [&](const Status &status) {
    EXPECT_EQ(made != nullptr, status.ok());
    mamba_session_destroy(made);
    made = nullptr;
  };
  runWithFaults(scenario);
}

// A new session each time: buffers grow in its first step.
TEST_F(ModelFaults, Step) {
  must(feed(0, prompt));
  must(feed(1, second));
  std::vector<float> expected[2] = {logitsOf(0), logitsOf(1)};
  mamba_session *shared = session;
  for (mamba_want want : {MAMBA_WANT_NONE, MAMBA_WANT_LAST, MAMBA_WANT_ALL}) {
    size_t rows = want == MAMBA_WANT_ALL    ? prompt.size() + second.size()
                  : want == MAMBA_WANT_LAST ? 2
                                            : 0;
    std::vector<float> logits(rows * kVocab);
    mamba_sequence sequences[] = {{0, prompt.data(), prompt.size()},
                                  {1, second.data(), second.size()}};
    Scenario scenario;
    scenario.before = [&] { must(createSession(&session)); };
    scenario.act = [&] {
      return statusOf(mamba_session_step(session, sequences, 2, want,
                                         logits.data(), logits.size()));
    };
    scenario.after = [&](const Status &) {
      goOn(0, prompt, expected[0]);
      goOn(1, second, expected[1]);
      mamba_session_destroy(session);
    };
    runWithFaults(scenario);
  }
  session = shared;
}

// What was handed out is what the sequences hold, and they go on as they would
// have.
TEST_F(ModelFaults, Generate) {
  constexpr uint64_t kTokens = 9;
  const uint32_t slots[] = {0, 1};
  mamba_sampler *samplers[2] = {};
  std::vector<int32_t> given;
  auto onTokens = [](void *user, const int32_t *tokens, size_t count) {
    auto &list = *static_cast<std::vector<int32_t> *>(user);
    list.insert(list.end(), tokens, tokens + count); // There is room.
    return int32_t(1);
  };
  auto generate = [&](uint64_t count) {
    return statusOf(mamba_session_generate(session, slots, samplers, 2, count,
                                           onTokens, &given));
  };
  auto begin = [&] {
    must(createSession(&session));
    must(feed(0, prompt));
    must(feed(1, second));
    given.clear();
    given.reserve(2 * kTokens);
    for (uint64_t i : {0, 1}) {
      mamba_sampler_options options;
      mamba_sampler_options_init(&options);
      options.temperature = 0.9;
      options.top_k = 20 * i;
      options.repetition_penalty = 1.2;
      options.seed = i;
      must(statusOf(
          mamba_sampler_create(kVocab, kVocab, &options, &samplers[i])));
    }
  };
  auto end = [&] {
    for (mamba_sampler *sampler : samplers)
      mamba_sampler_destroy(sampler);
    mamba_session_destroy(session);
  };
  mamba_session *shared = session;
  begin();
  must(generate(kTokens));
  const std::vector<int32_t> expected = given;
  end();

  Scenario scenario;
  scenario.before = begin;
  scenario.act = [&] { return generate(kTokens); };
  scenario.after = [&](const Status &status) {
    EXPECT_EQ(positionOf(0), int64_t(prompt.size() + given.size() / 2))
        << status.message();
    EXPECT_EQ(positionOf(1), int64_t(second.size() + given.size() / 2));
    if (uint64_t left = kTokens - given.size() / 2)
      must(generate(left));
    EXPECT_EQ(given, expected) << status.message();
    end();
  };
  runWithFaults(scenario);
  session = shared;
}

TEST_F(ModelFaults, SaveState) {
  TempFolder folder;
  std::string path = folder / "a.state";
  must(feed(0, prompt));
  mamba_sampler *sampler = nullptr;
  must(statusOf(mamba_sampler_create(kVocab, kVocab, nullptr, &sampler)));
  must(statusOf(mamba_sampler_accept(sampler, prompt.data(), prompt.size())));
  auto save = [&] {
    return statusOf(mamba_session_save(session, 0, sampler, path.c_str()));
  };
  must(save());
  const std::string saved = slurp(path);
  Scenario scenario;
  scenario.names = {path};
  scenario.before = [&] { folder.add("a.state", "old"); };
  scenario.act = save;
  scenario.after = [&](const Status &status) {
    EXPECT_EQ(slurp(path) == saved, status.ok());
    EXPECT_EQ(slurp(path) == "old", !status.ok());
    EXPECT_EQ(folder.countFiles(), 1u);
  };
  runWithFaults(scenario);
  mamba_sampler_destroy(sampler);
}

// All of it or nothing.
TEST_F(ModelFaults, LoadState) {
  TempFolder folder;
  std::string path = folder / "a.state";
  must(feed(0, prompt));
  must(statusOf(mamba_session_save(session, 0, nullptr, path.c_str())));
  must(feed(1, second));
  const std::vector<float> saved = logitsOf(0), old = logitsOf(1);
  Scenario scenario;
  scenario.names = {path};
  scenario.before = [&] {
    must(statusOf(mamba_session_clear(session, 1)));
    must(feed(1, second));
  };
  scenario.act = [&] {
    return statusOf(mamba_session_load(session, 1, nullptr, path.c_str()));
  };
  scenario.after = [&](const Status &status) {
    EXPECT_EQ(positionOf(1),
              int64_t(status.ok() ? prompt.size() : second.size()));
    expectNear(logitsOf(1), status.ok() ? saved : old);
  };
  runWithFaults(scenario);
}

TEST_F(ModelFaults, CopyAndScore) {
  must(feed(0, prompt));
  const std::vector<float> expected = logitsOf(0);
  double nll = 0, expectedNll = 0;
  size_t predicted = 0;
  auto score = [&](double &to) {
    return statusOf(mamba_session_score(session, 1, second.data(),
                                        second.size(), &to, &predicted));
  };
  must(statusOf(mamba_session_copy(session, 0, 1)));
  must(score(expectedNll));
  Scenario scenario;
  scenario.act = [&]() -> Status {
    MAMBA_RETURN_IF_ERROR(statusOf(mamba_session_copy(session, 0, 1)));
    return score(nll);
  };
  scenario.after = [&](const Status &status) {
    if (status.ok())
      EXPECT_EQ(nll, expectedNll);
    expectNear(logitsOf(0), expected);
  };
  runWithFaults(scenario);
}

// Of a model that watches its kernels, after it has run some.
TEST_F(ModelFaults, Profile) {
  mamba_model *counted = nullptr;
  mamba_model_options options = {};
  options.struct_size = sizeof(options);
  options.device = "cpu";
  options.threads = 2;
  options.counts = 1;
  must(statusOf(mamba_model_create(pack, &options, &counted)));
  must(statusOf(
      mamba_model_load_weights(counted, kWeights.c_str(), nullptr, nullptr)));
  mamba_session *used = nullptr;
  must(statusOf(mamba_session_create(counted, nullptr, &used)));
  mamba_sequence sequence = {0, prompt.data(), prompt.size()};
  must(statusOf(
      mamba_session_step(used, &sequence, 1, MAMBA_WANT_NONE, nullptr, 0)));
  for (auto *profile : {mamba_model_profile, mamba_model_profile_json}) {
    std::string expected;
    char *text = nullptr;
    size_t length = 0;
    Scenario scenario;
    scenario.act = [&] {
      return statusOf(profile(counted, nullptr, &text, &length));
    };
    scenario.after = [&](const Status &status) {
      if (expected.empty())
        expected.assign(text, length);
      if (status.ok())
        EXPECT_EQ(std::string(text, length), expected);
      else
        EXPECT_EQ(text, nullptr);
      mamba_free(text);
      text = nullptr;
    };
    runWithFaults(scenario);
  }
  mamba_session_destroy(used);
  mamba_model_destroy(counted);
}

TEST_F(ModelFaults, SelfTest) {
  Scenario scenario;
  scenario.names = {kPack};
  scenario.mostAllocations = 60;
  scenario.act = [&] {
    return statusOf(mamba_model_self_test(model, nullptr, nullptr));
  };
  runWithFaults(scenario);
  must(statusOf(mamba_model_self_test(model, nullptr, nullptr)));
}
