// The innermost product of rows by a packed panel, shared by projections and
// by the dt projection of the scan.
#pragma once

#include "passes/cpu/WeightPanel.h"

namespace mamba {

class Bf16Pairs;
class Int8Rows;

/// Which outputs are computed together, in registers: `vectors` vectors of the
/// panel from `column` on, for each of some rows.
struct PanelTile {
  View x;
  llvm::SmallVector<mlir::Value> rows;
  mlir::Value from = {}; // the k of the first column of x; null: 0
  mlir::Value panel;
  int64_t column = 0, vectors = 1;
  bool prefetches = false; // asks for weights before they are read
  const Int8Rows *int8 = nullptr; // x as integers; the rows are those that it holds
  const Bf16Pairs *pairs = nullptr; // the same of x as pairs of rows, the first an even one
};

/// sums[i * vectors + j] + sum_k x[row i, k] * w[panel, k, column + j * lanes ...]
/// over k from `first` to `end`, multiples of 32 or K. The terms are added in the
/// order of k, of pairs of rows two at a time; those of a group with a scale are added
/// up first, then scaled and added. So the result depends neither on how many rows or
/// vectors are computed together nor on how k is cut.
llvm::SmallVector<mlir::Value> panelProduct(CpuEmitter &e, const PanelTile &tile,
                                            const WeightPanel &weights, int64_t K,
                                            mlir::Value first, mlir::Value end,
                                            mlir::ValueRange sums);

/// The whole sums of some rows.
llvm::SmallVector<mlir::Value> panelProduct(CpuEmitter &e, const PanelTile &tile,
                                            const WeightPanel &weights);

/// 1 / sqrt(squares / columns + eps), of a scalar or of a vector of such sums.
mlir::Value inverseRoot(CpuEmitter &e, mlir::Value squares, int64_t columns, double eps);
/// The sum of x[row]^2 as a scalar, in a fixed order.
mlir::Value sumOfSquares(CpuEmitter &e, const View &x, mlir::Value row);
/// 1 / sqrt(mean(x[row]^2) + eps) as a scalar.
mlir::Value inverseRms(CpuEmitter &e, const View &x, mlir::Value row, double eps);

} // namespace mamba
