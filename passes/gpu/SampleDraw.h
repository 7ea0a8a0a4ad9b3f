// A draw by a block: rows of which few columns are kept are finished in shared memory.
#pragma once

#include "passes/gpu/SamplePasses.h"

namespace mamba {

/// The columns from some logit on go into shared memory, one a thread, if there are few:
/// each then counts those before it. That logit is one of the largest of groups of threads, so
/// at least so many columns reach it, and seldom many more.
class GpuDraw : public TokenDraw {
public:
  GpuDraw(GpuEmitter &e, GpuPasses &passes, Options options);

  static int64_t sharedBytes(int64_t threads);

protected:
  mlir::Value draw() override;

private:
  /// Whether the token was found (i1), and it (i32).
  struct Found {
    mlir::Value isFound, token;
  };
  Found drawOfFew();
  /// The logit that the columns have to reach, of which there are enough for a top-k.
  mlir::Value bound();
  /// Counted columns of a row, by thread.
  struct Counted {
    mlir::Value number, steps, total; // its own, in which steps, and the weights of the row
    mlir::Value before, all;          // those of the threads before it, of all threads
  };
  Counted count(mlir::Value bound);
  void collect(mlir::Value bound, const Counted &counted);
  Found finish(const Counted &counted);
  /// Goes through all that was collected: logit, column and weight of each.
  llvm::SmallVector<mlir::Value>
  eachCandidate(mlir::Value number, mlir::ValueRange init,
                const std::function<llvm::SmallVector<mlir::Value>(
                    llvm::ArrayRef<mlir::Value> ofOne, mlir::ValueRange)> &body);

  mlir::Value bitOf(mlir::Value step);

  mlir::Value constant(bool value);
  mlir::Value toI32(mlir::Value index);
  mlir::Value asNumber(mlir::Value i32);

  GpuEmitter &e;
  GpuPasses &passes;
  int64_t capacity;
  mlir::Value logits, columns, weights; // shared memory, [capacity]
};

} // namespace mamba
