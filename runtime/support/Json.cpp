// Typed access of Json.h.
#include "runtime/support/Json.h"

#include "runtime/support/Quote.h"

#include <cmath>

namespace mamba {
namespace {

using nlohmann::json;

/// The member, or null when it is absent or JSON's null.
Result<const json *> findMember(const json &object, std::string_view key) {
  if (!object.is_object())
    return invalidData("expected an object with the key " + inQuotes(key) +
                       ", got " + describeJsonKind(object));
  auto member = object.find(key);
  if (member == object.end() || member->is_null())
    return static_cast<const json *>(nullptr);
  return &*member;
}

Status wrongKind(std::string_view key, const std::string &wish,
                 const std::string &fact) {
  return invalidData(inQuotes(key) + " must be " + wish + ", got " + fact);
}

/// A number as JSON writes it, or Python where JSON has no word.
std::string formatNumber(const json &value) {
  double number = value.get<double>();
  if (std::isnan(number))
    return "NaN";
  if (std::isinf(number))
    return number > 0 ? "Infinity" : "-Infinity";
  return value.dump();
}

// Each of these reads one value; `name` says which in messages. The text after
// "must be" when the member is missing is wish().

struct IntReader {
  int64_t min, max;

  std::string wish() const {
    using Limits = std::numeric_limits<int64_t>;
    if (min == Limits::min() && max == Limits::max())
      return "an integer";
    if (max == Limits::max())
      return "an integer of at least " + std::to_string(min);
    if (min == Limits::min())
      return "an integer of at most " + std::to_string(max);
    return "an integer from " + std::to_string(min) + " to " +
           std::to_string(max);
  }

