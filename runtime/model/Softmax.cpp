#include "runtime/model/Softmax.h"

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

Result<double> negativeLogLikelihood(std::span<const float> logits,
                                     uint64_t token) {
  MAMBA_RETURN_IF_ERROR(checkLogits(logits));
  double largest = *std::max_element(logits.begin(), logits.end());
  // Four sums in a fixed order: the loop vectorises, the bits stay.
  double sums[4] = {0, 0, 0, 0};
  size_t i = 0;
  for (; i + 4 <= logits.size(); i += 4)
    for (size_t lane = 0; lane < 4; ++lane)
      sums[lane] += expNonPositive(logits[i + lane] - largest);
  for (; i < logits.size(); ++i)
    sums[0] += expNonPositive(logits[i] - largest);
  double sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  return std::log(sum) + (largest - logits[token]);
}

} // namespace mamba
