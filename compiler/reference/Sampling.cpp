// A token of each row of logits; formulas as in dialects/ssm/SSMSampling.td.
#include "compiler/reference/Ops.h"

#include <cmath>
#include <limits>

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

Tensor categorical(const Tensor &logits, const Tensor &u, const Tensor &temperature,
                   int64_t valid) {
  Tensor y({logits.rows()});
  for (int64_t s = 0; s < logits.rows(); ++s) {
    const double *row = logits.row(s);
    double max = row[0];
    for (int64_t i = 1; i < valid; ++i)
      max = std::fmax(max, row[i]);
    std::vector<double> sums;
    for (int64_t i = 0; i < valid; ++i)
      sums.push_back((i ? sums.back() : 0) + std::exp((row[i] - max) / temperature.values[s]));
    if (!(sums.back() > 0))
      continue; // token 0
    double target = u.values[s] * sums.back();
    int64_t token = 0;
    while (token < valid - 1 && !(sums[token] > target))
      ++token;
    while (token > 0 && sums[token] == sums[token - 1])
      --token;
    y.values[s] = double(token);
  }
  return y;
}

} // namespace mamba::reference
