#include "runtime/device/sim/ptx/Lexer.h"

#include <bit>
#include <charconv>

namespace mamba::ptx {

static bool isDigit(char c) { return c >= '0' && c <= '9'; }
static bool isHexDigit(char c) {
  return isDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
static bool isLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool startsName(char c) { return isLetter(c) || c == '_' || c == '$' || c == '%'; }
static bool continuesName(char c) { return isLetter(c) || isDigit(c) || c == '_' || c == '$'; }

bool Lexer::skipSpace() {
  while (position_ < text_.size()) {
    char c = text_[position_];
    if (c == '\n')
      ++line_;
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f') {
      ++position_;
    } else if (c == '/' && at(position_ + 1) == '/') {
      size_t end = text_.find('\n', position_);
      position_ = end == std::string_view::npos ? text_.size() : end;
    } else if (c == '/' && at(position_ + 1) == '*') {
      size_t end = text_.find("*/", position_ + 2);
      if (end == std::string_view::npos)
        return false;
      for (; position_ < end + 2; ++position_)
        line_ += text_[position_] == '\n';
    } else {
      break;
    }
  }
  return true;
}

size_t Lexer::skipWhile(bool (*accepts)(char), size_t position) const {
  while (position < text_.size() && accepts(text_[position]))
    ++position;
  return position;
}

Token Lexer::take(Token::Kind kind, size_t end) {
  Token token;
  token.kind = kind;
  token.line = line_;
  token.offset = position_;
  token.end = end;
  token.text = text_.substr(position_, end - position_);
  position_ = end;
  return token;
}

Token Lexer::error(std::string_view problem) {
  // Stays an error: whoever reads on gets it again.
  Token token = take(Token::Kind::Error, position_);
  token.text = problem;
  return token;
}

Token Lexer::next() {
  if (!skipSpace())
    return error("a comment that does not end, expected '*/'");
  if (position_ == text_.size())
    return take(Token::Kind::End, position_);
  char c = text_[position_];
  if (startsName(c))
    return take(Token::Kind::Name, skipWhile(continuesName, position_ + 1));
  if (isDigit(c))
    return number();
  if (c == '.')
    return dotted();
  if (c == '"')
    return string();
  if (std::string_view("{}[]()<>,;:@!|+-=*").find(c) == std::string_view::npos)
    return error("a character that PTX does not have");
  Token token = take(Token::Kind::Mark, position_ + 1);
  token.mark = c;
  return token;
}

Token Lexer::dotted() {
  size_t start = position_ + 1, end = start;
  for (;;) {
    size_t wordEnd = skipWhile(continuesName, end);
    if (wordEnd == end)
      return error("a dot without a word after it");
    end = wordEnd;
    if (at(end) != ':' || at(end + 1) != ':')
      break;
    end += 2;
  }
  Token token = take(Token::Kind::Dotted, end);
  token.text.remove_prefix(1);
  return token;
}

Token Lexer::string() {
  size_t end = position_ + 1;
  while (at(end) != '"') {
    if (end >= text_.size() || text_[end] == '\n')
      return error("a string that does not end on its line");
    end += text_[end] == '\\' && at(end + 1) != '\n' ? 2 : 1;
  }
  Token token = take(Token::Kind::String, end + 1);
  token.text = token.text.substr(1, token.text.size() - 2);
  return token;
}

Token Lexer::number() {
  if (text_[position_] == '0') {
    switch (at(position_ + 1)) {
    case 'x':
    case 'X':
      return integer(position_ + 2, skipWhile(isHexDigit, position_ + 2), 16);
    case 'b':
    case 'B':
      return integer(position_ + 2, skipWhile(isDigit, position_ + 2), 2);
    case 'f':
    case 'F':
      return hexFloat(8);
    case 'd':
    case 'D':
      return hexFloat(16);
    }
  }
  size_t end = skipWhile(isDigit, position_);
  bool isExponent = at(end) == 'e' || at(end) == 'E';
  if (isExponent || (at(end) == '.' && isDigit(at(end + 1))))
    return decimalFloat(end);
  return integer(position_, end, text_[position_] == '0' && end > position_ + 1 ? 8 : 10);
}

Token Lexer::integer(size_t digits, size_t end, int base) {
  uint64_t bits = 0;
  const char *first = text_.data() + digits, *last = text_.data() + end;
  auto [stop, failure] = std::from_chars(first, last, bits, base);
  if (failure == std::errc::result_out_of_range)
    return error("an integer of more than 64 bits");
  if (failure != std::errc() || stop != last)
    return error("a malformed number");
  if (at(end) == 'U')
    ++end;
  if (continuesName(at(end)))
    return error("a malformed number");
  Token token = take(Token::Kind::Integer, end);
  token.bits = bits;
  return token;
}

Token Lexer::hexFloat(size_t digits) {
  size_t start = position_ + 2, end = skipWhile(isHexDigit, start);
  if (end - start != digits || continuesName(at(end)))
    return error(digits == 8 ? "a malformed number, expected 0f and 8 hexadecimal digits"
                             : "a malformed number, expected 0d and 16 hexadecimal digits");
  uint64_t bits = 0;
  std::from_chars(text_.data() + start, text_.data() + end, bits, 16);
  Token token = take(Token::Kind::Float, end);
  token.bits = bits;
  token.isF32Bits = digits == 8;
  return token;
}

Token Lexer::decimalFloat(size_t end) {
  if (at(end) == '.')
    end = skipWhile(isDigit, end + 1);
  if (at(end) == 'e' || at(end) == 'E') {
    ++end;
    if (at(end) == '+' || at(end) == '-')
      ++end;
    end = skipWhile(isDigit, end);
  }
  double value = 0;
  const char *last = text_.data() + end;
  auto [stop, failure] = std::from_chars(text_.data() + position_, last, value);
  if (failure != std::errc() || stop != last || continuesName(at(end)))
    return error("a malformed number");
  Token token = take(Token::Kind::Float, end);
  token.bits = std::bit_cast<uint64_t>(value);
  return token;
}

} // namespace mamba::ptx
