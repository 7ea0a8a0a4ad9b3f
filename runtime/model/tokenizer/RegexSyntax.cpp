#include "runtime/model/tokenizer/RegexSyntax.h"

#include "runtime/model/tokenizer/Unicode.h"
#include "runtime/support/Quote.h"
#include "runtime/support/Utf8.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <vector>

namespace mamba {

namespace {

// White_Space as the inside of a class. PCRE2's own \s has U+180E besides.
constexpr std::string_view kSpaces =
    "\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}"
    "\\x{2029}\\x{202f}\\x{205f}\\x{3000}";
constexpr std::string_view kWord = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";
// Outside of a class Oniguruma's \w has these of Latin-1 too.
constexpr std::string_view kWordLatin1 = "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}";

constexpr std::array<std::string_view, 33> kCategories = {
    "L",  "Lu", "Ll", "Lt", "Lm", "Lo", "M",  "Mn", "Mc", "Me", "N",
    "Nd", "Nl", "No", "P",  "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po",
    "S",  "Sm", "Sc", "Sk", "So", "Z",  "Zs", "Zl", "Zp", "Cc", "Cf"};
constexpr std::array<std::string_view, 11> kScripts = {
    "Arabic", "Cyrillic", "Devanagari", "Greek", "Han", "Hangul",
    "Hebrew", "Hiragana", "Katakana",   "Latin", "Thai"};

// Pairs that Oniguruma, ignoring case, also finds as one character ("ss" in
// U+00DF, "fi" in U+FB01), which PCRE2 does not.
constexpr std::array<std::string_view, 5> kFoldedPairs = {"ff", "fi", "fl",
                                                          "ss", "st"};

class Translator {
public:
  explicit Translator(std::string_view pattern) : pattern_(pattern) {}

  Result<std::string> run() {
    while (at_ < pattern_.size()) {
      size_t start = at_;
      if (!step()) {
        size_t shown = std::max(at_, start + 1) - start;
        return invalidData("the part " +
                           inQuotes(pattern_.substr(start, shown)) +
                           " at byte " + std::to_string(start) +
                           " of the regular expression " + inQuotes(pattern_) +
                           " is not supported");
      }
    }
    if (!groups_.empty())
      return invalidData("the regular expression " + inQuotes(pattern_) +
                         " has an open '('");
    return std::move(out_);
  }

private:
  // What a quantifier would find before it.
  enum class Before { Nothing, Atom };
  struct Group {
    bool caseless; // outside of the group
    bool look;
  };

  bool starts(std::string_view with) const {
    return pattern_.substr(at_).starts_with(with);
  }
  bool take(std::string_view with) {
    if (!starts(with))
      return false;
    at_ += with.size();
    return true;
  }
  uint32_t next() {
    CodePoint c = codePointAt(pattern_, at_);
    at_ += c.length;
    return c.value;
  }

  void emitCode(uint32_t code) {
    char text[16];
    std::snprintf(text, sizeof text, "\\x{%x}", code);
    out_ += text;
  }

  // Each step reads one construct; false: not supported.
  bool step() {
    char c = pattern_[at_];
    switch (c) {
    case '(':
      return openGroup();
    case ')':
      ++at_;
      if (groups_.empty())
        return false;
      out_ += ')';
      before_ = groups_.back().look ? Before::Nothing : Before::Atom;
      caseless_ = groups_.back().caseless;
      groups_.pop_back();
      return true;
    case '|':
      ++at_;
      out_ += '|';
      before_ = Before::Nothing;
      lastLetter_ = 0;
      return true;
    case '.':
      ++at_;
      return atom("[^\\x{a}]");
    case '[':
      return characterClass();
    case '*':
    case '+':
    case '?':
    case '{':
      return quantifier();
    case '^':
    case '$':
      ++at_;
      return false;
    case '\\':
      return escapeOutside();
    default:
      return literal(next());
    }
  }

  bool atom(std::string_view text) {
    out_ += text;
    before_ = Before::Atom;
    lastLetter_ = 0;
    return true;
  }

