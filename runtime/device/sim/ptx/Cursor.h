// The token under the reader's eye, and the words of its failures.
#pragma once

#include "runtime/device/sim/ptx/Lexer.h"
#include "runtime/support/Status.h"

#include <limits>
#include <string>
#include <string_view>

namespace mamba::ptx {

/// "1 byte", "2 bytes".
std::string counted(uint64_t count, const char *what);

class Cursor {
public:
  /// Both are borrowed.
  Cursor(std::string_view text, const std::string &what)
      : text_(text), what_(what), lexer_(text), token_(lexer_.next()) {}

  const Token &token() const { return token_; }
  void advance() { token_ = lexer_.next(); }
  /// The token, passed over.
  Token take();

  bool atMark(char mark) const { return token_.isMark(mark); }
  bool atName() const { return token_.kind == Token::Kind::Name; }
  bool atDotted() const { return token_.kind == Token::Kind::Dotted; }
  bool atEnd() const { return token_.kind == Token::Kind::End; }

  bool accept(char mark);
  bool acceptDotted(std::string_view word);
  Status expect(char mark);
  Status expectName(const char *wish, Token &name);
  /// A name for something that is declared here: any but '_'.
  Status expectNewName(const char *wish, Token &name);
  /// An integer between `min` and `max`, both included; no sign.
  Status expectInteger(const char *wish, uint64_t &value, uint64_t min = 0,
                       uint64_t max = std::numeric_limits<uint64_t>::max());

  /// "<what>: line 17: 'the text of the line': message".
  Status fail(const Token &token, const std::string &message) const;
  Status fail(const std::string &message) const { return fail(token_, message); }
  /// Where a wish is not what stands there.
  Status expected(const std::string &wish) const;

  /// The text between two places: one line, without comments.
  std::string oneLine(size_t begin, size_t end) const;

private:
  std::string_view text_;
  const std::string &what_;
  Lexer lexer_;
  Token token_;
};

} // namespace mamba::ptx
