// What the thread of a scan knows, however time goes.
#pragma once

#include "passes/gpu/GpuEmitter.h"
#include "passes/gpu/ScanShape.h"
#include "passes/target/RowSlice.h"

namespace mamba {

/// A thread: the channel and the lane that it is of a scan. Threads of channels
/// that are not there compute those of the last one, and keep nothing.
class ScanThread {
public:
  ScanThread(GpuEmitter &e, const ScanParts &parts);

  /// Emits the whole kernel.
  KernelGrid run();

private:
  using Values = llvm::SmallVector<mlir::Value>;

  // ScanThread.cpp
  void loadOnce();
  Values loadStates();
  void storeStates(mlir::ValueRange h);
  /// Whether the channel is there, and the condition holds; null: always.
  mlir::Value here(mlir::Value condition);
  void whenAll(mlir::Value condition, const std::function<void()> &body);
  /// One element of an f32 vector of channels; null for null.
  mlir::Value ofChannel(mlir::Value vector);
  mlir::Value stepSize(mlir::Value delta);
  /// h moves on one step; gives y of this lane's states, nothing without C.
  using OfState = llvm::function_ref<mlir::Value(int64_t)>;
  mlir::Value step(mlir::Value dt, mlir::Value dtU, OfState B, OfState C, Values &h);
  /// What is stored; `leaf` gives the elements of other rows, z too.
  mlir::Value result(mlir::Value y, mlir::Value u,
                     llvm::function_ref<mlir::Value(mlir::Value)> leaf);
  View out();

  // ScanDirect.cpp
  void runDirect(mlir::Value start);
  /// Of the lanes of a channel; null if there is one.
  mlir::Value isFirstLane();
  mlir::Value projectedByLanes(mlir::Value row);
  /// How the lanes of a channel share k: a group is `count` loads of `vector` each.
  struct Groups {
    int64_t vector, count, apart;
    int64_t length() const { return count * apart; }
  };
  Groups groups();
  /// The k of the lane's i-th load; `there` is null where all are there.
  mlir::Value placeInGroup(const Groups &g, mlir::Value k0, int64_t i, mlir::Value &there);
  Values weightsOfGroup(const Groups &g, mlir::Value k0);
  /// B or C of the lane's states at a row.
  Values inTime(mlir::Value value, mlir::Value row);

  // ScanSlices.cpp
  void runSlices(mlir::Value number);
  void findSlice(const RowSlice &slice);
  void scanSlice(const RowSlice &slice, mlir::Value sequence);
  /// The states of a sequence that began at row `first`, before the slice.
  Values enter(const RowSlice &slice, mlir::Value first);
  /// What slices find: the lane's states from the `first` number on, the sum of dt.
  mlir::Value found();
  Values loadFound(mlir::Value slice, int64_t first);
  void storeFound(mlir::Value slice, int64_t first, mlir::ValueRange h);
  void storeSum(mlir::Value slice, mlir::Value sum);
  /// The states of one branch or the other.
  Values either(mlir::Value condition, llvm::function_ref<Values()> body,
                llvm::function_ref<Values()> otherwise);

  // ScanChunks.cpp
  /// The states after the rows from `start` to the sequence's end.
  Values runChunks(mlir::Value start, mlir::ValueRange h);
  void allocate();
  Values runTiles(mlir::Value first, mlir::ValueRange h);
  Values runShared(mlir::Value first, mlir::ValueRange carried);
  /// What runShared carries besides the states: of the chunk at row `first`, the
  /// vectors of its stages and the inputs of the thread's tile.
  Values ahead(mlir::Value first);
  /// The rows of a tile that begins at `row0`.
  struct Rows {
    mlir::Value row0, here; // how many are there: none if not positive
  };
  Rows tileAt(mlir::Value row0);
  /// Elements of the channel in a tile's rows, of each view; the last row stands
  /// for those that are not there.
  llvm::SmallVector<Values> read(llvm::ArrayRef<View> views, const Rows &rows);
  /// What dt needs of the rows: u, and delta unless it is projected.
  llvm::SmallVector<View> inputs();
  /// What results need besides: rows by their region value.
  llvm::SmallVector<mlir::Value> leaves();
  /// dt and dt * u of a tile's rows, which begins at step t of the chunk; 0 where there
  /// is none.
  struct Sizes {
    Values dt, dtU;
  };
  Sizes sizes(mlir::Value t, Values deltas, mlir::ValueRange u, const Rows &rows);
  void storeResults(const Rows &rows, mlir::ValueRange y, mlir::ValueRange u,
                    llvm::ArrayRef<Values> leaves);