  Result<int64_t> read(const json &value, std::string_view name) const {
    // No 64-bit integer holds what only fits uint64.
    bool fits = value.is_number_integer() &&
                (!value.is_number_unsigned() ||
                 value.get<uint64_t>() <=
                     uint64_t(std::numeric_limits<int64_t>::max()));
    if (!fits || value.get<int64_t>() < min || value.get<int64_t>() > max)
      return wrongKind(name, wish(),
                       value.is_number() ? formatNumber(value)
                                         : describeJsonKind(value));
    return value.get<int64_t>();
  }
};

struct DoubleReader {
  std::string wish() const { return "a number"; }
  Result<double> read(const json &value, std::string_view name) const {
    if (!value.is_number())
      return wrongKind(name, wish(), describeJsonKind(value));
    return value.get<double>();
  }
};

struct BoolReader {
  std::string wish() const { return "true or false"; }
  Result<bool> read(const json &value, std::string_view name) const {
    if (!value.is_boolean())
      return wrongKind(name, wish(), describeJsonKind(value));
    return value.get<bool>();
  }
};

struct StringReader {
  std::string wish() const { return "a string"; }
  Result<std::string> read(const json &value, std::string_view name) const {
    if (!value.is_string())
      return wrongKind(name, wish(), describeJsonKind(value));
    return value.get<std::string>();
  }
};

struct ArrayReader {
  std::string wish() const { return "an array"; }
  Result<const json *> read(const json &value, std::string_view name) const {
    if (!value.is_array())
      return wrongKind(name, wish(), describeJsonKind(value));
    return &value;
  }
};

struct ObjectReader {
  std::string wish() const { return "an object"; }
  Result<const json *> read(const json &value, std::string_view name) const {
    if (!value.is_object())
      return wrongKind(name, wish(), describeJsonKind(value));
    return &value;
  }
};

template <typename Reader>
auto getRequired(const json &object, std::string_view key, const Reader &reader)
    -> decltype(reader.read(object, key)) {
  MAMBA_ASSIGN_OR_RETURN(const json *member, findMember(object, key));
  if (!member)
    return notFound(inQuotes(key) + " is missing, it must be " + reader.wish());
  return reader.read(*member, key);
}

template <typename T, typename Reader>
Result<std::optional<T>> getOptional(const json &object, std::string_view key,
                                     const Reader &reader) {
  MAMBA_ASSIGN_OR_RETURN(const json *member, findMember(object, key));
  if (!member)
    return std::optional<T>();
  MAMBA_ASSIGN_OR_RETURN(T value, reader.read(*member, key));
  return std::optional<T>(std::move(value));
}

template <typename Reader>
Result<const json *> getOptionalPointer(const json &object,
                                        std::string_view key,
                                        const Reader &reader) {
  MAMBA_ASSIGN_OR_RETURN(const json *member, findMember(object, key));
  return member ? reader.read(*member, key) : Result<const json *>(member);
}

template <typename T, typename Reader>
Result<std::vector<T>> getElements(const json &object, std::string_view key,
                                   const Reader &reader) {
  MAMBA_ASSIGN_OR_RETURN(const json *array, getArray(object, key));
  std::vector<T> elements;
  elements.reserve(array->size());
  for (const json &value : *array) {
    std::string name =
        std::string(key) + "[" + std::to_string(elements.size()) + "]";
    MAMBA_ASSIGN_OR_RETURN(T element, reader.read(value, name));
    elements.push_back(std::move(element));
  }
  return elements;
}

} // namespace

std::string describeJsonKind(const json &value) {
  switch (value.type()) {
  case json::value_t::object:
    return "an object";
  case json::value_t::array:
    return "an array";
  case json::value_t::string:
    return "a string";
  case json::value_t::boolean:
    return value.get<bool>() ? "true" : "false";
  case json::value_t::null:
    return "null";
  case json::value_t::number_integer:
  case json::value_t::number_unsigned:
  case json::value_t::number_float:
    return "a number";
  default:
    return "nothing";
  }
}

Result<int64_t> getInt(const json &object, std::string_view key, int64_t min,
                       int64_t max) {
  return getRequired(object, key, IntReader{min, max});
}
Result<std::optional<int64_t>> getOptionalInt(const json &object,
                                              std::string_view key, int64_t min,
                                              int64_t max) {
  return getOptional<int64_t>(object, key, IntReader{min, max});
}

Result<double> getDouble(const json &object, std::string_view key) {
  return getRequired(object, key, DoubleReader{});
}
Result<std::optional<double>> getOptionalDouble(const json &object,
                                                std::string_view key) {
  return getOptional<double>(object, key, DoubleReader{});
}

Result<int64_t> asInt(const json &value, std::string_view name, int64_t min,
                      int64_t max) {
  return IntReader{min, max}.read(value, name);
}
Result<double> asDouble(const json &value, std::string_view name) {
  return DoubleReader{}.read(value, name);
}
bool isText(const json &value, std::string_view text) {
  return value.is_string() && value.get_ref<const std::string &>() == text;
}

Result<bool> getBool(const json &object, std::string_view key) {
  return getRequired(object, key, BoolReader{});
}
Result<std::optional<bool>> getOptionalBool(const json &object,
                                            std::string_view key) {
  return getOptional<bool>(object, key, BoolReader{});
}

Result<std::string> getString(const json &object, std::string_view key) {
  return getRequired(object, key, StringReader{});
}
Result<std::optional<std::string>> getOptionalString(const json &object,
                                                     std::string_view key) {
  return getOptional<std::string>(object, key, StringReader{});
}

Result<const json *> getArray(const json &object, std::string_view key) {
  return getRequired(object, key, ArrayReader{});
}
Result<const json *> getOptionalArray(const json &object,
                                      std::string_view key) {
  return getOptionalPointer(object, key, ArrayReader{});
}
Result<const json *> getObject(const json &object, std::string_view key) {
  return getRequired(object, key, ObjectReader{});
}
Result<const json *> getOptionalObject(const json &object,
                                       std::string_view key) {
  return getOptionalPointer(object, key, ObjectReader{});
}

Result<std::vector<int64_t>> getIntArray(const json &object,
                                         std::string_view key, int64_t min,
                                         int64_t max) {
  return getElements<int64_t>(object, key, IntReader{min, max});
}
Result<std::vector<std::string>> getStringArray(const json &object,
                                                std::string_view key) {
  return getElements<std::string>(object, key, StringReader{});
}

} // namespace mamba
