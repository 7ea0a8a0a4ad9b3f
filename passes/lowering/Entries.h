// The records of entries: what the functions of one entry agree on.
#pragma once

#include "dialects/plan/PlanDialect.h"
#include "passes/lowering/Rows.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

#include <string>

namespace mamba {

/// `ssm.entry`, or the function's name without one.
llvm::StringRef entryName(mlir::func::FuncOp func);
/// `ssm.state` of an argument or a result, or empty.
llvm::StringRef stateOfArg(mlir::func::FuncOp func, unsigned i);
llvm::StringRef stateOfResult(mlir::func::FuncOp func, unsigned i);
/// `ssm.name` of an argument or a result, or "arg0", "result0".
std::string nameOfArg(mlir::func::FuncOp func, unsigned i);
std::string nameOfResult(mlir::func::FuncOp func, unsigned i);

/// Makes the entry's record at the builder's insertion point.
plan::EntryOp createEntry(mlir::OpBuilder &builder, mlir::func::FuncOp func,
                          const llvm::DenseMap<mlir::Value, Rows> &rows);

/// Checks that another function of the entry has the same record. Where every
/// sequence has one token, rows of T and S are the same.
llvm::LogicalResult checkEntry(plan::EntryOp entry, mlir::func::FuncOp func,
                               const llvm::DenseMap<mlir::Value, Rows> &rows);

} // namespace mamba
