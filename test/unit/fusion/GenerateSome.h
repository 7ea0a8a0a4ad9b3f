// A generator for tests that accepts a part of what it is asked.
#pragma once

#include <cstdint>

namespace mamba {

/// From now on, for the device "cpu", canGenerate says yes to every kernel
/// (percent = 100), to none (0), or to about so many of them, the seed says
/// which.
void generateSome(int percent, uint32_t seed);

} // namespace mamba
