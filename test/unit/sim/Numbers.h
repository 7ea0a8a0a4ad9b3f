// Operands for tests of arithmetic: edges of a format, and random ones whose
// exponents lie close enough to meet.
#pragma once

#include "runtime/device/sim/Numerics.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

namespace mamba::sim {

inline constexpr numerics::Round kDirected[] = {numerics::Round::NearestEven,
                                                numerics::Round::Zero, numerics::Round::Down,
                                                numerics::Round::Up};

/// 0, subnormals, powers of two, halves and neighbours, the largest, infinity,
/// NaN, each with both signs.
inline std::vector<uint64_t> edges(const numerics::FloatFormat &format) {
  uint64_t unit = uint64_t(1) << format.mantissaBits, one = uint64_t(format.bias()) * unit;
  std::vector<uint64_t> all = {0, 1, 2, 3, unit / 2, unit - 1, unit, unit + 1, 2 * unit,
                               one - unit, one - 1, one, one + 1, one + unit / 2, one + unit,
                               one + unit + 1, one + format.mantissaBits * unit,
                               one + (format.mantissaBits + 1) * unit + 1,
                               format.infinity() - unit, format.infinity() - 1,
                               format.infinity(), format.quietNaN(), format.infinity() + 1};
  for (size_t i = 0, n = all.size(); i < n; ++i)
    all.push_back(all[i] | format.signBit());
  return all;
}

class Random {
public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  uint64_t bits() { return engine_(); }
  uint64_t below(uint64_t n) { return engine_() % n; }
  /// A finite number within 2^[-spread, spread] of 2^center, often with few bits
  /// set, so that ties and exact results occur.
  uint64_t number(const numerics::FloatFormat &format, int center, int spread) {
    int low = std::clamp(center - spread + format.bias(), 0, 2 * format.bias());
    int high = std::clamp(center + spread + format.bias(), 0, 2 * format.bias());
    uint64_t mantissa = bits() & ((uint64_t(1) << format.mantissaBits) - 1);
    if (below(2) == 0)
      mantissa &= ~uint64_t(0) << below(format.mantissaBits);
    uint64_t biased = uint64_t(low) + below(uint64_t(high - low + 1));
    return mantissa | biased << format.mantissaBits | (below(2) ? format.signBit() : 0);
  }

private:
  std::mt19937_64 engine_;
};

inline std::string hex(uint64_t value) {
  char text[20];
  snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

} // namespace mamba::sim
