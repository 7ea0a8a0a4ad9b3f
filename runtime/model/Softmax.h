// Float64 softmax pieces with the same bits on every machine.
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>
#include <cstring>
#include <span>

namespace mamba {

/// exp(x) for x <= 0, to about 1 ulp; 0 below -708. Only additions and
/// multiplications, unfused: libm's exp differs between machines in rare last
/// bits. Compile its users with -ffp-contract=off, and -fno-trapping-math if
/// loops over it shall vectorise.
inline double expNonPositive(double x) {
  double clamped = x < -708 ? -708 : x;
  // x = k ln 2 + r, |r| <= ln 2 / 2; adding 1.5 * 2^52 rounds to an integer.
  constexpr double magic = 0x1.8p52;
  double shifted = clamped * 0x1.71547652b82fep0 + magic;
  double k = shifted - magic;
  double r = clamped - k * 0x1.62e42feep-1;
  r = r - k * 0x1.a39ef35793c76p-33;
  // Taylor to degree 13: the rest is below 2^-57 there.
  double p = 1.0 / 6227020800;
  p = p * r + 1.0 / 479001600;
  p = p * r + 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * r + 1;
  p = p * r + 1;
  // 2^k from the integer that `shifted` holds in its low bits. (With memcpy, as
  // GCC 12 vectorises no loop with a std::bit_cast in it.)
  int64_t bits;
  std::memcpy(&bits, &shifted, sizeof(bits));
  bits = static_cast<int64_t>(static_cast<uint64_t>(bits + 1023) << 52);
  double scale;
  std::memcpy(&scale, &bits, sizeof(scale));
  return x < -708 ? 0 : p * scale;
}

/// Where the first of the largest of the scores is; none is NaN, there is one.
size_t findLargest(std::span<const double> scores);

/// weights[i] = exp((scores[i] - largest) / temperature).
void weigh(std::span<const double> scores, double largest, double temperature,
           std::span<double> weights);

/// -log softmax(logits)[token], natural logarithm. Fails, naming the column,
/// for a logit that is NaN or +infinity, and if all are -infinity. A token of
/// probability 0 gives +infinity. token < logits.size().
Result<double> negativeLogLikelihood(std::span<const float> logits,
                                     uint64_t token);

/// What is wrong with the logits, if anything: the check of the above.
Status checkLogits(std::span<const float> logits);

} // namespace mamba
