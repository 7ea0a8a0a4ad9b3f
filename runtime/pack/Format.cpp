// The rules of versions: FORMAT.md, "Versions".
#include "runtime/pack/Manifest.h"

#include "runtime/support/Quote.h"

#include <algorithm>

using namespace mamba;

static bool isNumber(std::string_view text) {
  return !text.empty() && text.size() < 10 &&
         text.find_first_not_of("0123456789") == text.npos;
}

Status mamba::verifyFormat(std::string_view text) {
  std::string_view major = text.substr(0, text.find('.'));
  if (!isNumber(major) ||
      (major.size() != text.size() && !isNumber(text.substr(major.size() + 1))))
    return invalidData("the pack's format must be like '4.1', got " +
                       inQuotes(text));
  int64_t number = std::stoll(std::string(major));
  if (number == kManifestFormat)
    return {};
  std::string reads = "the pack has format " + std::string(text) +
                      ", this program reads format " +
                      std::to_string(kManifestFormat);
  return invalidData(number > kManifestFormat
                         ? reads + ": take a newer mamba, or build the pack with this one"
                         : reads + ", build the pack anew or take the mamba that made it");
}
