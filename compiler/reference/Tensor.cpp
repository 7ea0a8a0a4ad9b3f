// Tensors, batches and rounding.
#include "compiler/reference/Ops.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <limits>

namespace mamba::reference {

static int64_t product(const int64_t *begin, const int64_t *end) {
  int64_t result = 1;
  for (; begin != end; ++begin)
    result *= *begin;
  return result;
}

Tensor::Tensor(std::vector<int64_t> dims) : shape(std::move(dims)) {
  values.assign(product(shape.data(), shape.data() + shape.size()), 0.0);
}

Tensor::Tensor(std::vector<int64_t> dims, std::vector<double> elements)
    : shape(std::move(dims)), values(std::move(elements)) {
  assert(int64_t(values.size()) ==
         product(shape.data(), shape.data() + shape.size()));
}

int64_t Tensor::rowSize() const {
  return product(shape.data() + 1, shape.data() + shape.size());
}

BatchValue makeBatch(const std::vector<int64_t> &lengths) {
  BatchValue batch;
  batch.seqStart.push_back(0);
  for (int64_t length : lengths) {
    batch.slot.push_back(batch.sequences());
    batch.position.push_back(0);
    batch.seqStart.push_back(batch.seqStart.back() + length);
  }
  return batch;
}

double roundTo(double x, Precision precision) {
  // Bits of the significand, exponent of the least subnormal, 2^exponent that
  // is too large.
  struct Format {
    int bits, least, overflow;
  };
  Format format = precision == Precision::F32   ? Format{24, -149, 128}
                  : precision == Precision::F16 ? Format{11, -24, 16}
                                                : Format{8, -133, 128};
  if (x == 0 || !std::isfinite(x))
    return x;
  // Where neither bound is near, in the bits of the significand.
  uint64_t image = std::bit_cast<uint64_t>(x), drop = 53 - format.bits;
  int above = int(image >> 52 & 2047) - 1022; // |x| is in [2^(above-1), 2^above)
  if (above - format.bits >= format.least && above < format.overflow) {
    image += (uint64_t(1) << (drop - 1)) - 1 + (image >> drop & 1);
    return std::bit_cast<double>(image >> drop << drop);
  }
  int exponent; // |x| is in [2^(exponent-1), 2^exponent)
  std::frexp(x, &exponent);
  int lastPlace = std::max(exponent - format.bits, format.least);
  // nearbyint rounds ties to even; both scalings are exact.
  double rounded =
      std::ldexp(std::nearbyint(std::ldexp(x, -lastPlace)), lastPlace);
  if (std::abs(rounded) >= std::ldexp(1.0, format.overflow))
    return std::copysign(std::numeric_limits<double>::infinity(), x);
  return rounded;
}

} // namespace mamba::reference
