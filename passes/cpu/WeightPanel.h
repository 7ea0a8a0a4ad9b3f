// How a matrix lies in panels for each format, and how its weights become f32.
//
// A panel holds `block` outputs; a unit is what one load of a vector of outputs
// covers: 1 step of k, 2 of bf16 (pairs in 32-bit lanes) or 4 where quads() reads them,
// 8 of int4 (four bytes in 32-bit lanes), 4 of int8 where dot products read them.
#pragma once

#include "passes/cpu/CpuEmitter.h"

namespace mamba {

/// The ssm.pack of a matrix stored with this element type, of `bits` where it is
/// quantised: how many elements of a row stand side by side. With `dots` some kernel of
/// the module reads integers by dot products; `quads` as in PackedUse.
int64_t packedInterleave(mlir::Type stored, int64_t bits, bool dots, bool quads);

/// Outputs of a panel of the matrix [O, K], the same for every class: the weight is
/// packed once.
int64_t panelBlock(mlir::Value matrix, const Target &target);

class WeightPanel {
public:
  /// Of an operand of a linear op in the kernel: an unpacked argument, or what is
  /// dequantised of two of them.
  WeightPanel(CpuEmitter &e, mlir::Value matrix);

  /// Steps of k that share a scale; 0: none do.
  int64_t group() const { return scales ? 32 : 0; }
  /// Steps of k of a unit.
  int64_t unit() const { return unitSteps; }
  /// Whether weights() is a load and nothing else.
  bool isF32() const { return isPlain; }

  /// The weights of the `count` steps from k on, at most a unit, k a multiple of
  /// unit(): for each the outputs from `column` of the panel on. Of quantised
  /// ones the integers.
  llvm::SmallVector<mlir::Value> weights(mlir::Value panel, mlir::Value k, int64_t count,
                                         int64_t column) const;
  /// The same of all steps of a unit of integers, as signed bytes for dot products:
  /// four steps of k in each word of a vector. Of int4 those of the even steps, then of
  /// the odd ones, 16 times as large.
  llvm::SmallVector<mlir::Value> bytes(mlir::Value panel, mlir::Value k, int64_t column) const;
  /// Four steps of k of each of two outputs from `column` on, vector<8xbf16>: of a matrix
  /// of bf16 whose unit they are, or of what makeQuads wrote (LinearMmla.h).
  mlir::Value quads(mlir::Value panel, mlir::Value k, int64_t column) const;
  /// The scales of the group that begins at k.
  mlir::Value scale(mlir::Value panel, mlir::Value k, int64_t column) const;

  /// Asks for what weights() will read some kilobytes further on.
  void prefetch(mlir::Value panel, mlir::Value k, int64_t column, int64_t vectors) const;

  /// The same panel where its weights from k0 on stand in a matrix [steps, block]
  /// of f32, or in quads: panels are ignored.
  WeightPanel widenedIn(mlir::Value matrix, mlir::Value k0) const;

private:
  mlir::Value load(mlir::Type lane, int64_t perOutput, mlir::Value panel, mlir::Value unitIndex,
                   int64_t column) const;
  mlir::Value nibble(mlir::Value words, int64_t i) const;
  /// The i-th byte of each word, f32.
  mlir::Value byte(mlir::Value words, int64_t i) const;
  mlir::Value shift(mlir::Value words, int64_t left) const; // right if negative

  CpuEmitter &e;
  mlir::Value stored, scales; // scales: null where there are none
  mlir::Value wide, wideFrom; // null: not widened
  int64_t unitSteps = 1;
  bool isPlain = false;
};

} // namespace mamba
