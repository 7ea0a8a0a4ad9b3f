#include "runtime/device/sim/ptx/Cursor.h"

#include "runtime/support/Quote.h"

#include <algorithm>

namespace mamba::ptx {

static constexpr size_t kMaxShownLine = 120;

std::string counted(uint64_t count, const char *what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

Token Cursor::take() {
  Token token = token_;
  advance();
  return token;
}

bool Cursor::accept(char mark) {
  if (!atMark(mark))
    return false;
  advance();
  return true;
}

bool Cursor::acceptDotted(std::string_view word) {
  if (!atDotted() || token_.text != word)
    return false;
  advance();
  return true;
}

Status Cursor::expect(char mark) {
  return accept(mark) ? Status() : expected(inQuotes(std::string_view(&mark, 1)));
}

Status Cursor::expectName(const char *wish, Token &name) {
  if (!atName())
    return expected(wish);
  name = take();
  return {};
}

Status Cursor::expectNewName(const char *wish, Token &name) {
  return atName() && token_.text != "_" ? expectName(wish, name) : expected(wish);
}

Status Cursor::expectInteger(const char *wish, uint64_t &value, uint64_t min, uint64_t max) {
  if (token_.kind != Token::Kind::Integer)
    return expected(wish);
  if (token_.bits < min || token_.bits > max)
    return fail(std::string(wish) + " must be from " + std::to_string(min) + " to " +
                std::to_string(max) + ", got " + std::to_string(token_.bits));
  value = take().bits;
  return {};
}

Status Cursor::fail(const Token &token, const std::string &message) const {
  size_t begin = token.offset == 0 ? std::string_view::npos : text_.rfind('\n', token.offset - 1);
  begin = begin == std::string_view::npos ? 0 : begin + 1;
  size_t end = std::min(text_.find('\n', token.offset), text_.size());
  // Of a long line what stands around the token.
  if (end - begin > kMaxShownLine) {
    begin = std::max(begin, token.offset - std::min(token.offset, kMaxShownLine / 2));
    end = std::min(end, begin + kMaxShownLine);
  }
  std::string line = oneLine(begin, end);
  return invalidData(what_ + ": line " + std::to_string(token.line) + ": " +
                     (line.empty() ? "" : inQuotes(line) + ": ") +
                     (token.kind == Token::Kind::Error ? std::string(token.text) : message));
}

Status Cursor::expected(const std::string &wish) const {
  if (atEnd())
    return fail("expected " + wish + ", got the end of the text");
  size_t length = std::min<size_t>(token_.end - token_.offset, 60);
  return fail("expected " + wish + ", got " + inQuotes(text_.substr(token_.offset, length)));
}

std::string Cursor::oneLine(size_t begin, size_t end) const {
  std::string result;
  std::string_view text = text_.substr(begin, end - begin);
  for (size_t i = 0; i < text.size();) {
    if (text.substr(i).starts_with("//")) {
      i = std::min(text.find('\n', i), text.size());
    } else if (text.substr(i).starts_with("/*")) {
      size_t close = text.find("*/", i + 2);
      i = close == std::string_view::npos ? text.size() : close + 2;
    } else if (std::string_view(" \t\n\r\v\f").find(text[i]) != std::string_view::npos) {
      if (!result.empty() && result.back() != ' ')
        result += ' ';
      ++i;
    } else {
      result += text[i++];
    }
  }
  if (result.ends_with(' '))
    result.pop_back();
  return result;
}

} // namespace mamba::ptx
