// The byte-level alphabet of GPT-2: each byte is a visible character.
#pragma once

#include <string>
#include <string_view>

namespace mamba {

/// Appends the letter of each byte: 0x20 becomes U+0120 "Ġ".
void appendByteLetters(std::string_view bytes, std::string &out);

/// The bytes that a token's letters stand for, or the token itself where a
/// character of it is no letter of the alphabet. `token` is valid UTF-8.
std::string bytesOfToken(std::string_view token);

} // namespace mamba
