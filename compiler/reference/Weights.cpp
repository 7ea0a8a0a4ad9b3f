// The ops on weights; formulas as in dialects/ssm/SSMOps.td.
#include "compiler/reference/Ops.h"

#include <cmath>

namespace mamba::reference {

Tensor cast(Tensor x, Precision to) {
  for (double &value : x.values)
    value = roundTo(value, to);
  return x;
}

Tensor reshape(Tensor x, std::vector<int64_t> shape) {
  x.shape = std::move(shape);
  return x;
}

Tensor pack(const Tensor &x, int64_t block) {
  int64_t O = x.shape[0], K = x.shape[1];
  Tensor y({(O + block - 1) / block, K, block});
  for (int64_t o = 0; o < O; ++o)
    for (int64_t k = 0; k < K; ++k)
      y.row(o / block)[k * block + o % block] = x.row(o)[k];
  return y;
}

Tensor unpack(const Tensor &x, int64_t rows) {
  int64_t K = x.shape[1], block = x.shape[2];
  Tensor y({rows, K});
  for (int64_t o = 0; o < rows; ++o)
    for (int64_t k = 0; k < K; ++k)
      y.row(o)[k] = x.row(o / block)[k * block + o % block];
  return y;
}

Tensor decay(Tensor aLog) {
  for (double &value : aLog.values)
    value = -std::exp(value);
  return aLog;
}

Tensor scale(Tensor x, double factor) {
  for (double &value : x.values)
    value *= factor;
  return x;
}

Tensor scaleColumns(Tensor x, const Tensor &s) {
  int64_t O = x.shape[0], K = x.shape[1];
  for (int64_t o = 0; o < O; ++o)
    for (int64_t k = 0; k < K; ++k)
      x.row(o)[k] *= s.values[k];
  return x;
}

} // namespace mamba::reference
