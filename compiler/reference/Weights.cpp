// The ops on weights; formulas as in dialects/ssm/SSMWeights.td.
#include "compiler/reference/Ops.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

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

/// Where x[o, k] stands in a panel of ssm.pack.
static int64_t placeInPanel(int64_t o, int64_t k, int64_t block, int64_t interleave) {
  return (k / interleave * block + o % block) * interleave + k % interleave;
}

Tensor pack(const Tensor &x, int64_t block, int64_t interleave) {
  int64_t O = x.shape[0], K = x.shape[1];
  Tensor y({(O + block - 1) / block, (K + interleave - 1) / interleave, block * interleave});
  for (int64_t o = 0; o < O; ++o)
    for (int64_t k = 0; k < K; ++k)
      y.row(o / block)[placeInPanel(o, k, block, interleave)] = x.row(o)[k];
  return y;
}

Tensor unpack(const Tensor &x, int64_t rows, int64_t columns, int64_t interleave) {
  int64_t block = x.shape[2] / interleave;
  Tensor y({rows, columns});
  for (int64_t o = 0; o < rows; ++o)
    for (int64_t k = 0; k < columns; ++k)
      y.row(o)[k] = x.row(o / block)[placeInPanel(o, k, block, interleave)];
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
  for (int64_t o = 0; o < O; ++o) {
    double *row = x.row(o);
    for (int64_t k = 0; k < K; ++k)
      row[k] *= s.values[k];
  }
  return x;
}

Tensor quantScales(const Tensor &x, int64_t bits) {
  int64_t O = x.shape[0], K = x.shape[1], groups = (K + kGroup - 1) / kGroup;
  Tensor y({O, groups});
  for (int64_t o = 0; o < O; ++o) {
    const double *row = x.row(o);
    for (int64_t g = 0; g < groups; ++g) {
      float largest = 0; // in magnitude, the first of equals
      for (int64_t k = g * kGroup; k < std::min(K, (g + 1) * kGroup); ++k)
        if (float w = float(row[k]); std::abs(w) > std::abs(largest))
          largest = w;
      float scale = bits == 8 ? std::abs(largest) * (1.0f / 127) : largest * -0.125f;
      y.row(o)[g] = roundTo(scale, Precision::BF16);
    }
  }
  return y;
}

Tensor quantize(const Tensor &x, const Tensor &scales, int64_t bits) {
  int64_t O = x.shape[0], K = x.shape[1];
  double least = bits == 8 ? -127 : -8, most = bits == 8 ? 127 : 7;
  Tensor y({O, (K * bits + 7) / 8});
  for (int64_t o = 0; o < O; ++o) {
    const double *weights = x.row(o), *scale = scales.row(o);
    double *bytes = y.row(o);
    for (int64_t k = 0; k < K; ++k) {
      float s = float(scale[k / kGroup]), w = float(weights[k]);
      double q = s == 0 ? 0 : std::clamp<double>(std::nearbyint(w / s), least, most);
      if (bits == 8) {
        bytes[k] = q;
        continue;
      }
      int byte = int(bytes[k / 2]) & 255;
      byte |= (int(q) & 15) << (k % 2 * 4);
      bytes[k / 2] = int8_t(byte);
    }
  }
  return y;
}

Tensor dequantize(const Tensor &q, const Tensor &scales, int64_t bits, int64_t columns) {
  Tensor y({q.shape[0], columns});
  for (int64_t o = 0; o < y.shape[0]; ++o) {
    const double *bytes = q.row(o), *scale = scales.row(o);
    double *weights = y.row(o);
    for (int64_t k = 0; k < columns; ++k) {
      int value = int(bytes[k * bits / 8]);
      if (bits == 4) {
        value = (value >> (k % 2 * 4)) & 15;
        value = value < 8 ? value : value - 16;
      }
      weights[k] = value * scale[k / kGroup];
    }
  }
  return y;
}

} // namespace mamba::reference
