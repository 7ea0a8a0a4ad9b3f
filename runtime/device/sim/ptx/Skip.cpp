#include "runtime/device/sim/ptx/Skip.h"

namespace mamba::ptx {

Status skipLocation(Cursor &cursor) {
  uint64_t number;
  for (const char *wish : {"a file's number", "a line", "a column"})
    MAMBA_RETURN_IF_ERROR(cursor.expectInteger(wish, number));
  while (cursor.accept(',')) {
    Token word;
    MAMBA_RETURN_IF_ERROR(cursor.expectName("'function_name' or 'inlined_at'", word));
    if (word.text == "inlined_at") {
      for (const char *wish : {"a file's number", "a line", "a column"})
        MAMBA_RETURN_IF_ERROR(cursor.expectInteger(wish, number));
    } else if (word.text == "function_name") {
      MAMBA_RETURN_IF_ERROR(cursor.expectName("a label", word));
      if (cursor.accept('+'))
        MAMBA_RETURN_IF_ERROR(cursor.expectInteger("an offset", number));
    } else {
      return cursor.fail(word, "expected 'function_name' or 'inlined_at'");
    }
  }
  return {};
}

Status skipPragma(Cursor &cursor) {
  do {
    if (cursor.token().kind != Token::Kind::String)
      return cursor.expected("a string");
    cursor.advance();
  } while (cursor.accept(','));
  return cursor.expect(';');
}

Status skipFile(Cursor &cursor) {
  uint64_t number;
  MAMBA_RETURN_IF_ERROR(cursor.expectInteger("a file's number", number));
  if (cursor.token().kind != Token::Kind::String)
    return cursor.expected("a file's name");
  cursor.advance();
  // Its time and its size.
  while (cursor.accept(','))
    MAMBA_RETURN_IF_ERROR(cursor.expectInteger("a number", number));
  return {};
}

Status skipSection(Cursor &cursor) {
  if (!cursor.atDotted())
    return cursor.expected("a section's name");
  cursor.advance();
  MAMBA_RETURN_IF_ERROR(cursor.expect('{'));
  while (!cursor.accept('}')) {
    if (cursor.atEnd() || cursor.atMark('{') || cursor.token().kind == Token::Kind::Error)
      return cursor.expected("'}' at the end of a section");
    cursor.advance();
  }
  return {};
}

} // namespace mamba::ptx
