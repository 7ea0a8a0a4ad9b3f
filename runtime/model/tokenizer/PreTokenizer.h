// The pre-tokenizer: cuts a text into the words that BPE sees.
#pragma once

#include "runtime/model/tokenizer/Regex.h"
#include "runtime/support/Status.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace mamba {

/// A text and its non-empty pieces, which need not cover it.
struct Pieces {
  std::string text;
  std::vector<Span> spans;
};

/// What becomes of the matches of a splitting step.
enum class SplitBehavior {
  Removed,
  Isolated,
  MergedWithPrevious,
  MergedWithNext,
  Contiguous,
};

/// Reads ByteLevel, Split, Digits, Punctuation and Sequence. The steps run one
/// after the other, each on the pieces of the one before.
class PreTokenizer {
public:
  /// `json` is the value of "pre_tokenizer"; null: the text is one word.
  static Result<PreTokenizer> fromJson(const nlohmann::json &json);

  /// Cuts `pieces` further, and turns bytes into letters for ByteLevel.
  Status run(Pieces &pieces, RegexScratch &scratch) const;

private:
  struct Step {
    enum class Kind { ByteLevel, Regex, Literal, Digits, Punctuation };
    Kind kind;
    bool addPrefixSpace = false; // ByteLevel
    std::optional<Regex> regex;  // Regex; of ByteLevel, if it uses one
    std::string literal;         // Literal
    SplitBehavior behavior = SplitBehavior::Isolated;
    bool invert = false; // Regex and Literal: the matches are the words
  };

  Status addSteps(const nlohmann::json &json, int depth);
  Result<Step> byteLevelStep(const nlohmann::json &json);
  Result<Step> splitStep(const nlohmann::json &json);

  static Status runByteLevel(const Step &step, Pieces &pieces,
                             RegexScratch &scratch);
  static Status runSplit(const Step &step, Pieces &pieces,
                         RegexScratch &scratch);

  std::vector<Step> steps_;
};

} // namespace mamba
