// PTX text as tokens, one at a time. Comments are skipped.
#pragma once

#include <cstdint>
#include <string_view>

namespace mamba::ptx {

struct Token {
  enum class Kind : uint8_t {
    End,
    Name,    // "mov", "%r1", "$L__BB0_1", "_"
    Dotted,  // "global", "shared::cta", "2d": what follows the dot
    Integer, // bits
    Float,   // bits: of a double, or of a float (isF32Bits)
    String,  // what stands in the quotes
    Mark,    // one character of punctuation
    Error    // text says what is wrong
  };
  Kind kind = Kind::End;
  char mark = 0;
  bool isF32Bits = false;
  uint32_t line = 1;
  uint64_t bits = 0;
  size_t offset = 0, end = 0; // in the text
  std::string_view text;

  bool isMark(char c) const { return kind == Kind::Mark && mark == c; }
};

class Lexer {
public:
  /// `text` is borrowed, and so are the tokens' texts.
  explicit Lexer(std::string_view text) : text_(text) {}

  Token next();

private:
  char at(size_t position) const { return position < text_.size() ? text_[position] : 0; }
  /// False where a comment does not end.
  bool skipSpace();
  size_t skipWhile(bool (*accepts)(char), size_t position) const;
  Token take(Token::Kind kind, size_t end);
  Token error(std::string_view problem);
  Token dotted();
  Token number();
  Token decimalFloat(size_t end);
  Token hexFloat(size_t digits);
  Token integer(size_t digits, size_t end, int base);
  Token string();

  std::string_view text_;
  size_t position_ = 0; // Never behind the end of the text.
  uint32_t line_ = 1;
};

} // namespace mamba::ptx
