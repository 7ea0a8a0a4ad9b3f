// Added tokens: recognised in the text before anything else looks at it.
#pragma once

#include "runtime/model/tokenizer/Bpe.h"
#include "runtime/model/tokenizer/Regex.h"
#include "runtime/support/Status.h"

#include <nlohmann/json.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace mamba {

struct AddedToken {
  int32_t id;
  std::string content;
  std::string pattern; // what is looked for: normalised, if `normalized`
  bool singleWord;     // only where no word character stands beside it
  bool stripLeft;      // takes the white space before it
  bool stripRight;     // takes the white space after it
  bool normalized;     // is looked for in the normalised text
  bool special;
};

/// A part of a text: an added token, or text between them (`id` -1).
struct TextPart {
  Span span;
  int32_t id;
};

/// Finds tokens, of several that start at one place the longest.
class TokenMatcher {
public:
  /// Fails when the pattern is there already.
  Status add(const AddedToken &token);

  /// The parts of valid UTF-8, in order. A token that strips may overlap with
  /// the token before it, as in `tokenizers`.
  std::vector<TextPart> split(std::string_view text) const;

private:
  struct Node {
    const AddedToken *token = nullptr; // borrowed from AddedTokens
  };
  static constexpr uint64_t edge(uint32_t node, unsigned char byte) {
    return uint64_t{node} << 8 | byte;
  }

  // A trie; node 0 is its root.
  std::vector<Node> nodes_{1};
  std::unordered_map<uint64_t, uint32_t> edges_;
  std::array<bool, 256> starts_{}; // bytes that a pattern starts with
};

/// Not copyable, since the matchers point into `tokens`.
class AddedTokens {
public:
  AddedTokens() = default;
  AddedTokens(AddedTokens &&) = default;
  AddedTokens &operator=(AddedTokens &&) = default;

  /// `json` is the value of "added_tokens"; `normalize` says whether the
  /// normalizer is NFC.
  static Result<AddedTokens> fromJson(const nlohmann::json &json,
                                      const TextMap<int32_t> &vocabulary,
                                      bool normalize);

  const std::vector<AddedToken> &tokens() const { return tokens_; }
  /// For the text as it came.
  const TokenMatcher &raw() const { return raw_; }
  /// For the normalised text between those.
  const TokenMatcher &normalized() const { return normalized_; }

private:
  std::vector<AddedToken> tokens_;
  TokenMatcher raw_, normalized_;
};

} // namespace mamba
