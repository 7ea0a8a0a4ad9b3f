// Zstandard frames in memory.
#pragma once

#include "runtime/support/Status.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace mamba {

inline constexpr int kDefaultZstdLevel = 19;

/// One frame that states its content's size. Levels run from 1 to 22; same
/// bytes, level and library version give the same frame.
Result<std::vector<uint8_t>> zstdCompress(const void *data, size_t size,
                                          int level = kDefaultZstdLevel);

/// The content of exactly one frame. A frame that does not state its size, or
/// states more than `maxBytes`, is refused before memory is taken: no frame,
/// however hostile, costs more than `maxBytes` and a fixed context.
Result<std::vector<uint8_t>> zstdDecompress(const void *data, size_t size,
                                            uint64_t maxBytes);

} // namespace mamba
