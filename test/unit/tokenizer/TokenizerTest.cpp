// The public functions, on a tokenizer small enough to check by hand.
#include "TokenizerSamples.h"

#include <thread>

namespace mamba::test {
namespace {

TEST(Tokenizer, MergesByRank) {
  Tokenizer tokenizer = load(tinyJson());
  EXPECT_EQ(encode(tokenizer, "abcab"), (Ids{8, 7}));
  EXPECT_EQ(encode(tokenizer, "a ab"), (Ids{0, 6, 7})); // "a b" before "Ġ a"
  EXPECT_EQ(encode(tokenizer, "a a"), (Ids{0, 9}));
  EXPECT_EQ(encode(tokenizer, ""), Ids{});
  EXPECT_EQ(decode(tokenizer, {9, 7, 8}), " aababc");
  EXPECT_EQ(decode(tokenizer, {}), "");
}

TEST(Tokenizer, NamesItsTokens) {
  nlohmann::json json = tinyJson();
  json["added_tokens"] = {addedToken(10, "<x>"), addedToken(0, "a")};
  json["added_tokens"][0]["special"] = true;
  Tokenizer tokenizer = load(json);
  EXPECT_EQ(tokenizer.size(), 11);
  EXPECT_EQ(*tokenizer.idOf("Ġa"), 9);
  EXPECT_EQ(*tokenizer.idOf("<x>"), 10);
  EXPECT_EQ(*tokenizer.contentOf(9), "Ġa");
  EXPECT_EQ(*tokenizer.contentOf(10), "<x>");
  EXPECT_TRUE(tokenizer.isSpecial(10));
  EXPECT_FALSE(tokenizer.isSpecial(0));
  EXPECT_FALSE(tokenizer.isSpecial(11));
  EXPECT_FALSE(tokenizer.isSpecial(-1));
  EXPECT_EQ(tokenizer.idOf("zz").status().message(),
            "the tokenizer has no token 'zz'");
  EXPECT_EQ(tokenizer.contentOf(11).status().message(),
            "the token id 11 is not in 0 to 10");
}

TEST(Tokenizer, RefusesIdsWithoutToken) {
  nlohmann::json json = tinyJson();
  json["model"]["vocab"]["zz"] = 20;
  Tokenizer tokenizer = load(json);
  EXPECT_EQ(tokenizer.size(), 21);
  EXPECT_EQ(tokenizer.decode(Ids{0, 15}).status().message(),
            "the token id 15 has no token");
  EXPECT_EQ(tokenizer.contentOf(15).status().message(),
            "the token id 15 has no token");
  for (int32_t id : {-1, 21, INT32_MAX, INT32_MIN})
    EXPECT_EQ(tokenizer.decode(Ids{id}).status().code(),
              StatusCode::InvalidArgument);
}

// Characters outside of the vocabulary: dropped, unknown, or a failure.
TEST(Tokenizer, TreatsUnknownCharactersAsDeclared) {
  nlohmann::json json = tinyJson();
  EXPECT_EQ(encode(load(json), "axxc"), (Ids{0, 2}));
  json["model"]["unk_token"] = "f";
  EXPECT_EQ(encode(load(json), "axxc"), (Ids{0, 5, 5, 2}));
  json["model"]["fuse_unk"] = true;
  EXPECT_EQ(encode(load(json), "axxc"), (Ids{0, 5, 2}));
  json["model"]["unk_token"] = "<unk>";
  EXPECT_EQ(load(json).encode("axb").status().message(),
            "the text has 'x', which is not in 'vocab', and neither is the "
            "'unk_token' '<unk>'");
}

// Each maximal part of an invalid sequence becomes one U+FFFD.
TEST(Tokenizer, ReadsInvalidUtf8AsReplacementCharacters) {
  std::string path = dataPath("models/shakespeare/tokenizer.json");
  auto tokenizer = Tokenizer::fromJson(readFile(path), path);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  for (auto [text, repaired] :
       std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"a\xFFz", "a\uFFFDz"},
           {"\xE2\x82", "\uFFFD"},
           {"\xE2\x82z", "\uFFFDz"},
           {"\xC0\x80", "\uFFFD\uFFFD"},
           {"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},
           {"\xF0\x9F\x98z\x80", "\uFFFDz\uFFFD"},
           {"\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"}})
    EXPECT_EQ(encode(*tokenizer, text), encode(*tokenizer, repaired));
}

TEST(Tokenizer, ReadsBothFormsOfMerges) {
  nlohmann::json json = tinyJson();
  json["model"]["merges"] =
      nlohmann::json::parse(R"([["a", "b"], ["ab", "c"], ["Ġ", "a"]])");
  EXPECT_EQ(encode(load(json), "abcab a"), (Ids{8, 7, 9}));
  json["model"]["merges"] = {"#version: 0.2", "a b", "ab c"};
  EXPECT_EQ(encode(load(json), "abcab a"), (Ids{8, 7, 6, 0}));
}

TEST(Tokenizer, IgnoresMergesForWholeWords) {
  nlohmann::json json = tinyJson();
  json["model"]["vocab"]["fed"] = 10;
  EXPECT_EQ(encode(load(json), "fed"), (Ids{5, 4, 3}));
  json["model"]["ignore_merges"] = true;
  EXPECT_EQ(encode(load(json), "fed"), (Ids{10}));
  EXPECT_EQ(encode(load(json), "fedf"), (Ids{5, 4, 3, 5}));
}

// A tokenizer is a value that threads share.
TEST(Tokenizer, IsSharedByThreads) {
  Tokenizer tokenizer = load(tinyJson());
  std::string text;
  for (int i = 0; i < 2000; ++i)
    text += "abc fed cab ";
  Ids wanted = encode(tokenizer, text);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, copy = tokenizer] {
      for (int k = 0; k < 5; ++k)
        EXPECT_EQ(encode(copy, text), wanted);
    });
  for (std::thread &thread : threads)
    thread.join();
}

} // namespace
} // namespace mamba::test
