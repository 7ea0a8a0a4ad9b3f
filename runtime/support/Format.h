// Text with numbers in it.
#pragma once

#include <string>

namespace mamba {

/// As printf; the first 511 bytes.
std::string format(const char *pattern, ...) __attribute__((format(printf, 1, 2)));

} // namespace mamba
