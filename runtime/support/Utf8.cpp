#include "runtime/support/Utf8.h"

namespace mamba {

size_t utf8SequenceLength(std::string_view text) {
  if (text.empty())
    return 0;
  auto byte = [&](size_t i) { return uint8_t(text[i]); };
  uint8_t lead = byte(0);
  if (lead < 0x80)
    return 1;

  // The second byte's range excludes overlong forms, surrogates and what lies
  // above 0x10FFFF (Unicode, table 3-7).
  size_t length;
  uint8_t low = 0x80, high = 0xbf;
  if (lead >= 0xc2 && lead <= 0xdf) {
    length = 2;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    length = 3;
    if (lead == 0xe0)
      low = 0xa0;
    if (lead == 0xed)
      high = 0x9f;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    length = 4;
    if (lead == 0xf0)
      low = 0x90;
    if (lead == 0xf4)
      high = 0x8f;
  } else {
    return 0;
  }
  if (text.size() < length || byte(1) < low || byte(1) > high)
    return 0;
  for (size_t i = 2; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80)
      return 0;
  return length;
}

bool isValidUtf8(std::string_view text) {
  while (!text.empty()) {
    size_t length = utf8SequenceLength(text);
    if (length == 0)
      return false;
    text.remove_prefix(length);
  }
  return true;
}

void appendUtf8(std::string &text, uint32_t codePoint) {
  auto append = [&](uint32_t byte) { text += char(uint8_t(byte)); };
  auto appendTail = [&](int shift) {
    append(0x80 | ((codePoint >> shift) & 0x3f));
  };
  if (codePoint < 0x80) {
    append(codePoint);
  } else if (codePoint < 0x800) {
    append(0xc0 | (codePoint >> 6));
    appendTail(0);
  } else if (codePoint < 0x10000) {
    append(0xe0 | (codePoint >> 12));
    appendTail(6);
    appendTail(0);
  } else {
    append(0xf0 | (codePoint >> 18));
    appendTail(12);
    appendTail(6);
    appendTail(0);
  }
}

} // namespace mamba
