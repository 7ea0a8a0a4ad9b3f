// What the thread of a scan knows, however time goes.
#pragma once

#include "passes/gpu/GpuEmitter.h"
#include "passes/gpu/ScanShape.h"

namespace mamba {

/// A thread: the channel and the lane that it is of a scan. Threads of channels
/// that are not there compute those of the last one, and keep nothing.
class ScanThread {
public:
  ScanThread(GpuEmitter &e, const ScanParts &parts);

  /// Emits the whole kernel.
  KernelGrid run();

private:
  // ScanThread.cpp
  void loadOnce();
  llvm::SmallVector<mlir::Value> loadStates();
  void storeStates(mlir::ValueRange h);
  /// Whether the channel is there, and the condition holds; null: always.
  mlir::Value here(mlir::Value condition = {});
  void whenHere(mlir::Value condition, const std::function<void()> &body);
  /// One element of an f32 vector of channels; null for null.
  mlir::Value ofChannel(mlir::Value vector);
  mlir::Value stepSize(mlir::Value delta);
  /// h moves on one step; gives y, in all lanes of the channel.
  using OfState = llvm::function_ref<mlir::Value(int64_t)>;
  mlir::Value step(mlir::Value dt, mlir::Value dtU, OfState B, OfState C,
                   llvm::SmallVector<mlir::Value> &h);
  /// What is stored for a row.
  mlir::Value result(mlir::Value y, mlir::Value u, mlir::Value row);
  View out();

  // ScanDirect.cpp
  void runDirect(mlir::Value start, mlir::Value end);
  mlir::Value projectedByLanes(mlir::Value row);
  /// B or C of the lane's states at a row.
  llvm::SmallVector<mlir::Value> inTime(mlir::Value value, mlir::Value row);

  // ScanChunks.cpp
  void runChunks(mlir::Value start, mlir::Value end);
  void allocate();
  /// Copies a matrix, all threads of the block together: `load` gives the
  /// element that `store` takes, by row and column.
  using Load = llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)>;
  using Store = llvm::function_ref<void(mlir::Value, mlir::Value, mlir::Value)>;
  void copy(int64_t height, int64_t width, Load load, Store store);
  void clear(mlir::Value matrix);
  void copyInTime(mlir::Value value, mlir::Value to, int64_t height);
  void copyWeight(mlir::Value k0);
  void copyInput(mlir::Value k0);
  /// The tiles of steps that are this lane's.
  void eachTile(const std::function<void(mlir::Value)> &body);
  /// The step, or the chunk's last one for steps beyond; and its row.
  mlir::Value present(mlir::Value step);
  mlir::Value rowOf(mlir::Value step);
  void computeSteps();
  llvm::SmallVector<mlir::Value> projected(mlir::Value t, llvm::SmallVector<mlir::Value> sums,
                                           mlir::Value count);
  void finishSteps(mlir::Value t, mlir::ValueRange deltas, mlir::ValueRange u);
  llvm::SmallVector<mlir::Value> readInput(const View &view, mlir::Value t);
  llvm::SmallVector<mlir::Value> recur(mlir::ValueRange h);
  void storeResults();

  GpuEmitter &e;
  ScanParts p;
  ScanShape shape;
  unsigned yResult; // which result of the kernel is y
  /// Of the block's channels and of all; the latter is the last where none is.
  mlir::Value local, column, exists;
  mlir::Value lane, state0; // of the lanes that share the channel; its first state
  mlir::Value slot, projectionBias, deltaBias, skip;
  llvm::SmallVector<mlir::Value> decay;
  // In chunks: shared memory, the chunk's first row and its length.
  mlir::Value B, C, input, weight, dt, dtU, y, first, length;
};

} // namespace mamba
