#include "runtime/model/tokenizer/Support.h"

#include "runtime/support/Json.h"
#include "runtime/support/Quote.h"

#include <algorithm>

namespace mamba {

Status unsupportedValue(std::string_view key, const nlohmann::json &value,
                        std::string_view wish) {
  std::string shown = value.is_string()
                          ? inQuotes(value.get_ref<const std::string &>())
                      : value.is_structured() ? describeJsonKind(value)
                                              : value.dump();
  std::string message = inQuotes(key) + " is " + shown + ", not supported";
  if (!wish.empty())
    message += "; use " + std::string(wish);
  return invalidData(message);
}

Status checkKeys(const nlohmann::json &value,
                 std::initializer_list<std::string_view> known) {
  if (!value.is_object())
    return invalidData("must be an object, got " + describeJsonKind(value));
  for (const auto &[key, member] : value.items())
    if (std::find(known.begin(), known.end(), key) == known.end())
      return unsupportedValue(key, member, "");
  return {};
}

} // namespace mamba
