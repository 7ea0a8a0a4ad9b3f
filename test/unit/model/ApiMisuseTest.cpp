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

} // namespace
