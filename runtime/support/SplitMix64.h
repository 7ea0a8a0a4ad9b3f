// The random numbers of packs and samplers: a function of a counter.
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

} // namespace mamba
