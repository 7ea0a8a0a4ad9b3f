// What the CPU's generators write with: loads and stores of vectors of channels
// with masked edges, and scratch memory.
#pragma once

#include "passes/target/KernelEmitter.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mamba {

/// Arguments as in passes/cpu/README.md.
class CpuEmitter : public KernelEmitter {
public:
  /// Creates `func.func private @<symbol>` with an empty body and stands in it.
  CpuEmitter(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef symbol,
             ssm::KernelOp kernel, const Target &target, ssm::ScheduleAttr schedule);

  int64_t lanes;
  mlir::VectorType vectorType; // vector<lanes x f32>
  /// Columns are addressed up to the next multiple of this: a multiple of lanes.
  int64_t reach;

  // Vectors of `lanes` channels, f32 whatever the buffer holds: widened when they
  // are read, rounded when they are written. Channels from `columns` on read as 0
  // and are not written.
  mlir::Value load(const View &view, mlir::Value row, mlir::Value column);
  void store(mlir::Value vector, const View &view, mlir::Value row, mlir::Value column);
  /// Of a [columns] buffer.
  mlir::Value load1(mlir::Value buffer, mlir::Value column);
  /// The same of any buffer, where the mask is set; null: everywhere.
  mlir::Value loadAt(mlir::Value buffer, mlir::ValueRange at, mlir::Value mask);
  void storeAt(mlir::Value vector, mlir::Value buffer, mlir::ValueRange at, mlir::Value mask);
  /// One element, widened.
  mlir::Value scalar(const View &view, mlir::Value row, mlir::Value column);
  mlir::Value scalarAt(mlir::Value buffer, mlir::ValueRange at);
  mlir::Value broadcast(mlir::Value scalar);
  mlir::Value zero() { return math.constant(vectorType, 0); }
  /// The lanes of `column` below `columns`, or null if all that are addressed are.
  mlir::Value edgeMask(mlir::Value column, int64_t columns);

  /// Begins to fetch what lies there into the second level cache; `at` may lie beyond
  /// the end.
  void prefetch(mlir::Value buffer, mlir::ValueRange at, bool isWritten = false);

  /// The body for each number below `count`, and of what they emit one op after the
  /// other in turns: chains that do not wait for each other stand side by side.
  void interleave(int64_t count, const std::function<void(int64_t)> &body);

  /// f32 scratch memory of this thread: a matrix [rows, columns], 64-byte aligned.
  mlir::Value scratch(int64_t rows, int64_t columns);
  int64_t scratchBytes() const { return scratchUsed; }

private:
  mlir::Value scratchBase;
  int64_t scratchUsed = 0;
};

} // namespace mamba
