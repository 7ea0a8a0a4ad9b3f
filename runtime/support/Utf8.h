// UTF-8 as the Unicode standard defines it: shortest forms, no surrogates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mamba {

/// The length in bytes, 1 to 4, of the well-formed sequence that `text` starts
/// with; 0 when it starts with none.
size_t utf8SequenceLength(std::string_view text);

bool isValidUtf8(std::string_view text);

/// Appends a code point that is not a surrogate and at most 0x10FFFF.
void appendUtf8(std::string &text, uint32_t codePoint);

} // namespace mamba
