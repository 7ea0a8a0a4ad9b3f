// The projection of a scan's dt by tile registers.
#pragma once

#include "passes/cpu/CpuEmitter.h"
#include "passes/target/Match.h"

namespace mamba {

/// dt is what decides over the states: its rows are f32 and stay nearly so. Each is
/// multiplied in two parts of bf16, what it is rounded to and what that leaves, which
/// are 2^-17 off at most. The parts stand behind each other, as longer rows, and the
/// matrix as often below itself, with zeros where that fills no product.
class ScanTiles {
public:
  /// Of the columns of a panel.
  ScanTiles(CpuEmitter &e, ScanParts parts, mlir::Value panel);

  /// sums[i, j] = sum_k x[first + i, k] * w[j, k] of `length` rows; the rows of `sums`
  /// up to the next multiple of 32 hold anything.
  void project(mlir::Value first, mlir::Value length, mlir::Value sums);

  /// Whether the kernel's rows are bf16, where they may be rounded, and tiles of the
  /// target take its matrix.
  static bool takes(ScanParts parts, const Target &target);
  /// Whether a schedule with mma fits; if not, a phrase.
  static bool isLegal(ScanParts parts, const Target &target, ssm::ScheduleAttr schedule,
                      std::string &reason);
  /// Of the projection and its sums.
  static int64_t scratchBytes(ScanParts parts, ssm::ScheduleAttr schedule);

private:
  /// Pairs of k, which are words of 32 bits: of one of the parts, of all with what fills
  /// products, and what a row has in scratch memory.
  struct Pairs {
    explicit Pairs(ScanParts scan);
    int64_t parts, ofPart, steps, width;
  };
  void splitRow(mlir::Value row, mlir::Value local);
  void addProducts(mlir::Value row0, mlir::Value sums, int64_t column0);

  CpuEmitter &e;
  View x;
  int64_t block;
  Pairs pairs;
  mlir::Value split, matrix; // scratch memory: rows and columns in pairs of bf16
};

} // namespace mamba
