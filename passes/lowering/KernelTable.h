// The distinct kernels of a module.
#pragma once

#include "dialects/plan/PlanDialect.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"

#include <string>

namespace mamba {

/// Outlines kernels, equal ones once. Two kernels are equal if their regions,
/// operand types and schedules are.
class KernelTable {
public:
  /// New kernels are made at the builder's insertion point.
  explicit KernelTable(mlir::OpBuilder builder) : builder(builder) {}

  /// The kernel equal to this one, noted as used by programs of `className`.
  plan::KernelOp outline(ssm::KernelOp kernel, llvm::StringRef className);

private:
  mlir::OpBuilder builder;
  llvm::StringMap<plan::KernelOp> byText;
  llvm::StringMap<int> uses; // of names before they are made unique
};

/// "linear_768x3072_norm_r96": the main op and its sizes, the other ops in
/// order, the schedule's block of rows.
std::string kernelName(ssm::KernelOp kernel);

} // namespace mamba
