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

/// Which of two candidates takes longer, by the 99% interval of their ratio round by
/// round: 1 the first, -1 the second, 0 that is not sure. Fewer than eight rounds of
/// both say nothing.
int slower(const std::vector<double> &timings, const std::vector<double> &others);

/// How far a prediction has candidates in their order.
struct RankCorrelation {
  size_t pairs = 0, apart = 0; // all, and those that the timings tell apart
  /// Of these, the ones that are predicted in their order less those predicted the
  /// other way round, by their number: 1 is all, -1 none. 0 if there are none.
  double value = 0;
};
RankCorrelation rankCorrelation(const std::vector<double> &predicted,
                                const std::vector<std::vector<double>> &timings);

} // namespace mamba::tune
