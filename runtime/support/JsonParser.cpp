// parseJson of Json.h. A parser of our own because configurations hold bare
// `Infinity`, which the library refuses, and because it neither limits the
// depth, nor minds duplicate keys, nor tells where in the text it is.
#include "runtime/support/Json.h"

#include "runtime/support/Quote.h"
#include "runtime/support/Utf8.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <new>

namespace mamba {
namespace {

using nlohmann::json;

class Parser {
public:
  Parser(std::string_view text, const std::string &what)
      : text_(text), what_(what) {}

  Status parse(json &result) {
    MAMBA_RETURN_IF_ERROR(parseValue(result, 0));
    skipSpace();
    if (position_ < text_.size())
      return expected("the end of the text");
    return {};
  }

private:
  Status parseValue(json &result, int depth);
  Status parseObject(json &result, int depth);
  Status parseArray(json &result, int depth);
  Status parseString(std::string &result);
  Status parseEscape(std::string &result);
  Status parseHex4(uint32_t &unit);
  Status parseNumber(json &result);
  size_t skipDigits();

  char peek() const { return position_ < text_.size() ? text_[position_] : 0; }

  bool consume(std::string_view token) {
    if (!text_.substr(position_).starts_with(token))
      return false;
    position_ += token.size();
    return true;
  }

  void skipSpace() {
    while (position_ < text_.size() && isSpace(text_[position_]))
      ++position_;
  }

  static bool isSpace(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
  }
  /// Of a string: stands for itself, and for a character by itself.
  static bool isPlain(char c) {
    return c >= 0x20 && c <= 0x7e && c != '"' && c != '\\';
  }

  Status failAt(size_t position, const std::string &message) const {
    size_t line = 1, lineStart = 0;
    for (size_t i = 0; i < position; ++i) {
      if (text_[i] == '\n') {
        ++line;
        lineStart = i + 1;
      }
    }
    return invalidData(what_ + ": line " + std::to_string(line) + ", column " +
                       std::to_string(position - lineStart + 1) + ": " +
                       message);
  }

  Status expected(const std::string &wish) const {
    std::string fact =
        position_ < text_.size()
            ? inQuotes(text_.substr(
                  position_, std::max<size_t>(1, utf8SequenceLength(
                                                     text_.substr(position_)))))
            : "the end of the text";
    return failAt(position_, "expected " + wish + ", got " + fact);
  }

