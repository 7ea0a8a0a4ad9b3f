// What this tokenizer says of a tokenizer.json that it does not support.
#pragma once

#include "runtime/support/Status.h"

#include <nlohmann/json.hpp>

#include <initializer_list>
#include <string>
#include <string_view>

namespace mamba {

/// "'behavior' is 'Sideways', which is not supported; <wish>".
Status unsupportedValue(std::string_view key, const nlohmann::json &value,
                        std::string_view wish);

/// Fails for a value that is no object, and for one with a key that is not
/// `known`: it might change the ids.
Status checkKeys(const nlohmann::json &value,
                 std::initializer_list<std::string_view> known);

} // namespace mamba
