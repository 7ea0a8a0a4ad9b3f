// What the GPU's generators write with. The code is that of one thread; a tile
// of the grid is a block.
#pragma once

#include "passes/target/KernelEmitter.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace mamba {

/// Arguments as in passes/gpu/README.md.
class GpuEmitter : public KernelEmitter {
public:
  /// Creates `gpu.func @<symbol>` with an empty body and stands in it. The
  /// schedule says how many threads a block has.
  GpuEmitter(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef symbol,
             ssm::KernelOp kernel, const Target &target, ssm::ScheduleAttr schedule);

  static constexpr int64_t warpSize = 32;
  int64_t threads;
  /// This thread's number in the block, and its warp's and lane's.
  mlir::Value thread, warp, lane;

  // f32 numbers; what lies in memory may be narrower, and is widened or rounded.
  // A row of T, S or a pool.
  mlir::Value load(const View &view, mlir::Value row, mlir::Value column);
  void store(mlir::Value value, const View &view, mlir::Value row, mlir::Value column);
  mlir::Value load(mlir::Value buffer, mlir::ValueRange at);
  void store(mlir::Value value, mlir::Value buffer, mlir::ValueRange at);
  /// `count` consecutive elements as vector<count x f32>; their address must be
  /// a multiple of the vector's bytes: the last index and the strides must see to it.
  mlir::Value loadVector(mlir::Value buffer, mlir::ValueRange at, int64_t count);
  void storeVector(mlir::Value vector, mlir::Value buffer, mlir::ValueRange at);
  mlir::Value extract(mlir::Value vector, int64_t i);
  mlir::Value fromElements(mlir::ValueRange elements);

  /// A matrix in shared memory, f32 unless said otherwise, aligned to 16 bytes
  /// if its size is a multiple of that.
  mlir::Value shared(llvm::ArrayRef<int64_t> shape, mlir::Type element = {});
  int64_t sharedBytes() const { return sharedUsed; }

  /// All threads of the block, or of the warp, have got here, and see what the
  /// others wrote. No thread of it may have left or stand in another branch.
  void barrier();
  void warpBarrier();
  /// The value of lane `lane xor distance`; all lanes of the warp take part.
  mlir::Value shuffleXor(mlir::Value value, int64_t distance);
  /// The value of that lane (i32), the same for all lanes.
  mlir::Value shuffleFrom(mlir::Value value, mlir::Value lane);
  /// The sum over groups of `width` lanes (a power of two, lane / width the
  /// same), in all of them, added as a balanced tree: one order for every lane.
  mlir::Value warpSum(mlir::Value value, int64_t width = warpSize);
  /// The sum over the block's threads, in all of them: by warps, then the warps
  /// in order. All threads take part; two barriers.
  mlir::Value blockSum(mlir::Value value);

  // The matrix unit and its copies; GpuMatrix.cpp.
  /// The address of a buffer's first byte, in global or shared memory, and one
  /// further on: the addresses that the rest of these take.
  mlir::Value address(mlir::Value buffer);
  mlir::Value advance(mlir::Value address, mlir::Value bytes);
  mlir::Value advance(mlir::Value address, int64_t bytes) { return advance(address, index(bytes)); }
  /// Four matrices of 8 rows of 16 bytes from shared memory, as one i32 of each:
  /// lane l gives the address of row l % 8 of matrix l / 8, and gets the l % 4-th
  /// four bytes of row l / 4 of each.
  llvm::SmallVector<mlir::Value> loadMatrices(mlir::Value address);
  /// c + a b of 16x8 by 8xk, in f32: registers as loadMatrices gives them, of
  /// bf16 or f16. c has the sums of rows lane / 4 and that + 8, columns
  /// lane % 4 * 2 and the next of each.
  llvm::SmallVector<mlir::Value> multiplyMatrices(llvm::ArrayRef<mlir::Value> a,
                                                  llvm::ArrayRef<mlir::Value> b,
                                                  llvm::ArrayRef<mlir::Value> c,
                                                  mlir::Type element);
  /// Starts a copy of 16 bytes from global to shared memory, of which the first
  /// `bytes` (i32; null: all) are read and the rest are zeros.
  void copyAsync(mlir::Value to, mlir::Value from, mlir::Value bytes = {});
  /// The copies since the last such word are a group.
  void commitCopies();
  /// This thread's copies have come, those of the last `groups` groups perhaps not.
  void waitForCopies(int64_t groups);

  /// Lets the assembler give a thread up to about so many registers. Without a
  /// word it prefers more blocks at a time, and may spill for them.
  void allowRegisters(int64_t count);

  mlir::Value f32(double value) { return math.constant(b.getF32Type(), value); }
  mlir::Value select(mlir::Value condition, mlir::Value x, mlir::Value y);
  mlir::Value both(mlir::Value a, mlir::Value b);
  mlir::Value equal(mlir::Value x, mlir::Value y);

private:
  mlir::gpu::GPUFuncOp function;
  mlir::Value warpSums; // shared memory of blockSum, once used
  int64_t sharedUsed = 0;
};

} // namespace mamba
