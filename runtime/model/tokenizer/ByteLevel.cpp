#include "runtime/model/tokenizer/ByteLevel.h"

#include "runtime/model/tokenizer/Unicode.h"
#include "runtime/support/Utf8.h"

#include <array>
#include <cstdint>

namespace mamba {

namespace {

struct Alphabet {
  std::array<uint16_t, 256> letterOf{};
  std::array<int16_t, 512> byteOf{}; // -1: not a letter

  constexpr Alphabet() {
    byteOf.fill(-1);
    // Visible Latin-1 stands for itself; the others follow from U+0100 on.
    uint16_t next = 0x100;
    for (int b = 0; b < 256; ++b) {
      bool visible = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b != 0xAD);
      letterOf[b] = visible ? static_cast<uint16_t>(b) : next++;
      byteOf[letterOf[b]] = static_cast<int16_t>(b);
    }
  }
};

constexpr Alphabet alphabet;

} // namespace

void appendByteLetters(std::string_view bytes, std::string &out) {
  for (char c : bytes) {
    uint16_t letter = alphabet.letterOf[static_cast<unsigned char>(c)];
    if (letter < 0x80)
      out.push_back(static_cast<char>(letter));
    else
      appendUtf8(out, letter);
  }
}

std::string bytesOfToken(std::string_view token) {
  std::string bytes;
  for (size_t at = 0; at < token.size();) {
    CodePoint c = codePointAt(token, at);
    at += c.length;
    if (c.value >= 512 || alphabet.byteOf[c.value] < 0)
      return std::string(token);
    bytes.push_back(static_cast<char>(alphabet.byteOf[c.value]));
  }
  return bytes;
}

} // namespace mamba
