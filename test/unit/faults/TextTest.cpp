// Text to tokens and back, and samplers, where memory ends.
#include "test/unit/faults/Scenario.h"

#include "test/unit/model/FakeModel.h"
#include "test/unit/support/TempFolder.h"

#include <gtest/gtest.h>

using namespace mamba;
using namespace mamba::test;

namespace {

class TextFaults : public testing::Test {
protected:
  /// A pack with this tokenizer of test/data.
  void open(const char *tokenizer) {
    PackOptions options;
    options.tokenizer =
        slurp(std::string(MAMBA_TEST_DATA "/tokenizer/") + tokenizer);
    path = folder.add("text.mpk", fakePackBytes(options));
  }
  static void must(mamba_status status) {
    ASSERT_EQ(status, MAMBA_OK) << mamba_last_error();
  }

  TempFolder folder;
  std::string path;
  const std::string text =
      "na\u00efve \u4f60\u597d <x> it's 2026 \U0001f600 a\u0301";
};

} // namespace

// A pack that once had no memory for its tokenizer has one when there is some.
TEST_F(TextFaults, CreateTokenizer) {
  open("byte_fallback.tokenizer.json");
  mamba_pack *pack = nullptr;
  mamba_tokenizer *tokenizer = nullptr;
  Scenario scenario;
  scenario.before = [&] { must(mamba_pack_open(path.c_str(), &pack)); };
  scenario.act = [&] {
    return statusOf(mamba_tokenizer_create(pack, &tokenizer));
  };
  scenario.after = [&](const Status &status) {
    if (!status.ok())
      must(mamba_tokenizer_create(pack, &tokenizer));
    EXPECT_GT(mamba_tokenizer_size(tokenizer), 0);
    mamba_tokenizer_destroy(tokenizer);
    mamba_pack_close(pack);
  };
  runWithFaults(scenario);
}

TEST_F(TextFaults, EncodeAndDecode) {
  for (const char *name :
       {"byte_fallback.tokenizer.json", "nfc_added.tokenizer.json",
        "split_behaviors.tokenizer.json"}) {
    open(name);
    mamba_pack *pack = nullptr;
    mamba_tokenizer *tokenizer = nullptr;
    must(mamba_pack_open(path.c_str(), &pack));
    must(mamba_tokenizer_create(pack, &tokenizer));
    int32_t *tokens = nullptr;
    char *decoded = nullptr;
    size_t count = 0, length = 0;
    auto act = [&]() -> Status {
      MAMBA_RETURN_IF_ERROR(statusOf(mamba_tokenizer_encode(
          tokenizer, text.data(), text.size(), &tokens, &count)));
      return statusOf(mamba_tokenizer_decode(tokenizer, tokens, count, 0,
                                             &decoded, &length));
    };
    auto giveBack = [&] {
      mamba_free(tokens);
      mamba_free(decoded);
      tokens = nullptr;
      decoded = nullptr;
    };
    must(mamba_status(act().code()));
    const std::vector<int32_t> expected(tokens, tokens + count);
    const std::string expectedText = decoded;
    giveBack();

    Scenario scenario;
    scenario.act = act;
    scenario.after = [&](const Status &status) {
      if (status.ok()) {
        EXPECT_EQ(std::vector<int32_t>(tokens, tokens + count), expected);
        EXPECT_EQ(decoded, expectedText);
      }
      giveBack();
    };
    runWithFaults(scenario);

    // A push that failed is done again, and nothing of the text is lost.
    mamba_decoder *decoder = nullptr;
    std::string streamed;
    size_t pushed = 0;
    const char *piece = nullptr;
    auto push = [&]() -> Status {
      for (; pushed < expected.size(); ++pushed) {
        MAMBA_RETURN_IF_ERROR(statusOf(
            mamba_decoder_push(decoder, expected[pushed], &piece, &length)));
        streamed.append(piece, length); // There is room.
      }
      MAMBA_RETURN_IF_ERROR(
          statusOf(mamba_decoder_flush(decoder, &piece, &length)));
      streamed.append(piece, length);
      return {};
    };
    scenario.before = [&] {
      must(mamba_decoder_create(tokenizer, 0, &decoder));
      streamed.clear();
      streamed.reserve(1000);
      pushed = 0;
    };
    scenario.act = push;
    scenario.after = [&](const Status &status) {
      if (!status.ok())
        must(mamba_status(push().code()));
      EXPECT_EQ(streamed, expectedText) << status.message();
      mamba_decoder_destroy(decoder);
    };
    runWithFaults(scenario);
    mamba_tokenizer_destroy(tokenizer);
    mamba_pack_close(pack);
  }
}

// A choice that failed is made again: the same token.
TEST_F(TextFaults, Sampler) {
  constexpr int64_t kColumns = 200;
  std::vector<float> logits(kColumns);
  for (size_t i = 0; i < logits.size(); ++i)
    logits[i] = float(i * 37 % 101) / 20;
  const int32_t seen[] = {1, 2, 3, 2};
  for (uint32_t topK : {0u, 12u}) {
    mamba_sampler *sampler = nullptr;
    int32_t first = -1, again = -1;
    bool isAccepted = false;
    auto act = [&]() -> Status {
      if (!sampler) {
        mamba_sampler_options options;
        mamba_sampler_options_init(&options);
        options.top_k = topK;
        options.top_p = 0.9;
        options.repetition_penalty = 1.3;
        MAMBA_RETURN_IF_ERROR(statusOf(
            mamba_sampler_create(kColumns, kColumns, &options, &sampler)));
      }
      if (!isAccepted)
        MAMBA_RETURN_IF_ERROR(
            statusOf(mamba_sampler_accept(sampler, seen, std::size(seen))));
      isAccepted = true;
      if (first < 0)
        MAMBA_RETURN_IF_ERROR(statusOf(
            mamba_sampler_sample(sampler, logits.data(), kColumns, &first)));
      return statusOf(
          mamba_sampler_sample(sampler, logits.data(), kColumns, &again));
    };
    std::vector<int32_t> expected;
    Scenario scenario;
    scenario.act = act;
    scenario.after = [&](const Status &status) {
      if (!status.ok())
        must(mamba_status(act().code()));
      if (expected.empty())
        expected = {first, again};
      EXPECT_EQ(first, expected[0]) << status.message();
      EXPECT_EQ(again, expected[1]) << status.message();
      mamba_sampler_destroy(sampler);
      sampler = nullptr;
      first = again = -1;
      isAccepted = false;
    };
    runWithFaults(scenario);
  }
}
