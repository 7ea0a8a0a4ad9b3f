// One operand of a product on the matrix unit on its way through shared memory.
#pragma once

#include "passes/gpu/LinearMma.h"

namespace mamba {

/// Lines of an operand: rows of x, or of W, which are columns of y. A stage of
/// shared memory holds k_block of k of each, 16 bytes (chunks) at places that
/// are permuted from line to line, so that neither a copy nor eight rows of a
/// matrix meet in a bank.
class MmaLines {
public:
  /// Lines first to first + lines - 1 of `buffer`, whose elements from `offset`
  /// on are k; of `end` (null: enough) and later ones there are zeros.
  struct Source {
    mlir::Value buffer;
    int64_t offset, K;
    mlir::Value first, end;
    int64_t lines;
    /// Sixteen lines lie so that a thread's sums of two matrices beside each
    /// other are of four neighbouring columns.
    bool isPermuted;
    /// Of an element in memory: 16, or 8 or 4 of quantised ones, which lie in
    /// shared memory as numbers of `element`, all of which are exact.
    int64_t bits = 16;
    mlir::Type element = {};
  };
  /// They lie `place` bytes behind the start of a stage.
  MmaLines(GpuEmitter &e, const MmaCut &cut, const Source &source, mlir::Value shared,
           int64_t place);

  /// Starts the copies of this thread's part of the piece at k.
  void copy(mlir::Value k, mlir::Value stage);

  /// Without cp.async: the thread's part as it lies in memory, and into a stage.
  llvm::SmallVector<mlir::Value> load(mlir::Value k);
  void store(llvm::ArrayRef<mlir::Value> loaded, mlir::Value stage);
  int64_t copies() const { return llvm::divideCeil(source.lines, cut.linesAtOnce()); }
  mlir::Type loadedType() const;

  /// Where this lane's row of four matrices lies in a stage: those of the lines
  /// from `line` on, at the step-th step.
  mlir::Value matrices(mlir::Value line, mlir::Value laneLine, mlir::Value laneChunk,
                       mlir::Value step);

private:
  mlir::Value swizzled(mlir::Value line, mlir::Value chunk);
  /// Whether the i-th copy is of a line in memory, and whether there is such a
  /// copy in this thread. Null: in every case.
  mlir::Value isThere(int64_t i, mlir::Value k);
  mlir::Value isOwn(int64_t i);
  /// Eight quantised elements as four words of two numbers each.
  mlir::Value dequantised(mlir::Value loaded);

  GpuEmitter &e;
  MmaCut cut;
  Source source;
  mlir::Value shared;
  int64_t place;
  int64_t width;           // bytes of a row of the buffer
  mlir::Value threadLine, threadChunk, sourceLine; // of the thread's first copy
  mlir::Value from, to;    // where it lies, and where it goes in a stage
};

} // namespace mamba
