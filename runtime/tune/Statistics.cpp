#include "runtime/tune/Statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mamba::tune {

static double middle(const std::vector<double> &sorted) {
  size_t n = sorted.size();
  return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

/// What is farther from the median than 3.5 times the median distance from it,
/// scaled to a standard deviation, is left out.
static std::vector<double> withoutOutliers(std::vector<double> sorted) {
  double median = middle(sorted);
  std::vector<double> distances;
  for (double t : sorted)
    distances.push_back(std::abs(t - median));
  std::sort(distances.begin(), distances.end());
  double most = 3.5 * 1.4826 * middle(distances);
  if (most > 0)
    std::erase_if(sorted, [&](double t) { return std::abs(t - median) > most; });
  return sorted;
}

/// The largest k for which the k-th smallest and the k-th largest of n enclose
/// the median, but for so small a chance; 0 if none does.
static size_t rankOfBound(size_t n, double chance) {
  // Of n tosses, at most k - 1 heads.
  double term = std::pow(0.5, double(n)), tail = 0;
  size_t k = 0;
  while (k < n && 2 * (tail + term) <= chance) {
    tail += term;
    term *= double(n - k) / double(k + 1);
    ++k;
  }
  return k;
}

Estimate estimate(std::vector<double> timings) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (timings.empty())
    return {infinity, 0, infinity, 0};
  std::sort(timings.begin(), timings.end());
  std::vector<double> kept = withoutOutliers(timings);
  Estimate found{middle(kept), 0, infinity, kept.size()};
  if (size_t k = rankOfBound(timings.size(), 0.05))
    found.low = timings[k - 1], found.high = timings[timings.size() - k];
  return found;
}

double least(const std::vector<double> &timings) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  return timings.empty() ? infinity : *std::min_element(timings.begin(), timings.end());
}

int slower(const std::vector<double> &timings, const std::vector<double> &others) {
  // What disturbs a round disturbs both.
  std::vector<double> ratios;
  for (size_t i = 0; i < std::min(timings.size(), others.size()); ++i)
    ratios.push_back(timings[i] / others[i]);
  std::sort(ratios.begin(), ratios.end());
  size_t k = rankOfBound(ratios.size(), 0.01);
  return k == 0 ? 0 : ratios[k - 1] > 1 ? 1 : ratios[ratios.size() - k] < 1 ? -1 : 0;
}

RankCorrelation rankCorrelation(const std::vector<double> &predicted,
                                const std::vector<std::vector<double>> &timings) {
  RankCorrelation found;
  int agree = 0;
  for (size_t i = 0; i < predicted.size(); ++i)
    for (size_t j = 0; j < i; ++j, ++found.pairs)
      if (int measured = slower(timings[i], timings[j])) {
        ++found.apart;
        agree += measured * ((predicted[i] > predicted[j]) - (predicted[i] < predicted[j]));
      }
  found.value = found.apart ? double(agree) / double(found.apart) : 0;
  return found;
}

} // namespace mamba::tune
