// A tokenizer.json that is wrong, absurd or unsupported: one clear line each.
#include "TokenizerSamples.h"

namespace mamba::test {
namespace {

struct Change {
  const char *name;
  const char *pointer; // what is changed in the tiny tokenizer
  const char *value;   // to this JSON
  const char *message; // a part of the refusal
};

void PrintTo(const Change &change, std::ostream *out) { *out << change.name; }

class Refused : public ::testing::TestWithParam<Change> {};

TEST_P(Refused, SaysWhy) {
  const Change &change = GetParam();
  nlohmann::json json = tinyJson();
  json[nlohmann::json::json_pointer(change.pointer)] =
      nlohmann::json::parse(change.value);
  std::string message = refusal(json);
  EXPECT_EQ(message.rfind("tiny: ", 0), 0u) << message;
  EXPECT_NE(message.find(change.message), std::string::npos) << message;
}

#define TOKEN(id, content, rest)                                               \
  "{\"id\": " id ", \"content\": " content ", \"single_word\": false, "        \
  "\"lstrip\": false, \"rstrip\": false, \"normalized\": true, "               \
  "\"special\": false" rest "}"
#define SPLIT(regex)                                                           \
  "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"" regex                    \
  "\"}, \"behavior\": \"Isolated\", \"invert\": false}"

const Change kChanges[] = {
    // Ids.
    {"NegativeId", "/model/vocab/a", "-1", "'model': 'vocab': 'a' must be"},
    {"HugeId", "/model/vocab/a", "1099511627776", "'vocab': 'a' must be"},
    {"TooLargeId", "/model/vocab/a", "4194304", "'vocab': 'a' must be"},
    {"FractionalId", "/model/vocab/a", "1.5", "'vocab': 'a' must be"},
    {"TextId", "/model/vocab/a", "\"1\"", "'vocab': 'a' must be"},
    {"SameIdTwice", "/model/vocab/a", "1", "'vocab' gives id 1 to '"},
    {"EmptyToken", "/model/vocab/", "10", "use tokens that are not empty"},
    {"NegativeAddedId", "/added_tokens", "[" TOKEN("-1", "\"x\"", "") "]",
     "'added_tokens': [0]: 'id' must be"},
    {"HugeAddedId", "/added_tokens",
     "[" TOKEN("1099511627776", "\"x\"", "") "]", "[0]: 'id' must be"},
    {"OtherAddedId", "/added_tokens", "[" TOKEN("12", "\"x\"", "") "]",
     "'id' is 12, but the token 'x' gets id 10, the next one"},
    {"OtherIdThanVocabulary", "/added_tokens", "[" TOKEN("3", "\"a\"", "") "]",
     "'id' is 3, but the token 'a' gets id 0 from 'vocab'"},
    // Types.
    {"ModelMissing", "/model", "null", "'model': must be an object"},
    {"ModelList", "/model", "[]", "'model': must be an object"},
    {"VocabularyList", "/model/vocab", "[]", "'vocab' must be an object"},
    {"VocabularyNull", "/model/vocab", "null", "'vocab'"},
    {"VocabularyEmpty", "/model/vocab", "{}", "'vocab' must have a token"},
    {"MergesObject", "/model/merges", "{}", "'merges' must be an array"},
    {"MergesNull", "/model/merges", "null", "'merges'"},
    {"MergeNumber", "/model/merges/1", "7", "'merges'[1]: must be a string"},
    {"MergeMixed", "/model/merges/1", "[\"a\", \"b\"]",
     "'merges'[1]: must be a string"},
    {"MergeTriple", "/model/merges", "[[\"a\", \"b\", \"c\"]]",
     "'merges'[0]: must be an array of two strings"},
    {"MergeOneWord", "/model/merges/0", "\"ab\"",
     "'merges'[0]: 'ab' must be two tokens and a space"},
    {"MergeThreeWords", "/model/merges/0", "\"a b c\"",
     "'merges'[0]: 'a b c' must be two tokens and a space"},
    {"MergeUnknownLeft", "/model/merges/0", "\"x b\"",
     "'merges'[0]: the token 'x' is not in 'vocab'"},
    {"MergeUnknownRight", "/model/merges/0", "\"a x\"",
     "'merges'[0]: the token 'x' is not in 'vocab'"},
    {"MergeUnknownResult", "/model/merges/0", "\"a c\"",
     "'merges'[0]: the token 'ac' is not in 'vocab'"},
    {"MergeTwice", "/model/merges/1", "\"a b\"",
     "'merges'[1]: the pair 'a', 'b' occurs twice"},
    {"FlagText", "/model/byte_fallback", "\"yes\"", "'byte_fallback' must be"},
    {"UnknownTokenNumber", "/model/unk_token", "3", "'unk_token' must be"},
    {"AddedTokensObject", "/added_tokens", "{}", "'added_tokens' must be"},
    {"AddedTokenText", "/added_tokens", "[\"x\"]",
     "'added_tokens': [0]: must be an object"},
    {"AddedTokenEmpty", "/added_tokens", "[" TOKEN("10", "\"\"", "") "]",
     "[0]: 'content' must have 1 to 1024 bytes, got 0"},
    {"AddedTokenTwice", "/added_tokens",
     "[" TOKEN("10", "\"x\"", "") ", " TOKEN("11", "\"x\"", "") "]", "'x'"},
    {"AddedTokenFlagMissing", "/added_tokens",
     "[{\"id\": 10, \"content\": \"x\"}]", "'single_word'"},
    {"PreTokenizerText", "/pre_tokenizer", "\"ByteLevel\"",
     "'pre_tokenizer': must be an object or null, got a string"},
    {"PrefixSpaceMissing", "/pre_tokenizer", "{\"type\": \"ByteLevel\"}",
     "'add_prefix_space'"},
    // What is not supported.
    {"OtherVersion", "/version", "\"2.0\"", "'version' is '2.0'"},
    {"Truncation", "/truncation", "{\"max_length\": 5}",
     "'truncation' is an object, not supported; use null"},
    {"Padding", "/padding", "{}", "'padding' is an object"},
    {"UnknownKey", "/surprise", "1", "'surprise' is 1, not supported"},
    {"UnknownModelKey", "/model/surprise", "true",
     "'model': 'surprise' is true, not supported"},
    {"OtherModel", "/model/type", "\"Unigram\"",
     "'model': 'type' is 'Unigram', not supported"},
    {"Dropout", "/model/dropout", "0.1", "'dropout' is 0.1"},
    {"Prefix", "/model/continuing_subword_prefix", "\"##\"",
     "'continuing_subword_prefix' is '##'"},
    {"Suffix", "/model/end_of_word_suffix", "\"</w>\"",
     "'end_of_word_suffix' is '</w>'"},
    {"OtherNormalizer", "/normalizer", "{\"type\": \"NFKC\"}",
     "'normalizer': 'type' is 'NFKC', not supported; use NFC or null"},
    {"NormalizerInSequence", "/normalizer",
     "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Lowercase\"}]}",
     "'type' is 'Lowercase'"},
    {"OtherPreTokenizer", "/pre_tokenizer", "{\"type\": \"Metaspace\"}",
     "'pre_tokenizer': 'type' is 'Metaspace', not supported"},
    {"PreTokenizerInSequence", "/pre_tokenizer",
     "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": "
     "\"Whitespace\"}]}",
     "'pre_tokenizer': pretokenizers[0]: 'type' is 'Whitespace'"},
    {"OtherBehavior", "/pre_tokenizer",
     "{\"type\": \"Split\", \"pattern\": {\"String\": \" \"}, "
     "\"behavior\": \"Sideways\", \"invert\": false}",
     "'behavior' is 'Sideways', not supported"},
    {"EmptyPattern", "/pre_tokenizer",
     "{\"type\": \"Split\", \"pattern\": {\"String\": \"\"}, "
     "\"behavior\": \"Isolated\", \"invert\": false}",
     "'String' is '', not supported"},
    {"OtherPattern", "/pre_tokenizer",
     "{\"type\": \"Split\", \"pattern\": {\"Glob\": \"*\"}, "
     "\"behavior\": \"Isolated\", \"invert\": false}",
     "'pattern' is an object, not supported"},
    {"UnsupportedRegex", "/pre_tokenizer", SPLIT("a\\\\b"),
     "'pre_tokenizer': 'Regex': the part '\\\\b' at byte 1"},
    {"BrokenRegex", "/pre_tokenizer", SPLIT("(?<=a+)b"),
     "'Regex': the regular expression does not compile"},
    {"HugeRegex", "/pre_tokenizer",
     SPLIT("(?:(?:(?:(?:[^a]{1000}){1000}){1000}){1000})"),
     "'Regex': the regular expression does not compile"},
    {"OtherPostProcessor", "/post_processor",
     "{\"type\": \"BertProcessing\", \"sep\": [\"a\", 0], \"cls\": [\"b\", 1]}",
     "'post_processor': 'type' is 'BertProcessing', not supported"},
    {"TemplateWithoutToken", "/post_processor",
     "{\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": "
     "{\"id\": \"<s>\", \"type_id\": 0}}], \"pair\": [], "
     "\"special_tokens\": {}}",
     "'post_processor': 'special_tokens': '<s>'"},
    {"TemplateIdOutOfRange", "/post_processor",
     "{\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": "
     "{\"id\": \"<s>\", \"type_id\": 0}}], \"pair\": [], \"special_tokens\": "
     "{\"<s>\": {\"id\": \"<s>\", \"ids\": [10], \"tokens\": [\"<s>\"]}}}",
     "'special_tokens': '<s>': 'ids[0]' must be an integer from 0 to 9"},
    {"TemplateWithPair", "/post_processor",
     "{\"type\": \"TemplateProcessing\", \"single\": [{\"Sequence\": "
     "{\"id\": \"B\", \"type_id\": 0}}], \"pair\": [], "
     "\"special_tokens\": {}}",
     "'id' is 'B', not supported"},
    {"NoDecoder", "/decoder", "null", "'decoder' is null, not supported"},
    {"OtherDecoder", "/decoder", "{\"type\": \"WordPiece\"}",
     "'decoder': 'type' is 'WordPiece', not supported"},
    {"FuseBeforeBytes", "/decoder",
     "{\"type\": \"Sequence\", \"decoders\": [{\"type\": \"Fuse\"}, "
     "{\"type\": \"ByteLevel\"}]}",
     "'decoders' is an array, not supported"},
};

INSTANTIATE_TEST_SUITE_P(All, Refused, ::testing::ValuesIn(kChanges),
                         [](const auto &info) { return info.param.name; });

TEST(HostileInput, IsNoJson) {
  EXPECT_EQ(refusal(std::string("")).rfind("tiny: ", 0), 0u);
  EXPECT_EQ(refusal(std::string("{\"model\": ")).rfind("tiny: ", 0), 0u);
  EXPECT_EQ(refusal(std::string("[]")),
            "tiny: must be an object, got an array");
  EXPECT_NE(refusal(std::string(100000, '[')), "(accepted)");
  EXPECT_NE(refusal(std::string("{\"a\": \"\xFF\"}")), "(accepted)");
}

TEST(HostileInput, NamesATokenTwice) {
  std::string text = tinyJson().dump();
  size_t at = text.find("\"b\":1");
  ASSERT_NE(at, std::string::npos);
  text.insert(at, "\"b\":1,");
  EXPECT_NE(refusal(text).find("b"), std::string::npos);
  EXPECT_NE(refusal(text), "(accepted)");
}

// A new token may not get an id that a gap in the vocabulary leads to.
TEST(HostileInput, AddsATokenWithATakenId) {
  nlohmann::json json = tinyJson();
  json["model"]["vocab"].erase("f");
  json["model"]["vocab"]["zz"] = 5;
  EXPECT_EQ(refusal(json), "(accepted)");
  json["model"]["vocab"].erase("zz"); // now nine tokens, ids 0 to 9
  json["added_tokens"] = {addedToken(9, "x")};
  EXPECT_NE(refusal(json).find("id 9 of 'x' is taken in 'vocab'"),
            std::string::npos)
      << refusal(json);
}

TEST(HostileInput, AddsTokensThatAreOneWhenNormalized) {
  nlohmann::json json = tinyJson();
  json["normalizer"] = {{"type", "NFC"}};
  json["added_tokens"] = {addedToken(10, "\u00e9"), addedToken(11, "e\u0301")};
  EXPECT_EQ(refusal(json), "(accepted)");
  json["added_tokens"][0]["normalized"] = true;
  json["added_tokens"][1]["normalized"] = true;
  EXPECT_NE(refusal(json).find("are the same to the normalizer"),
            std::string::npos);
}

TEST(HostileInput, HasALongAddedToken) {
  nlohmann::json json = tinyJson();
  json["added_tokens"] = {addedToken(10, std::string(1024, 'x'))};
  EXPECT_EQ(refusal(json), "(accepted)");
  json["added_tokens"] = {addedToken(10, std::string(1025, 'x'))};
  EXPECT_NE(refusal(json).find("1 to 1024 bytes, got 1025"), std::string::npos);
}

TEST(HostileInput, NestsSequences) {
  nlohmann::json json = tinyJson(), step = json["pre_tokenizer"];
  for (int i = 0; i < 4; ++i)
    step = {{"type", "Sequence"}, {"pretokenizers", {step}}};
  json["pre_tokenizer"] = step;
  EXPECT_EQ(refusal(json), "(accepted)");
  json["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", {step}}};
  EXPECT_NE(refusal(json).find("nested more than 4 deep"), std::string::npos);
  std::vector<nlohmann::json> many(
      33, {{"type", "Digits"}, {"individual_digits", true}});
  json["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", many}};
  EXPECT_NE(refusal(json).find("more than 32 steps"), std::string::npos);
}

