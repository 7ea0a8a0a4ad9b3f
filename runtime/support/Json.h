// JSON from files that we do not trust, and typed access with good errors.
#pragma once

#include "runtime/support/Status.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mamba {

/// Arrays and objects may be nested this deep.
inline constexpr int kMaxJsonDepth = 64;

/// Parses strict JSON (RFC 8259, UTF-8), plus the bare words `Infinity`,
/// `-Infinity` and `NaN` as numbers, which Python writes and real model
/// configurations hold. Deeper nesting than kMaxJsonDepth, a key that occurs
/// twice in an object and text after the value are failures. Messages read
/// "<what>: line 3, column 7: ...", counted from 1, columns in bytes.
/// Integers that fit become (u)int64, all other numbers double.
Result<nlohmann::json> parseJson(std::string_view text,
                                 const std::string &what);

/// Takes a value of a bounded depth apart when the scope ends. Left to itself it
/// would ask for memory to do that, as the library's values may have any depth,
/// and where there is none the program would end.
template <typename Json> class JsonScope {
public:
  explicit JsonScope(Json &value) : value_(value) {}
  ~JsonScope() { takeApart(value_); }
  JsonScope(const JsonScope &) = delete;
  JsonScope &operator=(const JsonScope &) = delete;

private:
  static void takeApart(Json &value) {
    if (!value.is_structured())
      return;
    for (Json &child : value)
      takeApart(child);
    value.clear();
  }
  Json &value_; // Borrowed.
};

/// "an object", "a string", ...: what a value is, for messages.
std::string describeJsonKind(const nlohmann::json &value);

// Members of an object by key. A failure names the key, the wish and the fact:
// "'hidden_size' must be an integer, got a string". It does not name the file:
// add that with Status::withContext. The getOptional forms answer nullopt for a
// key that is absent or null; a value of the wrong kind is still a failure.

/// An integer between `min` and `max`, both included; 3.0 is not an integer.
Result<int64_t> getInt(const nlohmann::json &object, std::string_view key,
                       int64_t min = std::numeric_limits<int64_t>::min(),
                       int64_t max = std::numeric_limits<int64_t>::max());
Result<std::optional<int64_t>>
getOptionalInt(const nlohmann::json &object, std::string_view key,
               int64_t min = std::numeric_limits<int64_t>::min(),
               int64_t max = std::numeric_limits<int64_t>::max());

/// Any number, infinities and NaN included.
Result<double> getDouble(const nlohmann::json &object, std::string_view key);
Result<std::optional<double>> getOptionalDouble(const nlohmann::json &object,
                                                std::string_view key);

Result<bool> getBool(const nlohmann::json &object, std::string_view key);
Result<std::optional<bool>> getOptionalBool(const nlohmann::json &object,
                                            std::string_view key);

Result<std::string> getString(const nlohmann::json &object,
                              std::string_view key);
Result<std::optional<std::string>>
getOptionalString(const nlohmann::json &object, std::string_view key);

/// Pointers are borrowed from `object` and never null; of the optional forms
/// null means absent.
Result<const nlohmann::json *> getArray(const nlohmann::json &object,
                                        std::string_view key);
Result<const nlohmann::json *> getOptionalArray(const nlohmann::json &object,
                                                std::string_view key);
Result<const nlohmann::json *> getObject(const nlohmann::json &object,
                                         std::string_view key);
Result<const nlohmann::json *> getOptionalObject(const nlohmann::json &object,
                                                 std::string_view key);

/// The same of a value by itself; `name` says which in messages.
Result<int64_t> asInt(const nlohmann::json &value, std::string_view name,
                      int64_t min = std::numeric_limits<int64_t>::min(),
                      int64_t max = std::numeric_limits<int64_t>::max());
Result<double> asDouble(const nlohmann::json &value, std::string_view name);
/// Whether it is this string. The library's == would make a value of the text, and
/// end the program where there is no memory for it.
bool isText(const nlohmann::json &value, std::string_view text);

/// Arrays whose elements are all integers in the range, or all strings.
Result<std::vector<int64_t>>
getIntArray(const nlohmann::json &object, std::string_view key,
            int64_t min = std::numeric_limits<int64_t>::min(),
            int64_t max = std::numeric_limits<int64_t>::max());
Result<std::vector<std::string>> getStringArray(const nlohmann::json &object,
                                                std::string_view key);

} // namespace mamba
