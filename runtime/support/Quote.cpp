#include "runtime/support/Quote.h"

#include "runtime/support/Utf8.h"

#include <cstdio>

namespace mamba {

std::string inQuotes(std::string_view text) {
  constexpr size_t kMaxBytes = 500;
  std::string result = "'";
  while (!text.empty()) {
    if (result.size() > kMaxBytes)
      return result + "...'";
    uint8_t byte = uint8_t(text[0]);
    size_t length = utf8SequenceLength(text);
    if (byte == '\n') {
      result += "\\n";
    } else if (byte == '\\' || byte == '\'') {
      result += '\\';
      result += char(byte);
    } else if (length == 0 || byte < 0x20 || byte == 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\x%02x", byte);
      result += escape;
    } else {
      result += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return result + "'";
}

std::string formatShape(std::span<const int64_t> shape) {
  std::string result = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    result += i == 0 ? "" : ", ";
    result += std::to_string(shape[i]);
  }
  return result + "]";
}

} // namespace mamba
