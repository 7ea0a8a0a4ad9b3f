#include "runtime/model/tokenizer/PreTokenizer.h"

#include "runtime/model/tokenizer/ByteLevel.h"
#include "runtime/model/tokenizer/RegexSyntax.h"
#include "runtime/model/tokenizer/Support.h"
#include "runtime/model/tokenizer/Unicode.h"
#include "runtime/support/Json.h"

#include <algorithm>
#include <string_view>

namespace mamba {

namespace {

constexpr size_t kMaxSteps = 32;
// Symbols are counted in int32_t; ByteLevel at most doubles a text.
constexpr size_t kMaxTextBytes = INT32_MAX;

constexpr std::string_view kGpt2 =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+"
    "|\\s+(?!\\S)|\\s+";

Result<SplitBehavior> readBehavior(const nlohmann::json &json) {
  MAMBA_ASSIGN_OR_RETURN(std::string name, getString(json, "behavior"));
  if (name == "Removed")
    return SplitBehavior::Removed;
  if (name == "Isolated")
    return SplitBehavior::Isolated;
  if (name == "MergedWithPrevious")
    return SplitBehavior::MergedWithPrevious;
  if (name == "MergedWithNext")
    return SplitBehavior::MergedWithNext;
  if (name == "Contiguous")
    return SplitBehavior::Contiguous;
  return unsupportedValue("behavior", name,
                          "Removed, Isolated, MergedWithPrevious, "
                          "MergedWithNext or Contiguous");
}

// A match, or what lies between two.
struct Part {
  Span span;
  bool match;
};

// The matches with what lies between them, in order, covering the text.
std::vector<Part> coverWith(const std::vector<Span> &matches, uint32_t size) {
  std::vector<Part> parts;
  parts.reserve(2 * matches.size() + 1);
  uint32_t end = 0;
  for (Span match : matches) {
    if (end != match.begin)
      parts.push_back({{end, match.begin}, false});
    parts.push_back({match, true});
    end = match.end;
  }
  if (end != size)
    parts.push_back({{end, size}, false});
  return parts;
}

void findCharacters(std::string_view text, bool (*wanted)(uint32_t),
                    std::vector<Span> &matches) {
  for (size_t at = 0; at < text.size();) {
    CodePoint c = codePointAt(text, at);
    if (wanted(c.value))
      matches.push_back(
          {static_cast<uint32_t>(at), static_cast<uint32_t>(at + c.length)});
    at += c.length;
  }
}

void findLiteral(std::string_view text, std::string_view literal,
                 std::vector<Span> &matches) {
  for (size_t at = text.find(literal); at != std::string_view::npos;
       at = text.find(literal, at + literal.size()))
    matches.push_back({static_cast<uint32_t>(at),
                       static_cast<uint32_t>(at + literal.size())});
}

// Appends the pieces that `behavior` makes of the parts, shifted by `base`.
void appendPieces(const std::vector<Part> &parts, SplitBehavior behavior,
                  uint32_t base, std::vector<Span> &out) {
  std::vector<Span> pieces;
  auto mergeRun = [&](auto begin, auto end, auto extend) {
    // A match joins the piece before it (in the order of travel); for
    // Contiguous all neighbours of one sort join.
    bool previous = false;
    for (auto it = begin; it != end; ++it) {
      bool joins = behavior == SplitBehavior::Contiguous
                       ? it->match == previous
                       : it->match && !previous;
      if (joins && !pieces.empty())
        extend(pieces.back(), it->span);
      else
        pieces.push_back(it->span);
      previous = it->match;
    }
  };
  switch (behavior) {
  case SplitBehavior::Removed:
    for (const Part &part : parts)
      if (!part.match)
        pieces.push_back(part.span);
    break;
  case SplitBehavior::Isolated:
    for (const Part &part : parts)
      pieces.push_back(part.span);
    break;
  case SplitBehavior::MergedWithPrevious:
  case SplitBehavior::Contiguous:
    mergeRun(parts.begin(), parts.end(),
             [](Span &piece, Span add) { piece.end = add.end; });
    break;
  case SplitBehavior::MergedWithNext:
    mergeRun(parts.rbegin(), parts.rend(),
             [](Span &piece, Span add) { piece.begin = add.begin; });
    std::reverse(pieces.begin(), pieces.end());
    break;
  }
  for (Span piece : pieces)
    if (piece.begin != piece.end)
      out.push_back({piece.begin + base, piece.end + base});
}

} // namespace

Result<PreTokenizer> PreTokenizer::fromJson(const nlohmann::json &json) {
  PreTokenizer result;
  if (!json.is_null())
    MAMBA_RETURN_IF_ERROR(result.addSteps(json, 0));
  return result;
}

Status PreTokenizer::addSteps(const nlohmann::json &json, int depth) {
  if (!json.is_object())
    return invalidData("must be an object or null, got " +
                       describeJsonKind(json));
  MAMBA_ASSIGN_OR_RETURN(std::string type, getString(json, "type"));
  if (type == "Sequence") {
    MAMBA_RETURN_IF_ERROR(checkKeys(json, {"type", "pretokenizers"}));
    MAMBA_ASSIGN_OR_RETURN(const nlohmann::json *list,
                           getArray(json, "pretokenizers"));
    if (depth == 4)
      return invalidData("sequences are nested more than 4 deep");
    for (size_t i = 0; i < list->size(); ++i)
      MAMBA_RETURN_IF_ERROR(
          addSteps((*list)[i], depth + 1)
              .withContext("pretokenizers[" + std::to_string(i) + "]"));
    return {};
  }

  Step step{};
  if (type == "ByteLevel") {
    // A text doubles in each.
    for (const Step &earlier : steps_)
      if (earlier.kind == Step::Kind::ByteLevel)
        return unsupportedValue("type", type, "one ByteLevel only");
    MAMBA_ASSIGN_OR_RETURN(step, byteLevelStep(json));
  } else if (type == "Split") {
    MAMBA_ASSIGN_OR_RETURN(step, splitStep(json));
  } else if (type == "Digits") {
    MAMBA_RETURN_IF_ERROR(checkKeys(json, {"type", "individual_digits"}));
    MAMBA_ASSIGN_OR_RETURN(bool single, getBool(json, "individual_digits"));
    step.kind = Step::Kind::Digits;
    step.behavior =
        single ? SplitBehavior::Isolated : SplitBehavior::Contiguous;
  } else if (type == "Punctuation") {
    MAMBA_RETURN_IF_ERROR(checkKeys(json, {"type", "behavior"}));
    step.kind = Step::Kind::Punctuation;
    if (json.contains("behavior")) {
      MAMBA_ASSIGN_OR_RETURN(step.behavior, readBehavior(json));
    }
  } else {
    return unsupportedValue(
        "type", type, "ByteLevel, Split, Digits, Punctuation or Sequence");
  }
  if (steps_.size() == kMaxSteps)
    return invalidData("there are more than " + std::to_string(kMaxSteps) +
                       " steps");
  steps_.push_back(std::move(step));
  return {};
}

Result<PreTokenizer::Step>
PreTokenizer::byteLevelStep(const nlohmann::json &json) {
  MAMBA_RETURN_IF_ERROR(checkKeys(
      json, {"type", "add_prefix_space", "trim_offsets", "use_regex"}));
  Step step{};
  step.kind = Step::Kind::ByteLevel;
  MAMBA_ASSIGN_OR_RETURN(step.addPrefixSpace,
                         getBool(json, "add_prefix_space"));
  bool useRegex = true;
  if (json.contains("use_regex")) {
    MAMBA_ASSIGN_OR_RETURN(useRegex, getBool(json, "use_regex"));
  }
  if (useRegex) {
    MAMBA_ASSIGN_OR_RETURN(std::string pattern, translateRegex(kGpt2));
    MAMBA_ASSIGN_OR_RETURN(step.regex, Regex::compile(pattern));
  }
  return step;
}

Result<PreTokenizer::Step> PreTokenizer::splitStep(const nlohmann::json &json) {
  MAMBA_RETURN_IF_ERROR(
      checkKeys(json, {"type", "pattern", "behavior", "invert"}));
  MAMBA_ASSIGN_OR_RETURN(const nlohmann::json *pattern,
                         getObject(json, "pattern"));
  Step step{};
  MAMBA_ASSIGN_OR_RETURN(step.behavior, readBehavior(json));
  MAMBA_ASSIGN_OR_RETURN(step.invert, getBool(json, "invert"));
  if (pattern->size() != 1)
    return invalidData("'pattern' must have one member, 'Regex' or 'String'");
  if (pattern->contains("String")) {
    step.kind = Step::Kind::Literal;
    MAMBA_ASSIGN_OR_RETURN(step.literal, getString(*pattern, "String"));
    if (step.literal.empty())
      return unsupportedValue("String", "", "a text that is not empty");
    return step;
  }
  if (!pattern->contains("Regex"))
    return unsupportedValue("pattern", *pattern, "'Regex' or 'String' in it");
  step.kind = Step::Kind::Regex;
  MAMBA_ASSIGN_OR_RETURN(std::string source, getString(*pattern, "Regex"));
  auto translated = translateRegex(source);
  if (!translated.ok())
    return translated.status().withContext("'Regex'");
  auto regex = Regex::compile(*translated);
  if (!regex.ok())
    return regex.status().withContext("'Regex'");
  step.regex = *regex;
  return step;
}

Status PreTokenizer::run(Pieces &pieces, RegexScratch &scratch) const {
  for (const Step &step : steps_)
    MAMBA_RETURN_IF_ERROR(step.kind == Step::Kind::ByteLevel
                              ? runByteLevel(step, pieces, scratch)
                              : runSplit(step, pieces, scratch));
  return {};
}

Status PreTokenizer::runByteLevel(const Step &step, Pieces &pieces,
                                  RegexScratch &scratch) {
  Pieces out;
  out.text.reserve(pieces.text.size() + pieces.text.size() / 4);
  std::string prefixed;
  std::vector<Span> matches;
  for (Span span : pieces.spans) {
    std::string_view piece(pieces.text.data() + span.begin,
                           span.end - span.begin);
    if (step.addPrefixSpace && piece.front() != ' ') {
      prefixed = ' ';
      prefixed += piece;
      piece = prefixed;
    }
    // The regular expression matches everywhere, so that the parts of
    // Isolated are its matches.
    matches.clear();
    if (step.regex)
      MAMBA_RETURN_IF_ERROR(step.regex->findAll(piece, scratch, matches));
    else
      matches.push_back({0, static_cast<uint32_t>(piece.size())});
    for (Span match : matches) {
      size_t begin = out.text.size();
      appendByteLetters(piece.substr(match.begin, match.end - match.begin),
                        out.text);
      if (out.text.size() > kMaxTextBytes)
        return invalidArgument("the text grows beyond 2 GiB in pre_tokenizer");
      out.spans.push_back({static_cast<uint32_t>(begin),
                           static_cast<uint32_t>(out.text.size())});
    }
  }
  pieces = std::move(out);
  return {};
}

Status PreTokenizer::runSplit(const Step &step, Pieces &pieces,
                              RegexScratch &scratch) {
  std::vector<Span> out, matches;
  for (Span span : pieces.spans) {
    std::string_view piece(pieces.text.data() + span.begin,
                           span.end - span.begin);
    matches.clear();
    switch (step.kind) {
    case Step::Kind::Regex:
      MAMBA_RETURN_IF_ERROR(step.regex->findAll(piece, scratch, matches));
      break;
    case Step::Kind::Literal:
      findLiteral(piece, step.literal, matches);
      break;
    case Step::Kind::Digits:
      findCharacters(piece, isNumeric, matches);
      break;
    default:
      findCharacters(piece, isPunctuation, matches);
      break;
    }
    std::vector<Part> parts =
        coverWith(matches, static_cast<uint32_t>(piece.size()));
    if (step.invert)
      for (Part &part : parts)
        part.match = !part.match;
    appendPieces(parts, step.behavior, span.begin, out);
  }
  pieces.spans = std::move(out);
  return {};
}

} // namespace mamba
