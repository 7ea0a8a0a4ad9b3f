// A convolution of a projection's outputs, in steps of at most one row a sequence:
// the thread that has an output has all that the convolution wants of it.
#pragma once

#include "passes/gpu/ConvPrologue.h"

#include <optional>

namespace mamba {

/// The convolution of a row's outputs. LinearConv.cpp.
class LinearConv {
public:
  /// Starts to look for the row's sequence, which settle() finds.
  LinearConv(GpuEmitter &e, const LinearParts &parts, mlir::Value row);
  void settle();
  /// One that is settled, if the kernel has any.
  static std::optional<LinearConv> of(GpuEmitter &e, const LinearParts &parts, mlir::Value row);
  /// Loads early what store() wants of one column, if the output is the thread's;
  /// columns are stored in the same order.
  void fetch(mlir::Value column, mlir::Value mine);
  /// Stores what it makes of neighbouring columns' outputs, and moves its state on,
  /// if they go through it.
  void store(llvm::ArrayRef<mlir::Value> outputs, mlir::Value column);

private:
  struct Wanted {
    ConvPrologue::Taps taps;
    llvm::SmallVector<llvm::SmallVector<mlir::Value>> window; // by taps, of each by channels
  };
  Wanted load(mlir::Value column, int64_t count);
  mlir::Value isInside(mlir::Value column, int64_t count);

  GpuEmitter &e;
  LinearParts parts;
  ConvPrologue conv;
  mlir::Value row, slot;
  ConvPrologue::Guess guess;
  llvm::SmallVector<Wanted> fetched;
  size_t used = 0; // of these
};

/// Stores finished outputs of neighbouring columns, as a vector if they are several:
/// in all the precisions that the kernel yields, and through the row's convolution.
void storeLinear(GpuEmitter &e, const LinearParts &parts, llvm::ArrayRef<mlir::Value> outputs,
                 mlir::Value row, mlir::Value column, std::optional<LinearConv> &conv);

} // namespace mamba