  std::string_view text_;
  const std::string &what_;
  size_t position_ = 0; // Never behind the end of the text.
};

Status Parser::parseValue(json &result, int depth) {
  skipSpace();
  switch (peek()) {
  case '{':
  case '[':
    if (depth == kMaxJsonDepth)
      return failAt(position_, "nested deeper than " +
                                   std::to_string(kMaxJsonDepth) + " levels");
    return peek() == '{' ? parseObject(result, depth + 1)
                         : parseArray(result, depth + 1);
  case '"': {
    std::string text;
    MAMBA_RETURN_IF_ERROR(parseString(text));
    result = std::move(text);
    return {};
  }
  }
  if (consume("true"))
    result = true;
  else if (consume("false"))
    result = false;
  else if (consume("null"))
    result = nullptr;
  else if (consume("NaN"))
    result = std::nan("");
  else if (consume("Infinity"))
    result = HUGE_VAL;
  else if (consume("-Infinity"))
    result = -HUGE_VAL;
  else if (peek() == '-' || (peek() >= '0' && peek() <= '9'))
    return parseNumber(result);
  else
    return expected("a value");
  return {};
}

Status Parser::parseObject(json &result, int depth) {
  result = json::object();
  auto &members = result.get_ref<json::object_t &>();
  consume("{");
  skipSpace();
  if (consume("}"))
    return {};
  while (true) {
    skipSpace();
    size_t start = position_;
    if (peek() != '"')
      return expected("a key in double quotes");
    std::string key;
    MAMBA_RETURN_IF_ERROR(parseString(key));
    auto [member, isNew] = members.try_emplace(std::move(key));
    if (!isNew)
      return failAt(start, "the key " + inQuotes(member->first) +
                               " occurs twice in an object");
    skipSpace();
    if (!consume(":"))
      return expected("':' after a key");
    MAMBA_RETURN_IF_ERROR(parseValue(member->second, depth));
    skipSpace();
    if (consume("}"))
      return {};
    if (!consume(","))
      return expected("',' or '}' in an object");
  }
}

Status Parser::parseArray(json &result, int depth) {
  result = json::array();
  auto &elements = result.get_ref<json::array_t &>();
  consume("[");
  skipSpace();
  if (consume("]"))
    return {};
  while (true) {
    elements.emplace_back();
    MAMBA_RETURN_IF_ERROR(parseValue(elements.back(), depth));
    skipSpace();
    if (consume("]"))
      return {};
    if (!consume(","))
      return expected("',' or ']' in an array");
  }
}

Status Parser::parseString(std::string &result) {
  size_t start = position_;
  consume("\"");
  while (true) {
    size_t plain = position_;
    while (position_ < text_.size() && isPlain(text_[position_]))
      ++position_;
    result.append(text_, plain, position_ - plain);
    if (position_ == text_.size())
      return failAt(start, "a string without its closing quote");
    if (consume("\""))
      return {};
    if (consume("\\")) {
      MAMBA_RETURN_IF_ERROR(parseEscape(result));
      continue;
    }
    if (uint8_t(text_[position_]) < 0x20)
      return failAt(position_, "a control character in a string, expected it "
                               "to be escaped");
    size_t length = utf8SequenceLength(text_.substr(position_));
    if (length == 0)
      return failAt(position_, "invalid UTF-8 in a string");
    result += text_.substr(position_, length);
    position_ += length;
  }
}

/// What follows a backslash.
Status Parser::parseEscape(std::string &result) {
  static constexpr std::string_view kLetters = "\"\\/bfnrt";
  static constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  size_t start = position_ - 1;
  if (position_ == text_.size())
    return failAt(start, "an escape without its letter");
  char letter = text_[position_];
  if (size_t i = kLetters.find(letter); i != std::string_view::npos) {
    ++position_;
    result += kMeanings[i];
    return {};
  }
  if (letter != 'u')
    return expected("one of \"\\/bfnrtu in an escape");

  uint32_t unit;
  MAMBA_RETURN_IF_ERROR(parseHex4(unit));
  if (unit >= 0xdc00 && unit <= 0xdfff)
    return failAt(start, "a low surrogate without a high one before it");
  if (unit >= 0xd800 && unit <= 0xdbff) {
    uint32_t low = 0;
    if (consume("\\") && peek() == 'u')
      MAMBA_RETURN_IF_ERROR(parseHex4(low));
    if (low < 0xdc00 || low > 0xdfff)
      return failAt(start, "a high surrogate without a low one behind it");
    unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
  }
  appendUtf8(result, unit);
  return {};
}

/// "u" and four hexadecimal digits.
Status Parser::parseHex4(uint32_t &unit) {
  consume("u");
  unit = 0;
  for (int i = 0; i < 4; ++i) {
    char digit = peek();
    uint32_t value;
    if (digit >= '0' && digit <= '9')
      value = digit - '0';
    else if (digit >= 'a' && digit <= 'f')
      value = digit - 'a' + 10;
    else if (digit >= 'A' && digit <= 'F')
      value = digit - 'A' + 10;
    else
      return expected("four hexadecimal digits after \\u");
    unit = unit * 16 + value;
    ++position_;
  }
  return {};
}

size_t Parser::skipDigits() {
  size_t start = position_;
  while (peek() >= '0' && peek() <= '9')
    ++position_;
  return position_ - start;
}

Status Parser::parseNumber(json &result) {
  size_t start = position_;
  bool negative = consume("-");
  if (!consume("0") && skipDigits() == 0)
    return expected("a digit");
  bool integral = true;
  if (consume(".")) {
    integral = false;
    if (skipDigits() == 0)
      return expected("a digit after the decimal point");
  }
  if (consume("e") || consume("E")) {
    integral = false;
    if (!consume("+"))
      consume("-");
    if (skipDigits() == 0)
      return expected("a digit in the exponent");
  }

  const char *first = text_.data() + start;
  const char *last = text_.data() + position_;
  if (integral) {
    int64_t low;
    uint64_t high;
    if (negative && std::from_chars(first, last, low).ec == std::errc()) {
      result = low;
      return {};
    }
    if (!negative && std::from_chars(first, last, high).ec == std::errc()) {
      result = high;
      return {};
    }
  }
  double value;
  if (std::from_chars(first, last, value).ec == std::errc()) {
    result = value;
    return {};
  }
  // Beyond a double's range. The library rounds the tiny to 0 and refuses the
  // huge, in any locale, which strtod does not.
  result = json::parse(first, last, nullptr, /*allow_exceptions=*/false);
  if (result.is_discarded())
    return failAt(start, "a number too large for a double");
  return {};
}

} // namespace

Result<json> parseJson(std::string_view text, const std::string &what) {
  try {
    json result;
    JsonScope scope(result);
    MAMBA_RETURN_IF_ERROR(Parser(text, what).parse(result));
    return result;
  } catch (const std::bad_alloc &) {
    return outOfMemory(what + ": no memory to parse " +
                       std::to_string(text.size()) + " bytes of JSON");
  }
}

} // namespace mamba
