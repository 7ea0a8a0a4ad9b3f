// The random numbers of the sampler: by counter, so that their state is a seed
// and how many were drawn.
#pragma once

#include "runtime/support/SplitMix64.h"

#include <cstdint>

namespace mamba {

/// Number `draw` (from 0) of a seed, in [0, 1) in steps of 2^-53.
constexpr double uniformDraw(uint64_t seed, uint64_t draw) {
  uint64_t x = splitmix64(splitmix64(seed) + draw * 0x9e3779b97f4a7c15);
  return static_cast<double>(x >> 11) * 0x1p-53;
}

} // namespace mamba
