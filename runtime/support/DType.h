// Element types of tensors in files, as the safetensors format names them.
#pragma once

#include "runtime/support/CheckedMath.h"
#include "runtime/support/Float16.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace mamba {

/// X(name in files and here, bits of an element).
#define MAMBA_DTYPES(X)                                                        \
  X(BOOL, 8)                                                                   \
  X(U8, 8)                                                                     \
  X(I8, 8)                                                                     \
  X(U16, 16)                                                                   \
  X(I16, 16)                                                                   \
  X(U32, 32)                                                                   \
  X(I32, 32)                                                                   \
  X(U64, 64)                                                                   \
  X(I64, 64)                                                                   \
  X(F16, 16)                                                                   \
  X(BF16, 16)                                                                  \
  X(F32, 32)                                                                   \
  X(F64, 64)                                                                   \
  X(C64, 64)                                                                   \
  X(F4, 4)                                                                     \
  X(F6_E2M3, 6)                                                                \
  X(F6_E3M2, 6)                                                                \
  X(F8_E5M2, 8)                                                                \
  X(F8_E4M3, 8)                                                                \
  X(F8_E8M0, 8)                                                                \
  X(F8_E4M3FNUZ, 8)                                                            \
  X(F8_E5M2FNUZ, 8)

enum class DType : uint8_t {
#define MAMBA_DTYPE_ENUM(name, bits) name,
  MAMBA_DTYPES(MAMBA_DTYPE_ENUM)
#undef MAMBA_DTYPE_ENUM
};

inline std::string_view dtypeName(DType type) {
  switch (type) {
#define MAMBA_DTYPE_NAME(name, bits)                                           \
  case DType::name:                                                            \
    return #name;
    MAMBA_DTYPES(MAMBA_DTYPE_NAME)
#undef MAMBA_DTYPE_NAME
  }
  return "unknown";
}

/// The type with this exact name, "BF16" for one.
inline std::optional<DType> parseDType(std::string_view name) {
#define MAMBA_DTYPE_PARSE(candidate, bits)                                     \
  if (name == #candidate)                                                      \
    return DType::candidate;
  MAMBA_DTYPES(MAMBA_DTYPE_PARSE)
#undef MAMBA_DTYPE_PARSE
  return std::nullopt;
}

/// Bits of an element; F4 and F6 are packed without gaps.
inline unsigned dtypeBits(DType type) {
  switch (type) {
#define MAMBA_DTYPE_BITS(name, bits)                                           \
  case DType::name:                                                            \
    return bits;
    MAMBA_DTYPES(MAMBA_DTYPE_BITS)
#undef MAMBA_DTYPE_BITS
  }
  return 8;
}

/// Bytes of an element, 0 for the types below a byte.
inline unsigned dtypeBytes(DType type) { return dtypeBits(type) / 8; }

/// Bytes of a dense tensor. None when the shape is negative or too large, or
/// elements below a byte do not fill the last byte.
inline std::optional<uint64_t> tensorBytes(DType type,
                                           std::span<const int64_t> shape) {
  auto count = elementCount(shape);
  if (!count)
    return std::nullopt;
  if (unsigned bytes = dtypeBytes(type))
    return checkedMul(*count, bytes);
  auto bits = checkedMul(*count, dtypeBits(type));
  if (!bits || *bits % 8 != 0)
    return std::nullopt;
  return *bits / 8;
}

} // namespace mamba
