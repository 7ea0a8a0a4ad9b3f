// A causal convolution of vectors of channels, wherever its rows come from.
#pragma once

#include "passes/cpu/CpuEmitter.h"

namespace mamba {

/// The sum of an output has one order: the bias, then the taps from the oldest on.
/// Channels are multiples of the lanes.
class ConvChannels {
public:
  ConvChannels(CpuEmitter &e, ssm::Conv1dOp conv);

  /// Channels of a panel of weights: those of as many vectors as a kernel of its own
  /// has in registers.
  static int64_t panel(int64_t E, int64_t lanes);

  /// What is the same for all rows.
  struct Taps {
    llvm::SmallVector<mlir::Value> weights;
    mlir::Value bias;
  };
  Taps taps(mlir::Value channel);
  /// Of W inputs, the oldest first.
  mlir::Value sum(const Taps &taps, mlir::ValueRange inputs);

  /// The W-1 inputs before a sequence's first row, the oldest first.
  llvm::SmallVector<mlir::Value> loadPool(mlir::Value slot, mlir::Value channel);
  void storePool(mlir::ValueRange inputs, mlir::Value slot, mlir::Value channel);

  const int64_t E, W;

private:
  CpuEmitter &e;
  ssm::Conv1dOp conv;
};

} // namespace mamba
