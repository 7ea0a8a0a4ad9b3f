// The databases of schedules/, part of the compiler: an installed one needs no
// folder.
#pragma once

#include <span>
#include <string_view>

namespace mamba {

struct KnownSchedules {
  std::string_view name, text; // "cpu-x86-64-v4.tune", its lines
};
std::span<const KnownSchedules> knownSchedules();

} // namespace mamba
