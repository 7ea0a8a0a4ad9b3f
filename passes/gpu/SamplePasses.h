// How a block goes over a row of logits.
#pragma once

#include "passes/gpu/GpuEmitter.h"
#include "passes/target/Sampling.h"

namespace mamba {

class GpuPasses : public LogitPasses {
public:
  GpuPasses(GpuEmitter &e, View logits, int64_t valid);
  static constexpr int64_t mostSums = 7; // at once
  static constexpr int64_t sharedBytes = 256 * 4 + (3 + mostSums + 2) * 128;

  llvm::SmallVector<mlir::Value> sums(int64_t count, const Terms &terms) override;
  mlir::Value locate(const Term &term, const Goal &goal) override;

  /// The largest logit and its first column (i32), in all threads. A NaN is never
  /// larger; with `orNan` the logit is NaN if one is.
  struct Largest {
    mlir::Value logit, column;
  };
  Largest largest(bool orNan);
  /// The largest logits of so many groups of threads, in shared memory, where
  /// `largest` has left them.
  mlir::Value groupLargest;
  int64_t groups;

  /// One pass, a number of steps that all threads take: the columns of this thread in
  /// step i, rising. Where there is none the logit is `beyond`.
  using Body = std::function<llvm::SmallVector<mlir::Value>(
      mlir::Value step, llvm::ArrayRef<Columns>, mlir::ValueRange)>;
  llvm::SmallVector<mlir::Value> eachStep(mlir::ValueRange init, double beyond, const Body &body);
  int64_t steps() const;
  llvm::SmallVector<Columns> columnsOfStep(mlir::Value step, double beyond);

  /// The sum over the lanes before this one, and over the warp: a balanced tree.
  struct Scan {
    mlir::Value before, all;
  };
  Scan scan(mlir::Value own);
  /// The sums over the block, by way of shared memory [sums, warpSize]; one barrier.
  llvm::SmallVector<mlir::Value> blockSums(llvm::ArrayRef<mlir::Value> own, mlir::Value shared);
  /// What stands at [row, this lane] of numbers that each warp has stored, else 0.
  mlir::Value ofWarps(mlir::Value numbers, mlir::Value row);

private:
  void append(llvm::SmallVector<Columns> &columns, mlir::Value first, mlir::Value end,
              double beyond);
  Largest better(Largest a, Largest b);
  /// The sums of parts of a range of columns, in `parts`.
  void sumParts(const Term &term, mlir::Value from, mlir::Value end, int64_t part);
  /// Where the sum over the lanes passes the goal, the sum before it, and over all.
  struct Found {
    mlir::Value at, before;
  };
  Found search(mlir::Value own, mlir::Value before, const Goal &goal, mlir::Value &wanted);

  mlir::Value i32(int64_t value);
  mlir::Value toI32(mlir::Value index);
  mlir::Value toIndex(mlir::Value i32);
  mlir::Value compare(mlir::arith::CmpFPredicate predicate, mlir::Value x, mlir::Value y);

  GpuEmitter &e;
  View logits;
  int64_t valid, warps;
  int64_t width; // columns of one load
  mlir::Value warpSums, parts; // shared memory of blockSums and locate
  int64_t level = 0;           // of the two halves of `parts`
};

} // namespace mamba