  // ScanSteps.cpp
  /// The recurrence over a group of steps from `t` of the chunk on. Gives y of
  /// the lane's states. Where slices are found h's last is the sum of dt.
  Values recur(mlir::Value t, mlir::ValueRange dt, mlir::ValueRange dtU, Values &h);
  /// Steps of the channel in shared memory, `t` a multiple of the vectors.
  llvm::SmallVector<mlir::Value> placeOf(mlir::Value t, int64_t i, int64_t vector);
  void putSteps(mlir::Value matrix, mlir::Value t, mlir::ValueRange values, int64_t vector);
  Values getSteps(mlir::Value matrix, mlir::Value t, int64_t count, int64_t vector);
  /// y of the thread's tile, from all lanes; where t is not below the limit,
  /// anything.
  Values gatherY(mlir::Value t, mlir::Value limit);

  // ScanStage.cpp
  /// Rows of a chunk on their way to shared memory; the matrix unit's as they are,
  /// 16 bytes at a time.
  struct Stage {
    View view;
    TimeMatrix matrix;
    mlir::Value to;
    bool isMma = false;
  };
  /// A thread's vectors of the chunk at row `first`, columns from `column0` on.
  Values fetch(const Stage &stage, mlir::Value first, mlir::Value column0);
  void put(const Stage &stage, mlir::ValueRange vectors);
  int64_t vectorsOf(const Stage &stage) const;
  bool isInPieces(const Stage &stage) const;
  int64_t countOf(const Stage &stage) const;
  mlir::Value fetchVector(const Stage &stage, mlir::Value first, mlir::Value column0,
                          mlir::Value item);

  // ScanNorms.cpp
  mlir::Value times(mlir::Value x, mlir::Value factor); // x where it is null
  /// The factor of a row's norm, of which each of a channel's lanes has some numbers,
  /// or what their squares add up to; null without a norm.
  mlir::Value factorOfLanes(ssm::RMSNormOp norm, mlir::ValueRange numbers);
  mlir::Value factorOfSquares(ssm::RMSNormOp norm, mlir::Value squares);
  /// A thread's factors of the chunk at row `first`, on their way to shared memory.
  Values fetchFactors(mlir::Value first);
  int64_t factorsOfThread() const;
  void putFactors(mlir::ValueRange fetched);
  /// Those of `count` steps from `t` of the chunk on, `vector` at a time; nulls without
  /// a norm.
  Values factorsOf(ssm::RMSNormOp norm, mlir::Value t, int64_t count, int64_t vector);

  // ScanProjection.cpp
  void copyWeight(mlir::Value k0);
  /// dt's projection of the steps of a tile from `t` of the chunk on.
  Values projected(mlir::Value t);
  Values addProducts(mlir::Value t, Values sums);
  Values projectedInPieces(mlir::Value first, mlir::Value t);

  // ScanMma.cpp
  /// The row of the chunk and the first column of an item.
  std::pair<mlir::Value, mlir::Value> placeInLines(mlir::Value item);
  mlir::Value fetchLine(const Stage &stage, mlir::Value first, mlir::Value item);
  void putLine(const Stage &stage, mlir::Value vector, mlir::Value item);
  /// dt's projection of the whole chunk, by all warps; then they meet.
  void projectByMma();

  GpuEmitter &e;
  ScanParts p;
  ScanShape shape;
  unsigned yResult; // which result of the kernel is y
  /// Of the block's channels and of all; the latter is the last where none is.
  mlir::Value local, column, exists; // exists: null where all are there
  mlir::Value lane, state0; // of the threads that share the channel; its first state
  mlir::Value slot, projectionBias, deltaBias, skip;
  Values decay, constantB, constantC;
  Values projectionWeights; // of the lane, step by step, if they are one group
  mlir::Value end, last; // of the sequence, or of its rows in the slice: end and last row
  // In chunks: shared memory.
  llvm::SmallVector<Stage> stages; // B and C, and last what dt is projected from
  mlir::Value B, C, input, weight, dt, dtU, y, factors;
  llvm::SmallVector<ssm::RMSNormOp> norms; // of the rows of `factors`
};

} // namespace mamba
