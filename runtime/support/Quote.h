// What messages say of names, shapes and numbers, fit for one line.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace mamba {

/// The text in single quotes, control characters, quotes, backslashes and
/// invalid UTF-8 escaped as in C, shortened with "..." after about 500 bytes.
/// (Not called quoted: for a std::string argument the compiler would find
/// std::quoted too.)
std::string inQuotes(std::string_view text);

/// "[2, 3]", the way that messages show shapes.
std::string formatShape(std::span<const int64_t> shape);

/// The number in decimal.
std::string text(std::integral auto number) { return std::to_string(number); }

} // namespace mamba
