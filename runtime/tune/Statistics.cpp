#include "runtime/tune/Statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

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
/// the median with 95%; 0 if none does.
static size_t rankOfBound(size_t n) {
  // Of n tosses, at most k - 1 heads.
  double term = std::pow(0.5, double(n)), tail = 0;
  size_t k = 0;
  while (k < n && 2 * (tail + term) <= 0.05) {
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
  if (size_t k = rankOfBound(timings.size()))
    found.low = timings[k - 1], found.high = timings[timings.size() - k];
  return found;
}

double least(const std::vector<double> &timings) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  return timings.empty() ? infinity : *std::min_element(timings.begin(), timings.end());
}

static std::vector<double> ranksOf(const std::vector<double> &values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (size_t i = 0; i < order.size();) {
    size_t end = i;
    while (end < order.size() && values[order[end]] == values[order[i]])
      ++end;
    for (size_t j = i; j < end; ++j)
      ranks[order[j]] = double(i + end - 1) / 2;
    i = end;
  }
  return ranks;
}

double rankCorrelation(const std::vector<double> &a, const std::vector<double> &b) {
  std::vector<double> x = ranksOf(a), y = ranksOf(b);
  double mean = (double(x.size()) - 1) / 2, xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean) * (y[i] - mean);
    xx += (x[i] - mean) * (x[i] - mean);
    yy += (y[i] - mean) * (y[i] - mean);
  }
  return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : 0;
}

} // namespace mamba::tune
