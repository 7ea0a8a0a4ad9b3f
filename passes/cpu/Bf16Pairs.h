// Rows of bf16 as instructions take them that multiply two rows at a time: for each
// four columns those of a row, then those of the next. Made in scratch memory once for
// all columns of a tile of the grid.
#pragma once

#include "passes/cpu/CpuEmitter.h"

namespace mamba {

/// Columns of a row, or k of an output, of such an instruction.
constexpr int64_t kQuad = 4;

class Bf16Pairs {
public:
  /// Holds `rows` rows, an even number, of `columns` columns of x, which lies in memory
  /// as bf16.
  Bf16Pairs(CpuEmitter &e, const View &x, int64_t rows, int64_t columns);

  /// Copies the columns from `first`, a multiple of 8, to `end` of a row of x, which is
  /// the `local`-th here; those from x.columns on are zero. A row without a partner has
  /// beside it whatever was there: no sum of the row sees that.
  void make(mlir::Value row, mlir::Value local, mlir::Value first, mlir::Value end);

  mlir::Value memory() const { return pairs; }
  /// Four columns from `k` on, counted from `first`, of the row `local`, an even one,
  /// and four of the next: vector<8xbf16>.
  mlir::Value quads(mlir::Value local, mlir::Value k) const;

private:
  CpuEmitter &e;
  View x;
  mlir::Value pairs; // [rows / 2, columns] words
};

} // namespace mamba
