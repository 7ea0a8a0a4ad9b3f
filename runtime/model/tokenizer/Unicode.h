// What the tokenizer needs to know of characters, and the NFC form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mamba {

/// One character of valid UTF-8.
struct CodePoint {
  uint32_t value;
  size_t length; // in bytes, 1 to 4
};

/// The character that starts at byte `at` of valid UTF-8.
CodePoint codePointAt(std::string_view text, size_t at);

/// The character that ends before byte `end`, which is greater than 0.
CodePoint codePointBefore(std::string_view text, size_t end);

/// How a text that may be invalid starts: with a whole character, with the
/// maximal part of one (the Unicode standard, section 3.9), or with a byte that
/// begins none. `length` is 0 for the empty text only.
struct Utf8Part {
  size_t length;
  bool whole;
  bool cut; // not whole, and only because the text ended
};
Utf8Part utf8PartAt(std::string_view text);

/// Valid UTF-8, each maximal part of an invalid sequence replaced by U+FFFD.
std::string replaceInvalidUtf8(std::string_view text);

/// The property White_Space.
bool isWhiteSpace(uint32_t codePoint);

/// What `\w` means to UTS #18: Alphabetic, M, Nd, Pc and Join_Control.
bool isWordCharacter(uint32_t codePoint);

/// The general categories Nd, Nl and No.
bool isNumeric(uint32_t codePoint);

/// ASCII punctuation and symbols, and the general categories P* as of Unicode
/// 8, which is what `tokenizers` goes by.
bool isPunctuation(uint32_t codePoint);

/// The canonical composition (NFC) of valid UTF-8, in time n log n.
std::string toNfc(std::string_view text);

} // namespace mamba
