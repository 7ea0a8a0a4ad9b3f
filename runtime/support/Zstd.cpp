#include "runtime/support/Zstd.h"

#include <zstd.h>
#include <zstd_errors.h>

#include <exception>
#include <string>

namespace mamba {

Result<std::vector<uint8_t>> zstdCompress(const void *data, size_t size,
                                          int level) {
  if (level < 1 || level > ZSTD_maxCLevel())
    return invalidArgument("zstd level must be from 1 to " +
                           std::to_string(ZSTD_maxCLevel()) + ", got " +
                           std::to_string(level));
  std::vector<uint8_t> frame(ZSTD_compressBound(size));
  size_t written = ZSTD_compress(frame.data(), frame.size(), data, size, level);
  if (ZSTD_isError(written))
    return internalError(std::string("zstd cannot compress: ") +
                         ZSTD_getErrorName(written));
  frame.resize(written);
  return frame;
}

Result<std::vector<uint8_t>> zstdDecompress(const void *data, size_t size,
                                            uint64_t maxBytes) {
  size_t frameSize = ZSTD_findFrameCompressedSize(data, size);
  if (ZSTD_isError(frameSize))
    return invalidData(std::string("not a whole zstd frame: ") +
                       ZSTD_getErrorName(frameSize));
  if (frameSize != size)
    return invalidData("zstd frame ends after " + std::to_string(frameSize) +
                       " bytes of " + std::to_string(size) +
                       ", expected nothing behind it");
  unsigned long long contentSize = ZSTD_getFrameContentSize(data, size);
  if (contentSize == ZSTD_CONTENTSIZE_UNKNOWN ||
      contentSize == ZSTD_CONTENTSIZE_ERROR)
    return invalidData("zstd frame does not state the size of its content");
  if (contentSize > maxBytes)
    return invalidData("zstd frame states a content of " +
                       std::to_string(contentSize) +
                       " bytes, expected at most " + std::to_string(maxBytes));

  // Into a buffer of the whole size, zstd needs no window besides.
  std::vector<uint8_t> content;
  try {
    content.resize(contentSize);
  } catch (const std::exception &) {
    return outOfMemory("no memory for the " + std::to_string(contentSize) +
                       " bytes of a zstd frame's content");
  }
  size_t written = ZSTD_decompress(content.data(), content.size(), data, size);
  if (ZSTD_getErrorCode(written) == ZSTD_error_memory_allocation)
    return outOfMemory("no memory to decompress a zstd frame");
  if (ZSTD_isError(written))
    return invalidData(std::string("damaged zstd frame: ") +
                       ZSTD_getErrorName(written));
  if (written != contentSize)
    return invalidData("zstd frame states a content of " +
                       std::to_string(contentSize) + " bytes but holds " +
                       std::to_string(written));
  return content;
}

} // namespace mamba
