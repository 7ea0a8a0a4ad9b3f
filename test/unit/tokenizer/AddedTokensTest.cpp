// Added tokens are cut out of the text first, by the library's rules.
#include "TokenizerSamples.h"

namespace mamba::test {
namespace {

Tokenizer withToken(const std::string &content,
                    std::initializer_list<const char *> flags) {
  nlohmann::json json = tinyJson();
  json["added_tokens"] = {addedToken(10, content)};
  for (const char *flag : flags)
    json["added_tokens"][0][flag] = true;
  return load(json);
}

TEST(AddedTokens, StandAnywhereInTheText) {
  Tokenizer tokenizer = withToken("<x>", {});
  EXPECT_EQ(encode(tokenizer, "a<x>b<x><x>"), (Ids{0, 10, 1, 10, 10}));
  EXPECT_EQ(encode(tokenizer, "a<xb"), (Ids{0, 1}));
  EXPECT_EQ(decode(tokenizer, {0, 10, 1}), "a<x>b");
}

TEST(AddedTokens, TakeTheLongest) {
  nlohmann::json json = tinyJson();
  json["added_tokens"] = {addedToken(10, "<x"), addedToken(11, "<xyz>"),
                          addedToken(12, "xyz")};
  Tokenizer tokenizer = load(json);
  EXPECT_EQ(encode(tokenizer, "<xyz>"), (Ids{11}));
  EXPECT_EQ(encode(tokenizer, "<xyza"), (Ids{10, 0}));
  EXPECT_EQ(encode(tokenizer, "xyz"), (Ids{12}));
}

TEST(AddedTokens, StripWhiteSpace) {
  EXPECT_EQ(encode(withToken("<x>", {}), "a <x> a"), (Ids{0, 6, 10, 9}));
  EXPECT_EQ(encode(withToken("<x>", {"lstrip"}), "a \u3000<x> a"),
            (Ids{0, 10, 9}));
  EXPECT_EQ(encode(withToken("<x>", {"rstrip"}), "a <x> \n\t\u0085a"),
            (Ids{0, 6, 10, 0}));
}

TEST(AddedTokens, SingleWordsStandAlone) {
  Tokenizer tokenizer = withToken("fed", {"single_word"});
  EXPECT_EQ(encode(tokenizer, "fed fed,fed"), (Ids{10, 6, 10, 10}));
  EXPECT_EQ(encode(tokenizer, "afed"), (Ids{0, 5, 4, 3}));
  EXPECT_EQ(encode(tokenizer, "fed_"), (Ids{5, 4, 3}));
  EXPECT_EQ(encode(tokenizer, "fed\u0301"), (Ids{5, 4, 3}));
}

// A normalised token is looked for in the normalised text, in its NFC form.
TEST(AddedTokens, AreNormalizedOnDemand) {
  nlohmann::json json = tinyJson();
  json["normalizer"] = {{"type", "NFC"}};
  json["added_tokens"] = {addedToken(10, "e\u0301"), addedToken(11, "o\u0301")};
  json["added_tokens"][0]["normalized"] = true;
  Tokenizer tokenizer = load(json);
  EXPECT_EQ(encode(tokenizer, "\u00e9 e\u0301"), (Ids{10, 6, 10}));
  EXPECT_EQ(encode(tokenizer, "o\u0301\u00f3"), (Ids{11}));
  // As in the library, the normalised form is decoded, and U+00E9 is the
  // byte-level letter of an unfinished character.
  EXPECT_EQ(decode(tokenizer, {10, 11}), "\uFFFDo\u0301");
  EXPECT_EQ(*tokenizer.contentOf(10), "e\u0301");
}

TEST(AddedTokens, AreSkippedIfSpecial) {
  Tokenizer special = withToken("<x>", {"special"});
  EXPECT_EQ(decode(special, {0, 10, 1}, true), "ab");
  EXPECT_EQ(decode(special, {0, 10, 1}, false), "a<x>b");
  EXPECT_EQ(decode(withToken("<x>", {}), {0, 10, 1}, true), "a<x>b");
}

} // namespace
} // namespace mamba::test
