// Values that make sense for an argument of a kernel.
#pragma once

#include "runtime/pack/Manifest.h"

#include "mlir/IR/Value.h"

namespace mamba {

/// Whether the argument of a kernel's region is a state pool.
bool isPool(mlir::BlockArgument arg);

/// How to fill the argument, by what the ops of the region do with it: a decay
/// is negative, a projection's weights keep the size of its input, a token is
/// a row of the table.
void setRange(GoldenArg &golden, mlir::BlockArgument arg);

} // namespace mamba
