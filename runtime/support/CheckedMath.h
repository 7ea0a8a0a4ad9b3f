// Arithmetic on sizes that come from files: overflow is an answer, not a wrap.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

namespace mamba {

inline std::optional<uint64_t> checkedMul(uint64_t a, uint64_t b) {
  uint64_t product;
  if (__builtin_mul_overflow(a, b, &product))
    return std::nullopt;
  return product;
}

inline std::optional<uint64_t> checkedAdd(uint64_t a, uint64_t b) {
  uint64_t sum;
  if (__builtin_add_overflow(a, b, &sum))
    return std::nullopt;
  return sum;
}

/// `value` raised to the next multiple of `multiple`, which is not zero.
inline std::optional<uint64_t> checkedAlignUp(uint64_t value,
                                              uint64_t multiple) {
  uint64_t rest = value % multiple;
  return rest == 0 ? value : checkedAdd(value, multiple - rest);
}

/// The number of elements of a shape; 1 for a scalar's empty shape. None when
/// an extent is negative or the product of the non-zero extents overflows, so
/// that a shape's strides fit too, whatever the order of its extents.
inline std::optional<uint64_t> elementCount(std::span<const int64_t> shape) {
  uint64_t count = 1;
  bool empty = false;
  for (int64_t extent : shape) {
    if (extent < 0)
      return std::nullopt;
    empty |= extent == 0;
    auto product = checkedMul(count, std::max<int64_t>(extent, 1));
    if (!product)
      return std::nullopt;
    count = *product;
  }
  return empty ? 0 : count;
}

} // namespace mamba