// Else a text would double in each of many steps.
TEST(HostileInput, RepeatsByteLevel) {
  nlohmann::json json = tinyJson(), step = json["pre_tokenizer"];
  json["pre_tokenizer"] = {{"type", "Sequence"},
                           {"pretokenizers", {step, step}}};
  EXPECT_EQ(refusal(json),
            "tiny: 'pre_tokenizer': pretokenizers[1]: 'type' is 'ByteLevel', "
            "not supported; use one ByteLevel only");
}

TEST(HostileInput, HasAbsurdSizes) {
  // Views of a length that nobody reads.
  std::string small = "x";
  EXPECT_EQ(Tokenizer::fromJson({small.data(), (size_t{256} << 20) + 1}, "tiny")
                .status()
                .message(),
            "tiny: the tokenizer has 268435457 bytes; at most 256 MiB are "
            "supported");
  EXPECT_EQ(load(tinyJson())
                .encode({small.data(), (size_t{1} << 30) + 1})
                .status()
                .message(),
            "the text has 1073741825 bytes; at most 1 GiB can be encoded at "
            "once");
}

TEST(HostileInput, HasTooManyOrTooLongAddedTokens) {
  auto added = [](size_t count, size_t bytes) {
    nlohmann::json json = tinyJson();
    nlohmann::json token = nlohmann::json::parse(TOKEN("10", "\"x\"", ""));
    token["content"] = std::string(bytes, 'x');
    json["added_tokens"] = std::vector<nlohmann::json>(count, token);
    return json;
  };
  EXPECT_EQ(refusal(added(1, 1025)),
            "tiny: 'added_tokens': [0]: 'content' must have 1 to 1024 bytes, "
            "got 1025");
  EXPECT_TRUE(Tokenizer::fromJson(added(1, 1024).dump(), "tiny").ok());
  EXPECT_EQ(refusal(added(262145, 1)),
            "tiny: 'added_tokens': there are 262145 tokens; at most 262144 are "
            "supported");
}

// A regular expression that runs away fails for the text, not for ever.
TEST(HostileInput, Backtracks) {
  nlohmann::json json = tinyJson();
  json["pre_tokenizer"] = nlohmann::json::parse(SPLIT("(a+)+[bc]"));
  Tokenizer tokenizer = load(json);
  EXPECT_EQ(encode(tokenizer, "aab"), (Ids{0, 7}));
  auto ids = tokenizer.encode(std::string(100000, 'a'));
  ASSERT_FALSE(ids.ok());
  EXPECT_EQ(ids.status().message(),
            "a regular expression of pre_tokenizer fails at byte 0 of the "
            "text: match limit exceeded");
}

} // namespace
} // namespace mamba::test
