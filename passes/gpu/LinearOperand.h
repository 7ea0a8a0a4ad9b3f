// One operand of a product of tiles on its way through shared memory: rows of x,
// or rows of W, which are columns of y. Such a row is a line here.
#pragma once

#include "passes/gpu/GpuEmitter.h"

namespace mamba {

/// Whether vectors of `count` columns of an activation lie at multiples of their
/// size, from a column on that is a multiple of count: its buffer starts at a
/// multiple of 64.
bool isLinearAligned(const View &view, int64_t count);

/// A block's threads load `kBlock` k of its lines at a time, eight k of a line
/// side by side, and write them to one of two buffers [kBlock, lines].
class LinearOperand {
public:
  /// k of a line that neighbouring threads load: a sector of 32 bytes.
  static constexpr int64_t sector = 8;
  /// What stands behind the lines of a k in shared memory: when a warp writes,
  /// it hits 32 banks.
  static constexpr int64_t padding = 4;

  /// Lines first to first + lines - 1; those beyond `last` (null: none) are
  /// loaded as that one. They are of an activation, which is loaded by vectors
  /// if it allows it, or of the weight `matrix` (null: none).
  LinearOperand(GpuEmitter &e, const View &view, mlir::Value matrix, mlir::Value first,
                int64_t lines, mlir::Value last);

  /// The thread's elements of the piece that starts at k, zeros beyond the end.
  llvm::SmallVector<mlir::Value> load(mlir::Value k);
  void store(llvm::ArrayRef<mlir::Value> elements, mlir::Value buffer);

  /// Of a thread's elements, and of the lines that they are of.
  int64_t elementsAThread() const { return linesAThread() * vector * parts(); }
  int64_t linesAThread() const { return lines / linesAtATime; }
  /// The number of the element's line among the thread's, and the i-th of these.
  int64_t lineOf(int64_t element) const { return element / vector % linesAThread(); }
  mlir::Value line(int64_t i) { return e.add(threadLine, i * linesAtATime); }
  /// Lanes that share a line, the first of which is one of them.
  int64_t lanesALine() const { return sector / vector; }
  mlir::Value isFirstOfLine() { return e.equal(threadK, e.index(0)); }

  /// How many of a thread's `tile` lines it reads at once: 4, 2 or 1.
  static int64_t vectorOf(int64_t tile) { return tile % 4 == 0 ? 4 : tile % 2 == 0 ? 2 : 1; }
  /// The first line of the v-th such vector, for a thread of this number: the
  /// v-th ones of its neighbours lie beside it.
  mlir::Value place(mlir::Value number, int64_t v, int64_t tile);
  /// Those lines at k.
  llvm::SmallVector<mlir::Value> read(mlir::Value buffer, mlir::Value k, mlir::Value number,
                                      int64_t tile);

private:
  int64_t parts() const { return kBlock / sector; }

  GpuEmitter &e;
  View view;
  mlir::Value matrix;
  int64_t lines, kBlock;
  int64_t vector;       // elements of a load
  int64_t linesAtATime; // that all threads load
  mlir::Value threadK, threadLine, shared;
  llvm::SmallVector<mlir::Value> rows; // of the view, that the thread loads
};

} // namespace mamba
