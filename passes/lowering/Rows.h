// Which rows a value has.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"

namespace mamba {

/// None: the type is static, or no tensor. Slots: a state pool.
enum class Rows { None, Tokens, Sequences, Slots };

/// The rows of every value of the function and of its kernels' regions:
/// arguments have rows of T, `ssm.last_rows` makes them S, other ops keep
/// them. An op that mixes the two, or reads sequences off rows of S, emits an
/// error.
llvm::FailureOr<llvm::DenseMap<mlir::Value, Rows>> rowsOf(mlir::func::FuncOp func);

} // namespace mamba
