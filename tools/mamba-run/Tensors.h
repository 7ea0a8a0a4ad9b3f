// Padded batches in safetensors files, as the verbs logits and call take them.
#pragma once

#include "mamba/runtime.h"
#include "runtime/support/Safetensors.h"
#include "runtime/support/Status.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace mamba::run {

/// "F32 [2, 3]".
std::string describeTensor(std::string_view dtype,
                           std::span<const int64_t> shape);

/// "tensor 'u' of 'in.safetensors': expected ..., found ...".
Status tensorMismatch(const SafetensorsFile &file, const std::string &name,
                      const std::string &expected, const TensorView &found);

/// The integers of an I64 (or I32) tensor.
Result<std::vector<int64_t>> readIntegers(const SafetensorsFile &file,
                                          const TensorView &tensor);

/// A tensor of token ids [rows, columns] and what is in it.
struct TokenMatrix {
  int64_t rows = 0, columns = 0;
  std::vector<int64_t> ids;
};

/// `name` as I64 [B, L]. The values are not checked.
Result<TokenMatrix> readTokenMatrix(const SafetensorsFile &file,
                                    const std::string &name);

/// The optional tensor `name`, I64 [rows] of values from 0 to `columns`;
/// without it every row is `columns` long.
Result<std::vector<int64_t>> readLengths(const SafetensorsFile &file,
                                         const std::string &name, int64_t rows,
                                         int64_t columns);

/// A token id of a matrix as int32, or a failure that names position and bound.
Result<int32_t> checkedToken(const TokenMatrix &matrix, const std::string &name,
                             int64_t row, int64_t column, int64_t vocabSize);

/// Zeroed bytes for a tensor of this shape and element size.
Result<std::vector<uint8_t>> allocateTensor(const std::string &name,
                                            std::span<const int64_t> shape,
                                            uint64_t elementBytes);

} // namespace mamba::run
