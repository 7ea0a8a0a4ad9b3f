// The random numbers of the sampler: by counter, so that their state is a seed
// and how many were drawn.
#pragma once

#include <cstdint>

namespace mamba {

/// As in runtime/pack/FORMAT.md.
constexpr uint64_t splitmix64(uint64_t s) {
  s += 0x9e3779b97f4a7c15;
  s = (s ^ s >> 30) * 0xbf58476d1ce4e5b9;
  s = (s ^ s >> 27) * 0x94d049bb133111eb;
  return s ^ s >> 31;
}

/// Number `draw` (from 0) of a seed, in [0, 1) in steps of 2^-53.
constexpr double uniformDraw(uint64_t seed, uint64_t draw) {
  uint64_t x = splitmix64(splitmix64(seed) + draw * 0x9e3779b97f4a7c15);
  return static_cast<double>(x >> 11) * 0x1p-53;
}

} // namespace mamba
