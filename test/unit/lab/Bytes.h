// Tensors as the bytes that kernels read and write, and back.
#pragma once

#include "test/unit/reference/TestTensors.h"

#include "mlir/IR/BuiltinTypes.h"

#include <cstdint>
#include <vector>

namespace mamba {

using reference::Tensor;

int64_t elementBytes(mlir::Type type);
/// Values rounded to the element type.
std::vector<uint8_t> bytesOf(const Tensor &tensor, mlir::Type element);
Tensor tensorOf(const uint8_t *bytes, mlir::Type element,
                std::vector<int64_t> shape);
/// The type's shape with that many rows, if rows are dynamic.
std::vector<int64_t> shapeFor(mlir::RankedTensorType type, int64_t rows);

bool sameBits(const Tensor &a, const Tensor &b);
bool sameBits(const std::vector<Tensor> &a, const std::vector<Tensor> &b);

} // namespace mamba
