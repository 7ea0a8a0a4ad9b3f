// A token of each row of logits; formulas as in dialects/ssm/SSMSampling.td.
#include "compiler/reference/Ops.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace mamba::reference {

Tensor argmax(const Tensor &logits, int64_t valid) {
  Tensor y({logits.rows()});
  for (int64_t s = 0; s < logits.rows(); ++s) {
    double best = -std::numeric_limits<double>::infinity();
    for (int64_t i = 0; i < valid; ++i)
      if (logits.row(s)[i] > best) {
        best = logits.row(s)[i];
        y.values[s] = double(i);
      }
  }
  return y;
}

namespace {
/// One row of `sample`.
class Row {
public:
  Row(const double *logits, int64_t valid) : logits(logits), order(valid) {
    std::iota(order.begin(), order.end(), 0);
  }

  /// NaN if one is.
  double largest() const {
    double most = -std::numeric_limits<double>::infinity();
    for (size_t i = 0; i < order.size(); ++i)
      if (std::isnan(logits[i]))
        return logits[i];
      else
        most = std::max(most, logits[i]);
    return most;
  }
  int64_t first(double logit) const {
    return std::find(logits, logits + order.size(), logit) - logits;
  }

  int64_t draw(double u, double temperature, int64_t topK, double topP, double minP) {
    double most = largest();
    auto weight = [&](int64_t i) { return std::exp((logits[i] - most) / temperature); };
    std::stable_sort(order.begin(), order.end(),
                     [&](int64_t a, int64_t b) { return logits[a] > logits[b]; });
    if (topK > 0 && size_t(topK) < order.size())
      order.resize(topK);
    if (topP < 1) {
      double wanted = topP * sum(weight), reached = 0;
      size_t kept = 0;
      while (kept < order.size() && (kept == 0 || reached < wanted))
        reached += weight(order[kept++]);
      order.resize(kept);
    }
    std::erase_if(order, [&](int64_t i) { return weight(i) < minP; });
    std::sort(order.begin(), order.end());
    double target = u * sum(weight), reached = 0;
    int64_t last = 0;
    for (int64_t i : order) {
      reached += weight(i);
      if (reached > target)
        return i;
      if (weight(i) > 0)
        last = i;
    }
    return last;
  }

private:
  template <typename Weight> double sum(Weight weight) const {
    double all = 0;
    for (int64_t i : order)
      all += weight(i);
    return all;
  }

  const double *logits;
  std::vector<int64_t> order; // the columns that are kept
};
} // namespace

Sampled sample(const SampleOperands &in, int64_t valid) {
  int64_t rows = in.logits.rows();
  Sampled y{Tensor({rows}), Tensor({rows, 1})};
  for (int64_t s = 0; s < rows; ++s) {
    Row row(in.logits.row(s), valid);
    double largest = y.largest.values[s] = row.largest();
    auto topK = int64_t(in.topK.values[s]);
    if (!std::isfinite(largest))
      continue; // token 0
    bool isGreedy = in.temperature.values[s] == 0 || topK == 1;
    y.token.values[s] =
        double(isGreedy ? row.first(largest)
                        : row.draw(in.u.values[s], in.temperature.values[s], topK,
                                   in.topP.values[s], in.minP.values[s]));
  }
  return y;
}

} // namespace mamba::reference
