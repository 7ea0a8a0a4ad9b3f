// The scales of quantised weights on their way through shared memory.
#pragma once

#include "passes/gpu/LinearMma.h"

namespace mamba {

/// Each 32 k of a column of y have a scale, which the sum of their products is
/// multiplied by. Those of a period, 256 k, come at once and stay until the next;
/// there are two such buffers, f32 as [groups, columns].
class MmaScales {
public:
  static constexpr int64_t group = 32, groups = 8, period = group * groups;

  /// Of the columns from `first` on of O, in words of `shared` from `place` on.
  MmaScales(GpuEmitter &e, const MmaCut &cut, mlir::Value scales, mlir::Value first,
            mlir::Value shared, int64_t place);

  static int64_t words(const MmaCut &cut) { return 2 * groups * cut.colBlock; }

  /// The thread's part of the period that k is in, and into its buffer.
  llvm::SmallVector<mlir::Value> load(mlir::Value k);
  void store(llvm::ArrayRef<mlir::Value> loaded, mlir::Value k);
  llvm::SmallVector<mlir::Type> loadedTypes();

  /// Of four neighbouring columns of the block, of k's group.
  mlir::Value read(mlir::Value k, mlir::Value column);

private:
  /// Lines of a thread, and vectors of scales of each.
  int64_t lines() const { return llvm::divideCeil(cut.colBlock, cut.threads); }
  mlir::Value line(int64_t i) { return e.add(e.thread, i * cut.threads); }
  mlir::Value buffer(mlir::Value k);

  GpuEmitter &e;
  MmaCut cut;
  mlir::Value scales, first, shared;
  int64_t place, O, allGroups, vector;
};

} // namespace mamba
