// Our JSON parser against the library's: the same verdict and the same value,
// except where ours is meant to differ.
#include "runtime/support/Json.h"

#include <cstdio>
#include <cstdlib>

using namespace mamba;
using nlohmann::json;

static void require(bool condition, const std::string &what) {
  if (condition)
    return;
  std::fprintf(stderr, "fuzz_json: %s\n", what.c_str());
  std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view text(reinterpret_cast<const char *>(data), size);
  auto contains = [](std::string_view haystack, std::string_view needle) {
    return haystack.find(needle) != std::string_view::npos;
  };
  // The library ends at a zero byte and skips a byte order mark.
  if (contains(text, std::string_view("\0", 1)) ||
      text.starts_with("\xef\xbb\xbf"))
    return 0;

  auto ours = parseJson(text, "input");
  // Its parser keeps a stack on the heap, but its dump recurses.
  json theirs = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!ours.ok()) {
    const std::string &message = ours.status().message();
    require(message.starts_with("input: line ") &&
                message.find('\n') == std::string::npos,
            "an odd message: " + message);
    require(theirs.is_discarded() || contains(message, "occurs twice") ||
                contains(message, "nested deeper"),
            "refused alone: " + message);
    return 0;
  }
  if (theirs.is_discarded()) {
    require(contains(text, "Infinity") || contains(text, "NaN"),
            "accepted alone");
    return 0;
  }
  require(*ours == theirs && ours->dump() == theirs.dump(), "another value");
  return 0;
}
