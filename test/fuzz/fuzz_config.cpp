// config.json: any text is either refused in one line or read into sizes that
// keep the promises of Config.h.
#include "compiler/import/Config.h"

#include <cstdio>
#include <cstdlib>

using namespace mamba;

static void require(bool condition, const std::string &what) {
  if (condition)
    return;
  std::fprintf(stderr, "fuzz_config: %s\n", what.c_str());
  std::abort();
}

static bool isBetween(std::optional<int64_t> size, int64_t min, int64_t max) {
  return !size || (*size >= min && *size <= max);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view text(reinterpret_cast<const char *>(data), size);
  auto config = parseModelConfig(text, "input");
  if (!config.ok()) {
    const std::string &message = config.status().message();
    require(message.starts_with("input: ") &&
                message.find('\n') == std::string::npos,
            "an odd message: " + message);
    return 0;
  }
  require(isBetween(config->width, 1, kMaxWidth) &&
              isBetween(config->layers, 1, kMaxLayers) &&
              isBetween(config->vocab, 1, kMaxVocab) &&
              isBetween(config->validVocab, 0, kMaxVocab) &&
              isBetween(config->inner, 1, kMaxInner) &&
              isBetween(config->state, 1, kMaxState) &&
              isBetween(config->convWidth, 2, kMaxConvWidth) &&
              isBetween(config->dtRank, 1, kMaxWidth),
          "a size out of range");
  require(!config->vocab || *config->vocab >= config->validVocab,
          "a vocabulary smaller than its tokens");
  require(config->eps > 0 && config->eps < 1, "an odd eps");
  return 0;
}
