// Pieces of text as they come are whole characters, and sum up to the whole.
#include "TokenizerSamples.h"

#include "runtime/model/tokenizer/StreamDecoder.h"
#include "runtime/model/tokenizer/Unicode.h"
#include "runtime/support/Utf8.h"

#include <random>

namespace mamba::test {
namespace {

class Streaming : public ::testing::TestWithParam<const char *> {};

TEST_P(Streaming, EqualsDecodingTheWhole) {
  std::string path = dataPath(GetParam());
  auto tokenizer = Tokenizer::fromJson(readFile(path), path);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  std::mt19937 random(11);
  for (int round = 0; round < 3000; ++round) {
    bool skip = random() % 2;
    Ids ids(random() % 40);
    // Half of the ids are low: single bytes, which make invalid sequences.
    for (int32_t &id : ids)
      id = static_cast<int32_t>(random() %
                                (random() % 2 ? 260 : tokenizer->size()));
    StreamDecoder decoder(*tokenizer, skip);
    std::string joined;
    for (int32_t id : ids) {
      auto piece = decoder.push(id);
      ASSERT_TRUE(piece.ok()) << piece.status().message();
      ASSERT_TRUE(isValidUtf8(*piece));
      joined += *piece;
    }
    std::string rest = decoder.flush();
    ASSERT_TRUE(isValidUtf8(rest));
    ASSERT_EQ(joined + rest, decode(*tokenizer, ids, skip));
    ASSERT_EQ(decoder.flush(), "");
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Streaming,
    ::testing::Values("models/shakespeare/tokenizer.json",
                      "tokenizer/nfc_added.tokenizer.json",
                      "tokenizer/byte_fallback.tokenizer.json"),
    [](const auto &info) { return "Tokenizer" + std::to_string(info.index); });

// Bytes wait for the rest of their character, and no longer.
TEST(Utf8Assembler, HoldsBackUnfinishedCharacters) {
  Utf8Assembler assembler;
  std::string out;
  auto push = [&](std::string_view bytes) {
    out.clear();
    assembler.push(bytes, out);
    return out;
  };
  EXPECT_EQ(push("a\xF0\x9F"), "a");
  EXPECT_EQ(push("\x98"), "");
  EXPECT_EQ(push("\x80"
                 "b"),
            "\xF0\x9F\x98\x80"
            "b");
  EXPECT_EQ(push("\xE2\x82"), "");
  EXPECT_EQ(push("z"), "\uFFFDz");
  EXPECT_EQ(push("\x80\xC3"), "\uFFFD");
  out.clear();
  assembler.flush(out);
  EXPECT_EQ(out, "\uFFFD");
}

TEST(Utf8Assembler, EqualsReplacingTheWhole) {
  std::mt19937 random(12);
  const std::string_view bytes = "az\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xED"
                                 "\xA0\xC0\xFF\xF4\x90";
  for (int round = 0; round < 5000; ++round) {
    std::string text(random() % 20, 0);
    for (char &c : text)
      c = bytes[random() % bytes.size()];
    Utf8Assembler assembler;
    std::string joined;
    for (size_t at = 0; at < text.size();) {
      size_t n = 1 + random() % 3;
      std::string piece;
      assembler.push(std::string_view(text).substr(at, n), piece);
      ASSERT_TRUE(isValidUtf8(piece));
      joined += piece;
      at += n;
    }
    assembler.flush(joined);
    ASSERT_EQ(joined, replaceInvalidUtf8(text));
  }
}

// With the decoder ByteFallback a run of bytes is text, or nothing but U+FFFD.
TEST(StreamDecoder, JudgesRunsOfByteTokensAsAWhole) {
  nlohmann::json json = tinyJson();
  json["decoder"] = {{"type", "ByteFallback"}};
  json["model"]["vocab"].update({{"<0xC3>", 10}, {"<0xA9>", 11}});
  Tokenizer tokenizer = load(json);
  EXPECT_EQ(decode(tokenizer, {0, 10, 11, 1}), "a\u00e9b");
  EXPECT_EQ(decode(tokenizer, {10, 11, 10, 1}), "\uFFFD\uFFFD\uFFFDb");
  StreamDecoder decoder(tokenizer);
  EXPECT_EQ(*decoder.push(10), "");
  EXPECT_EQ(*decoder.push(11), "");
  EXPECT_EQ(*decoder.push(1), "\u00e9b");
}

TEST(StreamDecoder, RefusesUnknownIdsAndGoesOn) {
  StreamDecoder decoder(load(tinyJson()));
  EXPECT_EQ(decoder.push(10).status().message(),
            "the token id 10 is not in 0 to 9");
  EXPECT_EQ(*decoder.push(8), "abc");
}

} // namespace
} // namespace mamba::test
