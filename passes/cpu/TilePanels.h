// The panels of a matrix as tile registers read them: pairs of bf16, 32 columns side
// by side.
#pragma once

#include "passes/cpu/CpuEmitter.h"
#include "passes/cpu/WeightPanel.h"

namespace mamba {

/// Columns of a panel, and k of a product of tiles.
constexpr int64_t kTilePanel = 32, kTileStep = 32;

/// Panels of bf16 are read where they lie, if K fills the products. Others are
/// written to scratch memory, for all columns of a tile of the grid: integers times
/// their scale, rounded, with zeros behind the last k.
class TilePanels {
public:
  TilePanels(CpuEmitter &e, mlir::Value matrix, int64_t K, int64_t columns);

  /// From this column on, of the tile of the grid; a multiple of its columns.
  void prepare(mlir::Value firstColumn);
  /// 16 columns of a panel, at k.
  mlir::Value tile(mlir::Value panel, mlir::Value k, int64_t half) const;

  /// Whether the matrix is of a kind that tiles take.
  static bool takes(mlir::Value matrix);

private:
  bool inPlace() const { return !made; }
  void makePanel(mlir::Value panel, mlir::Value local);
  mlir::Value pairs(mlir::Value low, mlir::Value high) const;

  CpuEmitter &e;
  mlir::Value matrix;
  WeightPanel weights;
  int64_t K, columns, block;
  mlir::Value firstPanel;
  mlir::Value made; // [panels of the tile * K / 2, 32 pairs]; null: in place
};

} // namespace mamba
