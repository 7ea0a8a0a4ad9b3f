// An index of shards: any text is either refused in one line or gives plain
// file names, each with tensors.
#include "runtime/support/Checkpoint.h"

#include <cstdio>
#include <cstdlib>

using namespace mamba;

static void require(bool condition, const char *what) {
  if (condition)
    return;
  std::fprintf(stderr, "fuzz_index: %s\n", what);
  std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view text(reinterpret_cast<const char *>(data), size);
  auto index = parseShardIndex(text, "input");
  if (!index.ok()) {
    const std::string &message = index.status().message();
    require(message.starts_with("input: ") &&
                message.find('\n') == std::string::npos,
            "an odd message");
    return 0;
  }
  require(!index->empty(), "an index of nothing");
  for (const auto &[file, names] : *index) {
    require(!file.empty() && file != "." && file != ".." &&
                file.find('/') == std::string::npos &&
                file.find('\0') == std::string::npos,
            "a file outside of the folder");
    require(!names.empty(), "a shard of nothing");
  }
  return 0;
}
