// A causal convolution, and SiLU, computed where its rows are read.
#pragma once

#include "passes/gpu/GpuEmitter.h"
#include "passes/target/Match.h"

namespace mamba {

/// Computes u = silu(conv(x)) of some channels as its kernel of its own would, to
/// the bit: bias first, then the taps from the oldest on.
class ConvPrologue {
public:
  ConvPrologue(GpuEmitter &e, const ConvRows &rows);

  /// Of `count` neighbouring channels, what is the same for all rows: W weights
  /// of each, and their biases.
  struct Taps {
    mlir::Value column;
    llvm::SmallVector<mlir::Value> weights, biases;
  };
  /// By vectors if `count` is one that rows and pool allow: see isAligned().
  Taps taps(mlir::Value column, int64_t count);
  /// Whether vectors of so many channels lie at multiples of their size.
  bool isAligned(int64_t count) const;

  /// Where a row of T stands: how many rows of its sequence are before it, and
  /// the slot with those before them.
  struct Place {
    mlir::Value row, before, slot;
  };
  Place placeOf(mlir::Value row) { return placeOf(row, guess(row)); }
  /// The same in two parts, so that loads are on their way in between: of the
  /// sequence that has the row if each of those before it has one.
  struct Guess {
    mlir::Value sequence, start, next, slot;
  };
  Guess guess(mlir::Value row);
  Place placeOf(mlir::Value row, const Guess &guess);
  /// Whether a row is its sequence's first: all that is before it is in the pool.
  mlir::Value isFirst(const Place &place);
  /// u of the channels in a row, known to be a first one or not. The pool is only
  /// read.
  llvm::SmallVector<mlir::Value> rowAt(const Place &place, const Taps &taps, bool isFirst);

  /// u of one channel from its last W inputs, the oldest first.
  mlir::Value apply(mlir::ValueRange inputs, const Taps &taps, int64_t channel = 0);
  mlir::Value input(mlir::Value row, mlir::Value column);
  /// The k-th input of a slot's window, of channels beside each other.
  llvm::SmallVector<mlir::Value> loadPool(mlir::Value slot, int64_t k, mlir::Value column,
                                          int64_t count = 1);
  void storePool(mlir::ValueRange values, mlir::Value slot, int64_t k, mlir::Value column);

  const int64_t E, W;

private:
  /// Neighbours in a buffer's last dimension, loaded at once if they are several.
  llvm::SmallVector<mlir::Value> load(mlir::Value buffer, mlir::ValueRange at, int64_t count);

  GpuEmitter &e;
  ssm::Conv1dOp conv;
  bool hasSilu;
};

} // namespace mamba