  bool literal(uint32_t code) {
    if (caseless_) {
      if (code >= 0x80)
        return false;
      char letter = static_cast<char>(
          code >= 'A' && code <= 'Z' ? code - 'A' + 'a' : code);
      char pair[2] = {lastLetter_, letter};
      if (std::find(kFoldedPairs.begin(), kFoldedPairs.end(),
                    std::string_view(pair, 2)) != kFoldedPairs.end())
        return false;
      lastLetter_ = letter;
    }
    emitCode(code);
    before_ = Before::Atom;
    return true;
  }

  bool openGroup() {
    bool caseless = caseless_, look = false;
    if (take("(?:"))
      out_ += "(?:";
    else if (take("(?i:")) {
      out_ += "(?i:";
      caseless_ = true;
      lastLetter_ = 0;
    } else if (take("(?>"))
      out_ += "(?>";
    else if (starts("(?=") || starts("(?!")) {
      out_ += pattern_.substr(at_, 3);
      at_ += 3;
      look = true;
    } else if (starts("(?<=") || starts("(?<!")) {
      out_ += pattern_.substr(at_, 4);
      at_ += 4;
      look = true;
    } else if (take("(?"))
      return false;
    else {
      ++at_;
      out_ += "(?:";
    }
    if (groups_.size() >= 100)
      return false;
    groups_.push_back({caseless, look});
    before_ = Before::Nothing;
    return true;
  }

  std::optional<int> number() {
    int value = 0;
    size_t start = at_;
    while (at_ < pattern_.size() && pattern_[at_] >= '0' &&
           pattern_[at_] <= '9') {
      value = value * 10 + (pattern_[at_++] - '0');
      if (value > 1000)
        return std::nullopt;
    }
    if (at_ == start)
      return std::nullopt;
    return value;
  }

  bool quantifier() {
    if (before_ == Before::Nothing) {
      ++at_;
      return false;
    }
    before_ = Before::Nothing; // one quantifier an atom
    lastLetter_ = 0;
    char c = pattern_[at_++];
    if (c != '{') {
      out_ += c;
      if (starts("?") || starts("+"))
        out_ += pattern_[at_++];
      return true;
    }
    std::optional<int> low = number();
    if (!low)
      return false;
    out_ += '{' + std::to_string(*low);
    bool range = take(",");
    if (range) {
      out_ += ',';
      if (!starts("}")) {
        std::optional<int> high = number();
        if (!high || *high < *low)
          return false;
        out_ += std::to_string(*high);
      }
    }
    if (!take("}"))
      return false;
    out_ += '}';
    // Ruby reads `{n}?` as "n or none", and `{n,m}+` as a second quantifier.
    if (starts("+") || (!range && starts("?"))) {
      ++at_;
      return false;
    }
    if (take("?"))
      out_ += '?';
    return true;
  }

  // What an escape stands for: a character, or a set, as the inside of a class.
  struct Escape {
    std::optional<uint32_t> code;
    std::string set;
    bool negatedSet = false; // the complement of `set`
  };

