// Tensors for the tests of the reference.
#pragma once

#include "compiler/reference/Ops.h"

#include <cstdint>
#include <random>
#include <vector>

namespace mamba::reference {

/// Uniform in [lo, hi), the same on every machine.
class RandomTensors {
public:
  explicit RandomTensors(uint32_t seed) : engine(seed) {}

  Tensor operator()(std::vector<int64_t> shape, double lo = -1, double hi = 1) {
    Tensor result(std::move(shape));
    for (double &value : result.values)
      value = lo + (hi - lo) * double(engine()) * 0x1p-32;
    return result;
  }
  /// In [lo, hi].
  int64_t integer(int64_t lo, int64_t hi) {
    return lo + int64_t(engine() % uint32_t(hi - lo + 1));
  }

private:
  std::mt19937 engine;
};

/// Rows `first` to `last` of x.
inline Tensor rowsOf(const Tensor &x, int64_t first, int64_t last) {
  std::vector<int64_t> shape = x.shape;
  shape[0] = last - first;
  return Tensor(std::move(shape), {x.row(first), x.row(last)});
}

/// The rows of a, then those of b.
inline Tensor concatenate(const Tensor &a, const Tensor &b) {
  std::vector<int64_t> shape = a.shape;
  shape[0] += b.shape[0];
  std::vector<double> values = a.values;
  values.insert(values.end(), b.values.begin(), b.values.end());
  return Tensor(std::move(shape), std::move(values));
}

} // namespace mamba::reference
