#include "tools/mamba-run/Tensors.h"

#include "runtime/support/Quote.h"

#include <cstring>

namespace mamba::run {

std::string describeTensor(std::string_view dtype,
                           std::span<const int64_t> shape) {
  return std::string(dtype) + " " + formatShape(shape);
}

Status tensorMismatch(const SafetensorsFile &file, const std::string &name,
                      const std::string &expected, const TensorView &found) {
  return invalidData("tensor " + inQuotes(name) + " of " +
                     inQuotes(file.name()) + ": expected " + expected +
                     ", found " +
                     describeTensor(dtypeName(found.dtype), found.shape));
}

Result<std::vector<int64_t>> readIntegers(const SafetensorsFile &file,
                                          const TensorView &tensor) {
  uint64_t count = elementCount(tensor.shape).value_or(0);
  std::vector<int64_t> values(count);
  if (tensor.dtype == DType::I64) {
    if (count != 0)
      std::memcpy(values.data(), tensor.data, tensor.bytes);
  } else if (tensor.dtype == DType::I32) {
    for (uint64_t i = 0; i < count; ++i) {
      int32_t value;
      std::memcpy(&value, tensor.data + i * sizeof(value), sizeof(value));
      values[i] = value;
    }
  } else {
    return tensorMismatch(file, tensor.name,
                          describeTensor("I64", tensor.shape), tensor);
  }
  return values;
}

Result<TokenMatrix> readTokenMatrix(const SafetensorsFile &file,
                                    const std::string &name) {
  MAMBA_ASSIGN_OR_RETURN(const TensorView *tensor, file.get(name));
  if (tensor->shape.size() != 2)
    return tensorMismatch(file, name, "I64 [B, L]", *tensor);
  MAMBA_ASSIGN_OR_RETURN(std::vector<int64_t> ids, readIntegers(file, *tensor));
  return TokenMatrix{tensor->shape[0], tensor->shape[1], std::move(ids)};
}

Result<std::vector<int64_t>> readLengths(const SafetensorsFile &file,
                                         const std::string &name, int64_t rows,
                                         int64_t columns) {
  const TensorView *tensor = file.find(name);
  if (!tensor)
    return std::vector<int64_t>(rows, columns);
  if (tensor->shape != std::vector<int64_t>{rows})
    return tensorMismatch(
        file, name, describeTensor("I64", std::vector<int64_t>{rows}), *tensor);
  MAMBA_ASSIGN_OR_RETURN(auto lengths, readIntegers(file, *tensor));
  for (int64_t row = 0; row < rows; ++row)
    if (lengths[row] < 0 || lengths[row] > columns)
      return invalidData(name + "[" + std::to_string(row) + "] of " +
                         inQuotes(file.name()) + " is " +
                         std::to_string(lengths[row]) + ", must be from 0 to " +
                         std::to_string(columns));
  return lengths;
}

Result<int32_t> checkedToken(const TokenMatrix &matrix, const std::string &name,
                             int64_t row, int64_t column, int64_t vocabSize) {
  int64_t id = matrix.ids[row * matrix.columns + column];
  if (id < 0 || id >= vocabSize)
    return invalidData(name + "[" + std::to_string(row) + ", " +
                       std::to_string(column) + "] is " + std::to_string(id) +
                       ", must be from 0 to " + std::to_string(vocabSize - 1));
  return static_cast<int32_t>(id);
}

Result<std::vector<uint8_t>> allocateTensor(const std::string &name,
                                            std::span<const int64_t> shape,
                                            uint64_t elementBytes) {
  auto count = elementCount(shape);
  auto bytes = count ? checkedMul(*count, elementBytes) : std::nullopt;
  if (!bytes || *bytes > uint64_t(1) << 46)
    return outOfMemory("tensor " + inQuotes(name) + " " + formatShape(shape) +
                       " does not fit into memory");
  return std::vector<uint8_t>(*bytes);
}

} // namespace mamba::run
