// Names from files, made fit for a one-line message.
#pragma once

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

} // namespace mamba
