// The ops that treat every row alike; formulas as in dialects/ssm/SSMRows.td.
#include "compiler/reference/Ops.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mamba::reference {

double silu(double x) { return x / (1 + std::exp(-x)); }

double softplus(double x) { return x > 20 ? x : std::log1p(std::exp(x)); }

Tensor embedding(const Tensor &table, const Tensor &tokens) {
  int64_t T = tokens.rows(), D = table.rowSize();
  Tensor y({T, D});
  for (int64_t t = 0; t < T; ++t)
    std::copy_n(table.row(int64_t(tokens.values[t])), D, y.row(t));
  return y;
}

Tensor rmsNorm(const Tensor &x, const Tensor *weight, double eps) {
  int64_t T = x.rows(), D = x.rowSize();
  Tensor y({T, D});
  for (int64_t t = 0; t < T; ++t) {
    const double *in = x.row(t);
    double *out = y.row(t);
    double squares = 0;
    for (int64_t d = 0; d < D; ++d)
      squares += in[d] * in[d];
    double factor = 1 / std::sqrt(squares / double(D) + eps);
    for (int64_t d = 0; d < D; ++d)
      out[d] = in[d] * factor * (weight ? weight->values[d] : 1.0);
  }
  return y;
}

Tensor int8Rows(const Tensor &x) {
  int64_t T = x.rows(), K = x.rowSize();
  Tensor y({T, K});
  for (int64_t t = 0; t < T; ++t)
    for (int64_t k0 = 0; k0 < K; k0 += kGroup) {
      const double *in = x.row(t) + k0;
      double *out = y.row(t) + k0;
      int64_t count = std::min(kGroup, K - k0);
      float largest = 0;
      for (int64_t k = 0; k < count; ++k)
        if (float size = std::abs(float(in[k])); !std::isnan(largest) && !(size <= largest))
          largest = size;
      if (largest < 0x1p-100f)
        continue;
      float scale = std::isfinite(largest) ? largest * (1.0f / 127)
                                           : std::numeric_limits<float>::quiet_NaN();
      float inverse = 127 / largest;
      for (int64_t k = 0; k < count; ++k)
        out[k] = std::nearbyint(in[k] * inverse) * scale;
    }
  return y;
}

Tensor linear(const Tensor &x, const Tensor &w, const Tensor *bias) {
  int64_t T = x.rows(), K = x.rowSize(), O = w.rows();
  Tensor y({T, O});
  // The outputs outside: a large w is read from memory once.
  for (int64_t o = 0; o < O; ++o) {
    const double *weights = w.row(o);
    for (int64_t t = 0; t < T; ++t) {
      const double *in = x.row(t);
      double sum = 0;
      for (int64_t k = 0; k < K; ++k)
        sum += in[k] * weights[k];
      y.row(t)[o] = sum + (bias ? bias->values[o] : 0.0);
    }
  }
  return y;
}

std::vector<Tensor> split(const Tensor &x, const std::vector<int64_t> &widths) {
  std::vector<Tensor> parts;
  int64_t first = 0;
  for (int64_t width : widths) {
    Tensor &part = parts.emplace_back(Tensor({x.rows(), width}));
    for (int64_t t = 0; t < x.rows(); ++t)
      std::copy_n(x.row(t) + first, width, part.row(t));
    first += width;
  }
  return parts;
}

Tensor silu(Tensor x) {
  for (double &value : x.values)
    value = silu(value);
  return x;
}

Tensor softplus(Tensor x) {
  for (double &value : x.values)
    value = softplus(value);
  return x;
}

Tensor add(Tensor a, const Tensor &b) {
  for (size_t i = 0; i < a.values.size(); ++i)
    a.values[i] += b.values[i];
  return a;
}

Tensor gate(Tensor x, const Tensor &z) {
  for (size_t i = 0; i < x.values.size(); ++i)
    x.values[i] *= silu(z.values[i]);
  return x;
}

} // namespace mamba::reference
