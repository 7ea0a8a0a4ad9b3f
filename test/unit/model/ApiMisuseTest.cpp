// Every function with a slot, a count or a handle that is wrong; ApiTest has
// the rest. Nothing changes.
#include "test/unit/model/ApiFixture.h"

using namespace mamba;
using namespace mamba::test;

namespace {

struct ApiMisuseTest : ApiTest {};

TEST_F(ApiMisuseTest, aSlotThatIsNotThere) {
  const uint32_t bad = 2;
  int32_t token = 1;
  mamba_sequence sequence{bad, &token, 1};
  EXPECT_REFUSED(
      mamba_session_step(session, &sequence, 1, MAMBA_WANT_NONE, nullptr, 0),
      "slot 2");
  const float *logits;
  size_t count;
  EXPECT_REFUSED(mamba_session_logits(session, bad, &logits, &count), "slot 2");
  double nll;
  EXPECT_REFUSED(mamba_session_score(session, bad, &token, 1, &nll, &count),
                 "slot 2");
  const int32_t *tokens;
  EXPECT_REFUSED(mamba_session_recent(session, bad, &tokens, &count), "slot 2");
  EXPECT_REFUSED(mamba_session_clear(session, bad), "slot 2");
  EXPECT_REFUSED(mamba_session_copy(session, 0, bad), "slot 2");
  EXPECT_REFUSED(mamba_session_copy(session, bad, 0), "slot 2");
  float state[16] = {};
  EXPECT_REFUSED(
      mamba_session_read_state(session, bad, "conv_state.0", state, 24),
      "slot 2");
  EXPECT_REFUSED(
      mamba_session_write_state(session, bad, "conv_state.0", state, 24),
      "slot 2");
  int64_t length = 1;
  const void *in = &token;
  size_t bytes = sizeof(token);
  EXPECT_REFUSED(mamba_session_call(session, 0, &bad, &length, 1, &in, &bytes,
                                    1, nullptr, nullptr, 0),
                 "slot 2");
  EXPECT_REFUSED(mamba_session_save(session, bad, nullptr, "/nonexistent/x"),
                 "slot 2");
  void *data = nullptr;
  EXPECT_REFUSED(
      mamba_session_save_memory(session, bad, nullptr, &data, &count),
      "slot 2");
  EXPECT_EQ(data, nullptr);
  ASSERT_EQ(mamba_session_save_memory(session, 0, nullptr, &data, &count),
            MAMBA_OK);
  EXPECT_REFUSED(mamba_session_load_memory(session, bad, nullptr, data, count),
                 "slot 2");
  mamba_free(data);
}

TEST_F(ApiMisuseTest, countsAndNamesThatAreWrong) {
  float state[16] = {};
  EXPECT_REFUSED(
      mamba_session_read_state(session, 0, "conv_state.0", state, 23),
      "conv_state.0");
  EXPECT_REFUSED(
      mamba_session_write_state(session, 0, "conv_state.0", state, 25),
      "conv_state.0");
  EXPECT_REFUSED(mamba_session_read_state(session, 0, "none", state, 24),
                 "none");
  int32_t tokens[] = {1, 11, -1};
  mamba_sequence sequence{0, tokens, 2};
  EXPECT_REFUSED(
      mamba_session_step(session, &sequence, 1, MAMBA_WANT_NONE, nullptr, 0),
      "token 1 of sequence 0 is 11");
  sequence = {0, tokens + 2, 1};
  EXPECT_REFUSED(
      mamba_session_step(session, &sequence, 1, MAMBA_WANT_NONE, nullptr, 0),
      "is -1");
  mamba_sequence twice[] = {{0, tokens, 1}, {0, tokens, 1}};
  EXPECT_REFUSED(
      mamba_session_step(session, twice, 2, MAMBA_WANT_NONE, nullptr, 0),
      "slot 0");
  size_t entry;
  EXPECT_EQ(mamba_pack_find_entry(&pack, "none", &entry), MAMBA_NOT_FOUND);
  int64_t position = -1;
  ASSERT_EQ(mamba_session_position(session, 0, &position), MAMBA_OK);
  EXPECT_EQ(position, 0); // Nothing of it was run.

  const uint32_t slot = 0;
  int64_t length = 1;
  const void *in = tokens;
  size_t bytes = 3;
  EXPECT_REFUSED(mamba_session_call(session, 0, &slot, &length, 1, &in, &bytes,
                                    1, nullptr, nullptr, 0),
                 "output");
  float logits[kVocab];
  void *out = logits;
  size_t outBytes = sizeof(logits);
  EXPECT_REFUSED(mamba_session_call(session, 0, &slot, &length, 1, &in, &bytes,
                                    1, &out, &outBytes, 1),
                 "input_ids");
  EXPECT_REFUSED(mamba_session_call(session, 9, &slot, &length, 1, &in, &bytes,
                                    1, &out, &outBytes, 1),
                 "entry 9");
  length = -1;
  bytes = 4;
  EXPECT_REFUSED(mamba_session_call(session, 0, &slot, &length, 1, &in, &bytes,
                                    1, &out, &outBytes, 1),
                 "length");
  mamba_sampler *sampler = nullptr;
  ASSERT_EQ(mamba_sampler_create(4, 3, nullptr, &sampler), MAMBA_OK);
  int32_t token = -1;
  EXPECT_REFUSED(mamba_sampler_sample(sampler, logits, 5, &token), "4");
  EXPECT_EQ(token, -1);
  mamba_sampler_destroy(sampler);
}

// A folder without a name or a checkpoint changes nothing, nor does what a callback asks.
TEST_F(ApiMisuseTest, weightsThatAreBeingLoaded) {
  mamba_pack *own = nullptr;
  ASSERT_EQ(mamba_pack_open(MAMBA_TEST_DATA "/packs/format-4.0.mpk", &own), MAMBA_OK);
  mamba_model_options options{};
  options.struct_size = sizeof(options);
  options.device = "cpu";
  struct Loading {
    mamba_model *model = nullptr;
    int refused = 0;
  } loading;
  ASSERT_EQ(mamba_model_create(own, &options, &loading.model), MAMBA_OK)
      << mamba_last_error();
  auto load = [&](const char *folder, mamba_progress_fn progress) {
    return mamba_model_load_weights(loading.model, folder, progress, &loading);
  };
  EXPECT_REFUSED(load("", nullptr), "folder is empty");
  EXPECT_REFUSED(load("/dev/null/none", nullptr), "/dev/null/none");
  const char *weights = MAMBA_TEST_DATA "/golden/mamba1-odd";
  EXPECT_EQ(load(weights,
                 [](void *user, uint64_t, uint64_t) {
                   auto &own = *static_cast<Loading *>(user);
                   EXPECT_REFUSED(mamba_model_load_weights(own.model, nullptr, nullptr, nullptr),
                                  "weights are being loaded");
                   ++own.refused;
                 }),
            MAMBA_OK)
      << mamba_last_error();
  EXPECT_GT(loading.refused, 0);
  EXPECT_REFUSED(load(weights, nullptr), "once");
  mamba_model_destroy(loading.model);
  mamba_pack_close(own);
}

TEST_F(ApiMisuseTest, nullWhereThereMustBeSomething) {
  size_t size;
  void *data;
  char *text;
  EXPECT_REFUSED(mamba_pack_find_entry(nullptr, "x", &size), "'pack'");
  EXPECT_REFUSED(mamba_pack_get_tensor(nullptr, 0, MAMBA_INPUT, 0, nullptr),
                 "'pack'");
  EXPECT_REFUSED(mamba_pack_end_tokens(nullptr, nullptr, 0, &size), "'pack'");
  EXPECT_REFUSED(mamba_model_create(&pack, nullptr, nullptr), "'model'");
  EXPECT_REFUSED(mamba_model_get_info(&model, nullptr), "'info'");
  EXPECT_REFUSED(mamba_model_get_state(nullptr, 0, nullptr), "'model'");
  EXPECT_REFUSED(mamba_model_profile_json(nullptr, nullptr, &text, &size),
                 "'model'");
  EXPECT_REFUSED(mamba_session_create(&model, nullptr, nullptr), "'session'");
  EXPECT_REFUSED(mamba_session_logits(nullptr, 0, nullptr, nullptr),
                 "'session'");
  EXPECT_REFUSED(mamba_session_score(nullptr, 0, nullptr, 0, nullptr, nullptr),
                 "'session'");
  EXPECT_REFUSED(mamba_session_position(nullptr, 0, nullptr), "'session'");
  EXPECT_REFUSED(mamba_session_recent(nullptr, 0, nullptr, nullptr),
                 "'session'");
  EXPECT_REFUSED(mamba_session_read_state(nullptr, 0, "x", &size, 0),
                 "'session'");
  EXPECT_REFUSED(mamba_session_write_state(nullptr, 0, "x", &size, 0),
                 "'session'");
  EXPECT_REFUSED(mamba_session_call(nullptr, 0, nullptr, nullptr, 0, nullptr,
                                    nullptr, 0, nullptr, nullptr, 0),
                 "'session'");
  EXPECT_REFUSED(
      mamba_session_generate(nullptr, nullptr, nullptr, 0, 0, nullptr, nullptr),
      "'session'");
  EXPECT_REFUSED(mamba_session_save(nullptr, 0, nullptr, "x"), "'session'");
  EXPECT_REFUSED(mamba_session_load(nullptr, 0, nullptr, "x"), "'session'");
  EXPECT_REFUSED(mamba_session_save_memory(nullptr, 0, nullptr, &data, &size),
                 "'session'");
  EXPECT_REFUSED(mamba_session_save_memory(session, 0, nullptr, nullptr, &size),
                 "'data'");
  EXPECT_REFUSED(mamba_session_save_memory(session, 0, nullptr, &data, nullptr),
                 "'size'");
  EXPECT_REFUSED(mamba_session_load_memory(nullptr, 0, nullptr, "", 0),
                 "'session'");
  EXPECT_REFUSED(mamba_session_load_memory(session, 0, nullptr, nullptr, 5),
                 "'data'");
  mamba_sampler_options options;
  EXPECT_REFUSED(mamba_sampler_get_options(nullptr, &options), "'sampler'");
  EXPECT_REFUSED(mamba_sampler_set_options(nullptr, &options), "'sampler'");
  EXPECT_REFUSED(mamba_tokenizer_create(nullptr, nullptr), "'pack'");
  EXPECT_REFUSED(
      mamba_tokenizer_decode(nullptr, nullptr, 0, 0, nullptr, nullptr),
      "'tokenizer'");
}

// A callback of generate may look at the samplers; what would change one is refused,
// also by another session, and they go on as if it had not been tried.
TEST_F(ApiMisuseTest, aSamplerThatIsGenerating) {
  struct Used {
    mamba_session *other;
    mamba_sampler *sampler;
    std::vector<char> saved;
    std::vector<int32_t> tokens;
  };
  mamba_sampler_options warm;
  mamba_sampler_options_init(&warm);
  warm.repetition_penalty = 1.5;
  auto generate = [&](Used &used, mamba_tokens_fn callback) {
    ASSERT_EQ(mamba_sampler_create(kVocab, kValid, &warm, &used.sampler),
              MAMBA_OK);
    int32_t token = 1;
    mamba_sequence sequence{0, &token, 1};
    ASSERT_EQ(mamba_session_clear(session, 0), MAMBA_OK);
    ASSERT_EQ(mamba_session_step(session, &sequence, 1, MAMBA_WANT_NONE,
                                 nullptr, 0),
              MAMBA_OK);
    ASSERT_EQ(mamba_session_step(used.other, &sequence, 1, MAMBA_WANT_NONE,
                                 nullptr, 0),
              MAMBA_OK);
    uint32_t slot = 0;
    EXPECT_EQ(mamba_session_generate(session, &slot, &used.sampler, 1, 5,
                                     callback, &used),
              MAMBA_OK);
  };
  mamba_session *other = nullptr;
  ASSERT_EQ(mamba_session_create(&model, nullptr, &other), MAMBA_OK);

  Used plain{other, nullptr, {}, {}};
  generate(plain, [](void *user, const int32_t *tokens, size_t) -> int32_t {
    static_cast<Used *>(user)->tokens.push_back(*tokens);
    return 1;
  });
  void *data = nullptr;
  size_t size = 0;
  ASSERT_EQ(mamba_session_save_memory(other, 0, plain.sampler, &data, &size),
            MAMBA_OK);
  std::vector<char> saved(static_cast<char *>(data),
                          static_cast<char *>(data) + size);
  mamba_free(data);

  Used meddled{other, nullptr, saved, {}};
  generate(meddled, [](void *user, const int32_t *tokens, size_t) -> int32_t {
    auto &used = *static_cast<Used *>(user);
    used.tokens.push_back(*tokens);
    mamba_sampler *sampler = used.sampler;
    const char *wish = "the sampler is generating";
    float logits[kVocab] = {};
    int32_t token = 2;
    mamba_sampler_options options{};
    options.struct_size = sizeof(options);
    EXPECT_EQ(mamba_sampler_get_options(sampler, &options), MAMBA_OK);
    EXPECT_REFUSED(mamba_sampler_set_options(sampler, &options), wish);
    EXPECT_REFUSED(mamba_sampler_accept(sampler, &token, 1), wish);
    EXPECT_REFUSED(mamba_sampler_reset(sampler), wish);
    EXPECT_REFUSED(mamba_sampler_sample(sampler, logits, kVocab, &token), wish);
    EXPECT_REFUSED(mamba_session_load(used.other, 0, sampler, "nowhere"), wish);
    EXPECT_REFUSED(mamba_session_load_memory(used.other, 0, sampler,
                                             used.saved.data(),
                                             used.saved.size()),
                   wish);
    uint32_t slot = 0;
    EXPECT_REFUSED(mamba_session_generate(
                       used.other, &slot, &sampler, 1, 1,
                       [](void *, const int32_t *, size_t) { return 0; },
                       nullptr),
                   wish);
    void *bytes = nullptr;
    size_t count = 0;
    EXPECT_EQ(mamba_session_save_memory(used.other, 0, sampler, &bytes, &count),
              MAMBA_OK);
    mamba_free(bytes);
    return 1;
  });
  EXPECT_EQ(meddled.tokens.size(), 5u);
  EXPECT_EQ(meddled.tokens, plain.tokens);
  // Afterwards it is free, also after a call that failed.
  uint32_t slot = 1;
  EXPECT_REFUSED(mamba_session_generate(
                     session, &slot, &meddled.sampler, 1, 1,
                     [](void *, const int32_t *, size_t) { return 0; }, nullptr),
                 "no pending logits");
  EXPECT_EQ(mamba_sampler_reset(meddled.sampler), MAMBA_OK);
  for (mamba_sampler *sampler : {plain.sampler, meddled.sampler})
    mamba_sampler_destroy(sampler);
  mamba_session_destroy(other);
}

} // namespace
