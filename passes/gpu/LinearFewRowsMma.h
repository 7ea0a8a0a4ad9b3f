// How a projection of few rows is cut for the matrix unit, and its two operands:
// weights that stream through registers, rows of x that wait for them in shared
// memory in the order in which lanes multiply them.
#pragma once

#include "passes/gpu/LinearFewRows.h"

namespace mamba {

/// The matrix unit takes 16 columns of W as the rows of a tile, eight rows of x as
/// its columns. Four lanes share a column, each with eight k of a step of 32: a
/// group of weights. A warp sums colTile columns, each of its `shares` over runs
/// of k of its own: the share-th run of each round.
struct FewRowsMmaShape {
  FewRowsMmaShape(const LinearParts &parts, ssm::ScheduleAttr schedule);
  int64_t rowBlock, colBlock, colTile, threads;
  int64_t K, O, bits;
  int64_t shares;
  int64_t rounds; // of all shares' runs
  int64_t staged; // rounds of which x is in shared memory at once

  /// Lanes of a column, the schedule's `lanes`; k of a step, and of a lane in it.
  static constexpr int64_t lanes = 4, step = 32, laneStep = 8;
  /// Rows of x and columns of W of an instruction.
  static constexpr int64_t tileRows = 8, tileColumns = 16;

  bool isGrouped() const { return bits < 16; }
  /// Bytes of a load of a lane: two sectors of each column, or one of integers.
  int64_t loadBytes() const { return isGrouped() ? 8 : 16; }
  int64_t stepsOfLoad() const { return loadBytes() * 8 / bits / laneStep; }
  /// Loads of a column in a run, all on their way while the last run is
  /// multiplied; of integers a run's scales are 16 bytes.
  int64_t stepsOfRun() const { return isGrouped() ? 8 : 4; }
  int64_t loads() const { return stepsOfRun() / stepsOfLoad(); }
  int64_t run() const { return step * stepsOfRun(); }
  int64_t round() const { return run() * shares; }

  int64_t warps() const { return threads / GpuEmitter::warpSize; }
  int64_t warpsAcross() const { return colBlock / colTile; }
  int64_t tilesDown() const { return rowBlock / tileRows; }
  int64_t tilesAcross() const { return colTile / tileColumns; }
  /// Sums of a lane, four an instruction.
  int64_t sums() const { return 4 * tilesDown() * tilesAcross(); }
  /// Rows that a warp brings to shared memory, and warps that share them.
  int64_t rowsOfWarp() const { return (rowBlock + warps() - 1) / warps(); }
  int64_t warpsOfRow() const { return std::max<int64_t>(1, warps() / rowBlock); }
  /// Whether some k of the last round are beyond the end.
  bool hasEdge() const { return K % round() != 0; }

  int64_t xBytes() const { return 2 * rowBlock * staged * round(); }
  int64_t sharedBytes(bool hasNorm) const;
  int64_t registers() const; // of a thread, roughly
};

/// Its schedule, or nothing where the matrix unit cannot be used.
std::optional<Schedule> fewRowsMmaSchedule(ssm::KernelOp kernel, const LinearParts &parts,
                                           const Target &target, int64_t rowBlock);
/// As fewRowsTime().
double fewRowsMmaTime(const FewRowsMmaShape &shape, int64_t rows);
/// Whether a schedule with `mma` and `lanes` is one; what it takes, or one phrase
/// that says why not.
bool checkFewRowsMma(ssm::KernelOp kernel, const LinearParts &parts, const Target &target,
                     ssm::ScheduleAttr s, int64_t &sharedBytes, int64_t &registers,
                     std::string &reason);

/// The matrix on its way from memory into the matrix unit.
class MmaWeightStream {
public:
  /// The lane's columns of W are `columns`, eight apart; `element` is what the
  /// matrix unit takes.
  MmaWeightStream(GpuEmitter &e, const FewRowsMmaShape &shape, mlir::Value matrix,
                  llvm::ArrayRef<mlir::Value> columns, mlir::Type element);

  /// Words of i32 of a load of each column; what is beyond the end of k is another
  /// load's.
  llvm::SmallVector<mlir::Value> load(mlir::Value run, int64_t number);
  int64_t wordsOfLoad() const { return shape.loadBytes() / 4 * columns.size(); }
  /// Of each column the scales of a run, two a word; none without groups.
  llvm::SmallVector<mlir::Value> loadScales(mlir::Value run);
  mlir::Value scale(llvm::ArrayRef<mlir::Value> words, int64_t column, int64_t step);

  /// Of each step of a load each column's weights, as four pairs: as `pairs` of
  /// MmaRows has those of x.
  using Steps = llvm::SmallVector<llvm::SmallVector<llvm::SmallVector<mlir::Value>>>;
  Steps steps(llvm::ArrayRef<mlir::Value> words);

private:
  llvm::SmallVector<mlir::Value> pairs(llvm::ArrayRef<mlir::Value> words);
  mlir::Value pairOf8(mlir::Value word, int64_t odd);
  mlir::Value pairOf4(mlir::Value word, int64_t number);
  /// x * factor + y, of two numbers each, or what of that is above zero.
  mlir::Value fmaPair(mlir::Value x, uint32_t factor, mlir::Value y, bool isRectified = false);
  mlir::Value i32(int64_t value);
  mlir::Value masked(mlir::Value word, uint32_t mask, uint32_t bits);

  GpuEmitter &e;
  FewRowsMmaShape shape;
  WeightLayout layout;
  llvm::SmallVector<mlir::Value> columns;
  mlir::Type element;
  mlir::Value quadLane; // the lane among those of its column
};

/// Rows of x in shared memory, zeros beyond the end of k and of the rows.
class MmaRows {
public:
  MmaRows(GpuEmitter &e, const FewRowsMmaShape &shape, const View &x, mlir::Value row0,
          bool withSquares);

  /// Loads `staged` rounds from this one on and stores them; all threads take
  /// part, and barriers before and after it are the caller's. Adds the squares of
  /// what the thread loads to its sums, one for each row of its warp.
  void stage(mlir::Value round, llvm::SmallVector<mlir::Value> &squares);
  /// The lane's four pairs of the tile's rows: the step-th of a run that is the
  /// run-th of those staged.
  llvm::SmallVector<mlir::Value> pairs(mlir::Value run, int64_t step, int64_t tile);
  /// The i-th row of this warp, and which part of it the warp brings.
  mlir::Value warpRow(int64_t i);
  mlir::Value warpPart();

private:
  /// Eight numbers of a row, if they are the thread's (null: they are).
  struct Loaded {
    mlir::Value row, chunk, isOwn, numbers;
  };
  Loaded load(int64_t i, mlir::Value chunk, mlir::Value k0, mlir::Value isOwn);
  void store(const Loaded &one);
  void addSquares(const Loaded &one, mlir::Value &sum);
  /// Eight numbers as they are multiplied with weights of these bits.
  mlir::Value permuted(mlir::Value eight);
  mlir::Value slot(mlir::Value row, mlir::Value chunk, mlir::Value step);

  GpuEmitter &e;
  FewRowsMmaShape shape;
  View x;
  mlir::Value row0;
  bool withSquares;
  mlir::Value shared;
};

/// The projection itself.
KernelGrid linearFewRowsMma(GpuEmitter &e, const LinearParts &parts);

} // namespace mamba
