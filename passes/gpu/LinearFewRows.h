// How a projection of few rows is cut, and its two operands: weights that stream
// through registers, and rows of x that wait for them in shared memory.
#pragma once

#include "passes/gpu/ConvPrologue.h"
#include "passes/gpu/Linear.h"
#include "passes/target/Schedule.h"

#include <optional>

namespace mamba {

/// A matrix of weights [O, K] as it lies in memory.
struct WeightLayout {
  explicit WeightLayout(mlir::Value matrix); // of the kernel's region
  mlir::Value stored, scales; // arguments of the region; scales null: plain
  mlir::Type element;         // of a plain one
  int64_t bits;               // of a weight
  int64_t width, elementBytes; // of a stored row, and of an element of it

  bool isGrouped() const { return bool(scales); }
  /// Weights of 16 bytes, which a lane takes at a time: a part of a group.
  int64_t piece() const { return 128 / bits; }
  /// Elements that one load brings: as many of 16 bytes as a row's pitch is a
  /// multiple of.
  int64_t vector() const;
};

/// A warp's lanes in groups of `lanes`: a group sums the products of colTile
/// columns, each lane those of its piece of every step. `groups` of a block have
/// columns of their own, `shares` share each of them.
struct FewRowsShape {
  FewRowsShape(const LinearParts &parts, ssm::ScheduleAttr schedule);
  int64_t rowBlock, colBlock, colTile, lanes, threads;
  int64_t K, O, piece;
  int64_t groups, shares;
  int64_t rounds; // steps of a group
  int64_t staged; // rounds of which x is in shared memory at once
  int64_t ahead;  // rounds whose weights are on their way

  int64_t warps() const { return threads / GpuEmitter::warpSize; }
  int64_t outputs() const { return rowBlock * colTile; }
  /// Whether weights get their scale before the products: that is one operation
  /// for all rows, and takes no sums of its own.
  bool scalesFirst() const { return rowBlock >= 4; }
  /// k of a step, and of a round of all shares.
  int64_t step() const { return lanes * piece; }
  int64_t round() const { return step() * shares; }
  /// Fours of k of a piece, and what stands behind the lanes' in shared memory:
  /// when a warp writes, it hits 32 banks.
  int64_t quads() const { return piece / 4; }
  int64_t padding() const { return quads() > 1 ? 8 / quads() : 0; }
  /// So many numbers a line, or more: LLVM would read lines of one as vectors,
  /// with what stands between or behind them.
  static int64_t padded(int64_t numbers) { return numbers == 1 ? 5 : numbers; }
  /// Whether some k of the last round are beyond the end.
  bool hasEdge() const { return K % round() != 0; }
};

/// The schedule of a projection of rowBlock rows at a time.
Schedule fewRowsSchedule(const LinearParts &parts, int64_t rowBlock);
/// How long it takes for so many rows, roughly, on a large machine: 1 is what its
/// memory needs.
double fewRowsTime(const LinearParts &parts, const Schedule &schedule, int64_t rows);
/// Whether the schedule is one; what it takes, or one phrase that says why not.
bool checkFewRows(const LinearParts &parts, ssm::ScheduleAttr s, int64_t &sharedBytes,
                  int64_t &registers, std::string &reason);

/// The matrix on its way from memory into the products.
class WeightStream {
public:
  WeightStream(GpuEmitter &e, mlir::Value matrix) : layout(matrix), e(e) {}

  /// Sixteen bytes of a column as i32, or f32 as such; then for a grouped matrix
  /// their scale.
  using Words = llvm::SmallVector<mlir::Value>;
  /// The number-th piece of the column; zeros beyond its end if it may be there.
  Words load(mlir::Value column, mlir::Value number, bool mayEnd);

  /// The weights come in so many parts of as many.
  int64_t parts() const { return layout.piece() / partSize(); }
  int64_t partSize() const { return std::min<int64_t>(layout.piece(), 8); }
  /// The f32 weights w of a part of a piece; where the matrix is grouped, what
  /// they are is scale * factor() * (w - offset()).
  llvm::SmallVector<mlir::Value> weights(const Words &words, int64_t part);
  mlir::Value scale(const Words &words) { return e.widen(words.back()); }
  /// The same with the scale; of a plain matrix as they are.
  llvm::SmallVector<mlir::Value> scaled(const Words &words, int64_t part);
  double offset() const { return layout.bits == 4 ? 0.75 : 0; }
  double factor() const { return layout.bits == 4 ? 32 : 1; }

  const WeightLayout layout;

private:
  mlir::Value i32(int64_t value);
  mlir::Value both(mlir::Value x, int64_t mask);
  /// The bytes of a (0 to 3) and b (4 to 7) that the digits of the selector name.
  mlir::Value permute(mlir::Value a, mlir::Value b, int64_t selector);
  /// `count` elements of a row as words, or one of less than a word as a word.
  Words loadWords(mlir::Value buffer, mlir::Value column, mlir::Value at, int64_t count);

  GpuEmitter &e;
};

/// Rows of x in shared memory, zeros beyond the end of k, in the order in which
/// lanes read them: of a step the first four k of each lane's piece, then the
/// next four, so that neighbours read 16 bytes side by side.
class StagedRows {
public:
  StagedRows(GpuEmitter &e, const FewRowsShape &shape, const LinearParts &parts,
             llvm::ArrayRef<mlir::Value> rows, double offset);

  /// Loads `rounds` rounds from k on and stores them; all threads take part, and
  /// barriers before and after it are the caller's. Adds the squares of what the
  /// thread loads to its sums, one a row.
  void stage(mlir::Value k, int64_t rounds, bool mayEnd, llvm::SmallVector<mlir::Value> &squares);

  /// Eight (or, of pieces of four, four) of a row from part `part` of the lane's
  /// piece of a step; the step counts from the first that is staged.
  llvm::SmallVector<mlir::Value> load(int64_t row, mlir::Value step, int64_t part);
  /// - offset times the sum of the piece; null without an offset.
  mlir::Value start(int64_t row, mlir::Value step);

private:
  static constexpr int64_t quad = 4;
  llvm::SmallVector<mlir::Value> loadQuad(mlir::Value row, mlir::Value k, bool mayEnd);
  /// Loads that a thread starts before it stores what they bring: few where many sums
  /// take the registers.
  int64_t loadsAtOnce() const { return shape.rowBlock < 8 ? 8 : 4; }
  /// The thread's quads of every row, `times` of each from the first on and below the
  /// end (null: all are).
  void stageQuads(mlir::Value k, mlir::Value first, int64_t times, mlir::Value end, bool mayEnd,
                  llvm::SmallVector<mlir::Value> &squares);
  /// The number-th quad of a row, if it is this thread's (null: it is); all threads
  /// take part.
  void storeQuad(int64_t row, mlir::Value number, mlir::Value mine,
                 llvm::ArrayRef<mlir::Value> numbers);
  /// The same for rows that a convolution makes, of which all are first ones or
  /// some are not.
  void stageConvRows(mlir::Value k, int64_t quads, bool mayEnd, bool areFirst);

  GpuEmitter &e;
  FewRowsShape shape;
  View x;
  llvm::SmallVector<mlir::Value> rows;
  bool withSquares;
  double offset;
  std::optional<ConvPrologue> conv;
  llvm::SmallVector<ConvPrologue::Place> places; // of the rows, for conv
  mlir::Value elements, sums; // shared memory
};

} // namespace mamba
