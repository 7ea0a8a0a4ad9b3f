// Which values are known once the weights are loaded.
#pragma once

#include "mlir/IR/Operation.h"
#include "mlir/IR/Value.h"

namespace mamba {

/// Whether the value comes from weights alone: its backward slice holds only
/// `ssm.weight` and the ops on weights (cast, reshape, pack, unpack, decay,
/// scale, scale_columns). Such ops run once, when weights are loaded.
bool isWeightSlice(mlir::Value value);

/// Whether the op belongs to such a slice.
bool isWeightOp(mlir::Operation *op);

} // namespace mamba
