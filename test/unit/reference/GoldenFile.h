// The golden data of test/data/golden as tensors.
#pragma once

#include "compiler/reference/Ops.h"
#include "runtime/support/Safetensors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <optional>
#include <string>

namespace mamba::reference {

class GoldenFile {
public:
  /// `path` below test/data/golden.
  explicit GoldenFile(const std::string &path)
      : file(SafetensorsFile::open(MAMBA_TEST_DATA "/golden/" + path)) {
    EXPECT_TRUE(file.ok()) << file.status().message();
  }

  std::optional<Tensor> find(const std::string &name) const {
    const TensorView *view = file->find(name);
    if (!view)
      return std::nullopt;
    Tensor result(view->shape);
    for (size_t i = 0; i < result.values.size(); ++i)
      result.values[i] = view->dtype == DType::I64
                             ? double(element<int64_t>(*view, i))
                             : element<float>(*view, i);
    return result;
  }

  Tensor get(const std::string &name) const {
    std::optional<Tensor> tensor = find(name);
    EXPECT_TRUE(tensor) << name << " is not in " << file->name();
    return tensor ? *tensor : Tensor({0});
  }

private:
  template <typename T> static T element(const TensorView &view, size_t i) {
    T value;
    std::memcpy(&value, view.data + i * sizeof(T), sizeof(T));
    return value;
  }

  Result<SafetensorsFile> file;
};

/// [B, L, ...] -> [B * L, ...]
inline Tensor flattenBatch(Tensor x) {
  x.shape[1] *= x.shape[0];
  x.shape.erase(x.shape.begin());
  return x;
}

/// |actual - expected| / |expected|; infinite when the counts differ.
inline double relativeL2(const Tensor &actual, const Tensor &expected) {
  if (actual.values.size() != expected.values.size())
    return INFINITY;
  double difference = 0, norm = 0;
  for (size_t i = 0; i < expected.values.size(); ++i) {
    double d = actual.values[i] - expected.values[i];
    difference += d * d;
    norm += expected.values[i] * expected.values[i];
  }
  return std::sqrt(difference / norm);
}

} // namespace mamba::reference