  std::optional<uint32_t> hexDigits(size_t least, size_t most) {
    uint32_t value = 0;
    size_t n = 0;
    for (; n < most && at_ < pattern_.size(); ++n, ++at_) {
      char c = pattern_[at_];
      int digit = c >= '0' && c <= '9'   ? c - '0'
                  : c >= 'a' && c <= 'f' ? c - 'a' + 10
                  : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                         : -1;
      if (digit < 0)
        break;
      value = value * 16 + static_cast<uint32_t>(digit);
    }
    if (n < least || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
      return std::nullopt;
    return value;
  }

  std::optional<Escape> property(bool negated) {
    if (!take("{"))
      return std::nullopt;
    size_t end = pattern_.find('}', at_);
    if (end == std::string_view::npos)
      return std::nullopt;
    std::string_view name = pattern_.substr(at_, end - at_);
    at_ = end + 1;
    std::string set = negated ? "\\P{" : "\\p{";
    if (std::find(kScripts.begin(), kScripts.end(), name) != kScripts.end())
      set += "sc:"; // PCRE2's default is Script_Extensions
    else if (std::find(kCategories.begin(), kCategories.end(), name) ==
             kCategories.end())
      return std::nullopt;
    return Escape{std::nullopt, set + std::string(name) + "}"};
  }

  std::optional<Escape> escape() {
    ++at_; // the backslash
    if (at_ == pattern_.size())
      return std::nullopt;
    uint32_t c = next();
    switch (c) {
    case 'n':
      return Escape{0x0A, {}};
    case 'r':
      return Escape{0x0D, {}};
    case 't':
      return Escape{0x09, {}};
    case 'f':
      return Escape{0x0C, {}};
    case 'v':
      return Escape{0x0B, {}};
    case 's':
      return Escape{std::nullopt, std::string(kSpaces)};
    case 'S':
      return Escape{std::nullopt, std::string(kSpaces), true};
    case 'w':
      return Escape{std::nullopt, std::string(kWord)};
    case 'W':
      return Escape{std::nullopt, std::string(kWord), true};
    case 'd':
      return Escape{std::nullopt, "\\p{Nd}"};
    case 'D':
      return Escape{std::nullopt, "\\P{Nd}"};
    case 'p':
    case 'P': {
      std::optional<Escape> found = property(c == 'P');
      // Under (?i) PCRE2 reads \p{Lu} as any cased letter.
      return caseless_ ? std::nullopt : found;
    }
    case 'x': {
      bool braces = take("{");
      std::optional<uint32_t> code = braces ? hexDigits(1, 6) : hexDigits(2, 2);
      // Without braces it is a byte, not a character.
      if (!code || (!braces && *code >= 0x80) || (braces && !take("}")))
        return std::nullopt;
      return Escape{code, {}};
    }
    case 'u': {
      std::optional<uint32_t> code = hexDigits(4, 4);
      return code ? std::optional<Escape>(Escape{code, {}}) : std::nullopt;
    }
    default:
      if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
          (c >= 'A' && c <= 'Z'))
        return std::nullopt;
      return Escape{c, {}};
    }
  }

  bool escapeOutside() {
    std::optional<Escape> found = escape();
    if (!found)
      return false;
    if (found->code)
      return literal(*found->code);
    if (caseless_)
      return false;
    if (found->set == kWord)
      found->set += kWordLatin1;
    return atom((found->negatedSet ? "[^" : "[") + found->set + "]");
  }

  bool characterClass() {
    std::string set = take("[^") ? "[^" : (++at_, "[");
    bool any = false, afterRange = false;
    uint32_t last = 0; // the character before, as a range's start
    auto add = [&](uint32_t code) {
      char text[16];
      std::snprintf(text, sizeof text, "\\x{%x}", code);
      set += text;
      any = true;
    };
    while (at_ < pattern_.size()) {
      char c = pattern_[at_];
      if (c == ']') {
        ++at_;
        return any && atom(set + "]");
      }
      if (c == '[' || starts("&&")) {
        ++at_;
        return false;
      }
      bool dash = c == '-';
      Escape item;
      if (c == '\\') {
        std::optional<Escape> found = escape();
        if (!found)
          return false;
        item = *found;
      } else {
        item.code = next();
      }
      if (!item.code) {
        if (caseless_ || afterRange)
          return false;
        if (item.negatedSet) {
          if (item.set != kSpaces)
            return false;
          item.set = "\\P{White_Space}";
        }
        set += item.set;
        any = true;
        // "[\w-x]" is read in different ways.
        if (starts("-") && !starts("-]"))
          return false;
        continue;
      }
      if (caseless_ && *item.code >= 0x80)
        return false;
      if (afterRange) {
        // The end of a range: `set` ends with its start and a dash.
        if (*item.code < last)
          return false;
        add(*item.code);
        afterRange = false;
        if (starts("-") && !starts("-]"))
          return false;
        continue;
      }
      // A dash is itself at either end, else it makes a range.
      if (dash && any && !starts("]"))
        return false;
      add(*item.code);
      last = *item.code;
      if (starts("-") && !starts("-]")) {
        ++at_;
        set += '-';
        afterRange = true;
      }
    }
    return false;
  }

  std::string_view pattern_;
  size_t at_ = 0;
  std::string out_;
  std::vector<Group> groups_;
  bool caseless_ = false;
  char lastLetter_ = 0; // the letter before, where case is ignored
  Before before_ = Before::Nothing;
};

} // namespace

Result<std::string> translateRegex(std::string_view pattern) {
  if (pattern.empty() || pattern.size() > 16384)
    return invalidData("a regular expression must have 1 to 16384 bytes, got " +
                       std::to_string(pattern.size()));
  return Translator(pattern).run();
}

} // namespace mamba
