// A function of kernels -> dispatches over buffers.
#pragma once

#include "passes/lowering/KernelTable.h"
#include "passes/lowering/MemoryPlan.h"
#include "passes/lowering/Rows.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"

#include <map>
#include <string>

namespace mamba {

/// Whether all operands of the kernel are weights, or these reshaped, so that
/// its result is known once they are loaded.
bool isRecipeKernel(ssm::KernelOp kernel);

/// Writes the dispatches over weights alone, of all programs.
class RecipeBuilder {
public:
  /// `recipe` is empty.
  RecipeBuilder(plan::RecipeOp recipe, KernelTable &kernels) : recipe(recipe), kernels(kernels) {}

  /// The offset of the kernel's result among the packed weights.
  int64_t packedOffset(ssm::KernelOp kernel);

private:
  plan::RecipeOp recipe;
  KernelTable &kernels;
  std::map<std::string, int64_t> offsets; // of kernel and weights
};

/// Writes one program.
class ProgramBuilder {
public:
  ProgramBuilder(mlir::func::FuncOp func, plan::EntryOp entry,
                 const llvm::DenseMap<mlir::Value, Rows> &rows, KernelTable &kernels,
                 RecipeBuilder &recipe)
      : func(func), entry(entry), rows(rows), kernels(kernels), recipe(recipe),
        body(func.getContext()) {}

  /// Makes the program at the builder's insertion point.
  llvm::LogicalResult build(mlir::OpBuilder &builder);

private:
  /// A buffer of an arena; several ops if it is read under several shapes.
  struct Memory {
    Lifetime lifetime;
    llvm::SmallVector<plan::BufferOp, 1> ops;
  };

  void bindArguments();
  void bindResults();
  llvm::LogicalResult checkStates();
  llvm::LogicalResult buildDispatch(ssm::KernelOp kernel);
  llvm::LogicalResult useState(ssm::KernelOp kernel, mlir::Value pool);
  mlir::Value operandBuffer(mlir::Value value);
  mlir::Value resultBuffer(mlir::Value value);
  mlir::Value reshaped(mlir::Value buffer, mlir::MemRefType type);
  void noteUse(mlir::Value buffer);
  plan::RowsAttr dispatchRows(ssm::KernelOp kernel);
  void placeBuffers();

  mlir::func::FuncOp func;
  plan::EntryOp entry;
  const llvm::DenseMap<mlir::Value, Rows> &rows;
  KernelTable &kernels;
  RecipeBuilder &recipe;

  plan::ProgramOp program;
  mlir::OpBuilder body;
  llvm::DenseMap<mlir::Value, mlir::Value> buffers; // of values of the function
  llvm::DenseMap<mlir::Value, llvm::StringRef> pools; // versions: the state's id
  llvm::StringMap<mlir::Value> newest;                // version of each state
  llvm::SmallVector<Memory> memory;
  llvm::DenseMap<mlir::Value, size_t> memoryOf; // of plan.buffer
  int64_t dispatches = 0;
};

} // namespace mamba
