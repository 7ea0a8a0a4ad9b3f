// Tokenizers for the tests: from files, and a tiny one to be changed.
#pragma once

#include "runtime/model/tokenizer/Tokenizer.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace mamba::test {

inline std::string readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << "cannot open " << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::string dataPath(const std::string &name) {
  return std::string(MAMBA_TEST_DATA) + "/" + name;
}

/// Letters a to f, the byte-level space and three merges; ids in that order.
inline nlohmann::json tinyJson() {
  return nlohmann::json::parse(R"({
    "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
    "normalizer": null,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false,
                      "trim_offsets": true, "use_regex": true},
    "post_processor": null,
    "decoder": {"type": "ByteLevel", "add_prefix_space": false,
                "trim_offsets": true, "use_regex": true},
    "model": {"type": "BPE", "dropout": null, "unk_token": null,
      "continuing_subword_prefix": null, "end_of_word_suffix": null,
      "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
      "vocab": {"a": 0, "b": 1, "c": 2, "d": 3, "e": 4, "f": 5, "Ġ": 6,
                "ab": 7, "abc": 8, "Ġa": 9},
      "merges": ["a b", "ab c", "Ġ a"]}})");
}

inline nlohmann::json addedToken(int id, const std::string &content) {
  return {{"id", id},        {"content", content}, {"single_word", false},
          {"lstrip", false}, {"rstrip", false},    {"normalized", false},
          {"special", false}};
}

/// The tokenizer; a test whose tokenizer is refused fails here.
inline Tokenizer load(const nlohmann::json &json) {
  auto tokenizer = Tokenizer::fromJson(json.dump(), "tiny");
  if (!tokenizer.ok())
    throw std::runtime_error(tokenizer.status().message());
  return *tokenizer;
}

/// The message of a refused tokenizer.json; it is one line.
inline std::string refusal(const std::string &json) {
  auto tokenizer = Tokenizer::fromJson(json, "tiny");
  if (tokenizer.ok())
    return "(accepted)";
  EXPECT_EQ(tokenizer.status().message().find('\n'), std::string::npos);
  return tokenizer.status().message();
}
inline std::string refusal(const nlohmann::json &json) {
  return refusal(json.dump());
}

inline std::vector<int32_t> encode(const Tokenizer &tokenizer,
                                   std::string_view text,
                                   bool addSpecialTokens = false) {
  auto ids = tokenizer.encode(text, addSpecialTokens);
  EXPECT_TRUE(ids.ok()) << ids.status().message();
  return ids.ok() ? *ids : std::vector<int32_t>{-1};
}

inline std::string decode(const Tokenizer &tokenizer,
                          const std::vector<int32_t> &ids,
                          bool skipSpecialTokens = false) {
  auto text = tokenizer.decode(ids, skipSpecialTokens);
  EXPECT_TRUE(text.ok()) << text.status().message();
  return text.ok() ? *text : "(failure)";
}

using Ids = std::vector<int32_t>;

} // namespace mamba::test
