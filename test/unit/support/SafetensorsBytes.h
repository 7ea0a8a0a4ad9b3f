// Safetensors files put together by hand, right or wrong.
#pragma once

#include <cstdint>
#include <string>

/// The length, the header as it is, then that many bytes 0, 1, 2, ...
inline std::string safetensorsBytes(const std::string &header,
                                    size_t dataBytes = 0) {
  std::string bytes;
  for (unsigned i = 0; i < 8; ++i)
    bytes += char(uint8_t(uint64_t(header.size()) >> (8 * i)));
  bytes += header;
  for (size_t i = 0; i < dataBytes; ++i)
    bytes += char(uint8_t(i));
  return bytes;
}
