// A pack, a model and a session of the fake device, as C sees them.
#pragma once

#include "test/unit/model/FakeModel.h"

namespace mamba::test {

inline const char *const kTokenizer = R"({
  "version": "1.0", "truncation": null, "padding": null,
  "added_tokens": [{"id": 0, "content": "<|endoftext|>", "single_word": false,
    "lstrip": false, "rstrip": false, "normalized": false, "special": true}],
  "normalizer": null,
  "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false,
    "trim_offsets": true, "use_regex": true},
  "post_processor": null,
  "decoder": {"type": "ByteLevel", "add_prefix_space": true,
    "trim_offsets": true, "use_regex": true},
  "model": {"type": "BPE", "dropout": null, "unk_token": null,
    "continuing_subword_prefix": null, "end_of_word_suffix": null,
    "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
    "vocab": {"<|endoftext|>": 0, "a": 1, "b": 2, "c": 3, "Ġ": 4, "Ã": 5,
      "©": 6},
    "merges": []}})";

struct ApiTest : testing::Test {
  explicit ApiTest(PackOptions options = {.config = "{}",
                                          .tokenizer = kTokenizer})
      : fake(options), pack(fake.info), model(fake.model) {
    mamba_session_options sessionOptions{sizeof(sessionOptions), 2, 4, 0};
    EXPECT_EQ(mamba_session_create(&model, &sessionOptions, &session),
              MAMBA_OK);
  }
  ~ApiTest() override { mamba_session_destroy(session); }

  Fake fake;
  mamba_pack pack;
  mamba_model model;
  mamba_session *session = nullptr;
};

} // namespace mamba::test

#define EXPECT_REFUSED(call, words)                                            \
  do {                                                                         \
    EXPECT_NE((call), MAMBA_OK);                                               \
    EXPECT_NE(std::string(mamba_last_error()).find(words), std::string::npos)  \
        << mamba_last_error();                                                 \
  } while (false)
