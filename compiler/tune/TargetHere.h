// Whether this machine runs a target's code.
#pragma once

#include "passes/target/Target.h"

#include <string>

namespace mamba {

/// Why it does not run the CPU target, in one line; empty if it does, and then tiles
/// may be used.
std::string obstacleHere(const Target &target);

} // namespace mamba
