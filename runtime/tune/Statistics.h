// What repeated timings say.
#pragma once

#include <cstddef>
#include <vector>

namespace mamba::tune {

/// The median of some timings without their outliers, and an interval that holds
/// the true median with 95%: order statistics of all timings by the binomial
/// distribution, no assumption of how they are distributed. Fewer than six timings
/// bound nothing: then the interval is everything.
struct Estimate {
  double median = 0, low = 0, high = 0;
  size_t kept = 0; // timings without the outliers

  /// Half of the interval, in percent of the median.
  double spread() const { return median > 0 ? 50 * (high - low) / median : 0; }
  /// Whether it is surely more than the other.
  bool above(const Estimate &other) const { return low > other.high; }
};

/// An outlier is farther from the median than 3.5 times the median distance from
/// it, scaled to a standard deviation.
Estimate estimate(std::vector<double> timings);

/// The least timing, of few the one that was disturbed least; infinity of none.
double least(const std::vector<double> &timings);

/// Spearman's rank correlation, ties at their mean rank; 0 where one side does
/// not vary.
double rankCorrelation(const std::vector<double> &a, const std::vector<double> &b);

} // namespace mamba::tune
