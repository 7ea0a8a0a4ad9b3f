// Rows as integers from -127 to 127 with a scale for each 32 columns (ssm.int8_rows),
// in scratch memory: made once for all columns of a tile of the grid.
#pragma once

#include "passes/cpu/CpuEmitter.h"

namespace mamba {

class Int8Rows {
public:
  /// How the integers lie: as f32; as bytes, which dot products take; or these with the
  /// even columns of each eight before the odd ones.
  enum class Form { Floats, Bytes, BytesOfPairs };

  /// Holds `rows` rows of `columns` columns of x, and their squares' sums for a norm.
  Int8Rows(CpuEmitter &e, const View &x, int64_t rows, int64_t columns, Form form, bool hasNorm);

  /// Makes the columns from `first`, a multiple of 32, to `end` of a row of x, which is
  /// the `local`-th here.
  void make(mlir::Value row, mlir::Value local, mlir::Value first, mlir::Value end);

  bool isBytes() const { return form != Form::Floats; }
  /// Whether the bytes are the integers, or 128 more.
  bool isSigned() const { return e.target.isArm(); }
  /// Where they lie: a word of four columns for bytes.
  mlir::Value memory() const { return numbers; }
  /// Four bytes, repeated in each word of a vector; the word counted from `first` on.
  mlir::Value bytes(mlir::Value local, mlir::Value word) const;
  /// A vector of words, and the bytes of its i-th, repeated so: instructions that
  /// multiply by one word of a vector need no other.
  mlir::Value words(mlir::Value local, mlir::Value word) const;
  mlir::Value bytesOf(mlir::Value words, int64_t i) const;
  /// The scale of a group, counted from `first` on, in each lane: of bytes of pairs a
  /// 16th, for dot products have 16 times their integers.
  mlir::Value scale(mlir::Value local, mlir::Value group) const;
  /// 1 / sqrt(mean of squares + eps) of what the whole row stands for.
  mlir::Value inverseRms(mlir::Value local, double eps) const;

  /// Columns that share a scale.
  static constexpr int64_t kGroup = 32;

private:
  /// Adds the squares to `sum`, where it is not null.
  void makeGroup(mlir::Value row, mlir::Value local, mlir::Value k, mlir::Value first,
                 mlir::Value *sum);
  std::pair<mlir::Value, mlir::Value> scaleOf(llvm::ArrayRef<mlir::Value> x);
  mlir::Value packed(llvm::ArrayRef<mlir::Value> rounded) const;

  CpuEmitter &e;
  View x;
  Form form;
  mlir::Value numbers, scales, squares; // squares: null without a norm
};

} // namespace mamba
