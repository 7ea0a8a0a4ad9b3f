#include "runtime/model/Softmax.h"

#include "runtime/support/LaneClones.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace mamba {

Status checkLogits(std::span<const float> logits) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  bool anyFinite = false, anyBad = false;
  for (float logit : logits) {
    anyBad |= !(logit < infinity);
    anyFinite |= logit > -infinity;
  }
  if (anyBad)
    for (size_t i = 0; i < logits.size(); ++i)
      if (!(logits[i] < infinity))
        return invalidData("the logit of token " + std::to_string(i) + " is " +
                           (std::isnan(logits[i]) ? "NaN" : "infinite") +
                           "; the weights may be damaged");
  if (!anyFinite)
    return invalidData("all " + std::to_string(logits.size()) +
                       " logits are -infinity");
  return {};
}

MAMBA_LANE_CLONES static double largestOf(const double *scores, size_t count) {
  constexpr size_t lanes = 16;
  double largest[lanes];
  std::fill_n(largest, lanes, scores[0]);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (size_t lane = 0; lane < lanes; ++lane)
      largest[lane] = std::max(largest[lane], scores[i + lane]);
  for (; i < count; ++i)
    largest[0] = std::max(largest[0], scores[i]);
  return *std::max_element(largest, largest + lanes);
}

size_t findLargest(std::span<const double> scores) {
  double largest = largestOf(scores.data(), scores.size());
  return std::find(scores.begin(), scores.end(), largest) - scores.begin();
}

MAMBA_LANE_CLONES static void weighAll(const double *scores, size_t count,
                                       double largest, double temperature,
                                       double *weights) {
  // Without the largest first, a small temperature would overflow.
  for (size_t i = 0; i < count; ++i)
    weights[i] = expNonPositive((scores[i] - largest) / temperature);
}

void weigh(std::span<const double> scores, double largest, double temperature,
           std::span<double> weights) {
  weighAll(scores.data(), scores.size(), largest, temperature, weights.data());
}

Result<double> negativeLogLikelihood(std::span<const float> logits,
                                     uint64_t token) {
  MAMBA_RETURN_IF_ERROR(checkLogits(logits));
  double largest = *std::max_element(logits.begin(), logits.end());
  // Blocks, so that the exponentials vectorise; the order of the sum is fixed.
  constexpr size_t block = 256;
  double weights[block], sum = 0;
  for (size_t start = 0; start < logits.size(); start += block) {
    auto part = logits.subspan(start, std::min(block, logits.size() - start));
    for (size_t i = 0; i < part.size(); ++i)
      weights[i] = expNonPositive(part[i] - largest);
    for (size_t i = 0; i < part.size(); ++i)
      sum += weights[i];
  }
  return std::log(sum) + (largest - logits[token]);
}

} // namespace mamba
