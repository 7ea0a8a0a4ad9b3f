// Projections on a CPU: by tiles of the processor, and by multiply-adds of vectors or
// dot products of integers.
#include "compiler/tune/PredictCosts.h"
#include "passes/cpu/LinearDot.h"
#include "passes/target/Int8Rows.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <array>
#include <cmath>

using namespace mlir;

namespace mamba {

double productCycles(double rows, double vectors) {
  double loads = rows + vectors;
  return std::max({rows * vectors / 2, loads / 2, kLatency}) + kLoadCycles * loads;
}

double bytesOfWeight(LinearParts parts) {
  Value w = parts.linear.getW();
  if (auto dequantize = w.getDefiningOp<ssm::DequantizeOp>())
    return double(dequantize.getBits()) / 8;
  return getElementTypeOrSelf(w.getType()).getIntOrFloatBitWidth() / 8.0;
}

double shareOfRowsMissed(int64_t stride, int64_t length, const Target &target) {
  constexpr int64_t page = 4096, line = 64, sets = page / line, rows = 32;
  // Of the ways some are the panels'.
  int64_t ways = target.l1Bytes / page - 3;
  std::array<int64_t, sets> lines = {};
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t at = 0; at < length; at += line)
      ++lines[(row * stride + at) / line % sets];
  int64_t all = 0, missed = 0;
  for (int64_t count : lines) {
    all += count;
    missed += count > ways ? count : 0;
  }
  return all ? double(missed) / double(all) : 0;
}

namespace {

double ceilDiv(int64_t a, int64_t b) { return double(llvm::divideCeil(a, b)); }

/// What is not hidden of the shorter of two things that go on at once.
double together(double a, double b, double seen) {
  return std::max(a, b) + seen * std::min(a, b);
}

class ProjectionCost {
public:
  ProjectionCost(LinearParts parts, const Target &target, const Schedule &s, int64_t rows,
                 int64_t columns)
      : parts(parts), target(target), s(s), rows(rows), columns(columns), K(double(parts.K)),
        weightBytes(bytesOfWeight(parts)),
        dots(int8RowsOf(parts) && takesDots(target, s.lanes) && !s.kBlock) {}

  double cycles() const {
    // What becomes of a sum: the norm's factor, ops after it, its type.
    double outputs = double(rows) * vectors(double(columns)) * 6;
    // LinearMmla has the tiles of multiply-adds.
    if (!s.mma || target.isArm())
      return fma() + outputs;
    return (s.kBlock ? tiles() : fewTiles()) + outputs;
  }

private:
  double vectors(double elements) const { return elements / double(s.lanes); }
  int64_t strideOfRows() const;
  double panelOfL2() const;
  double tiles() const;
  double fewTiles() const;
  double stepCycles(double group, double stream) const;
  template <typename Body> void eachGroup(Body body) const;
  double parted() const;
  double whole() const;
  double fma() const;

  LinearParts parts;
  const Target &target;
  const Schedule &s;
  int64_t rows, columns;
  double K, weightBytes;
  bool dots; // of integers
};

} // namespace

/// Bytes from one row to the next, where they lie.
int64_t ProjectionCost::strideOfRows() const {
  Value x = unwidened(parts.x);
  while (Operation *op = x.getDefiningOp()) {
    if (!isa<ssm::CastOp, ssm::SplitOp>(op))
      break;
    x = op->getOperand(0);
  }
  return lastDim(x) * getElementTypeOrSelf(x.getType()).getIntOrFloatBitWidth() / 8;
}

/// Bytes a cycle at which panels come that stay in the second level cache as far as
/// there is room for them, with what passes through it.
double ProjectionCost::panelOfL2() const {
  bool inParts = s.kBlock < parts.K;
  double bytes = double(columns) * K * 2 + 64 * K + (inParts ? 128.0 * double(columns) : 0);
  double missed = std::clamp((bytes / double(target.l2Bytes) - 0.35) / 0.9, 0.0, 1.0);
  return 1 / ((1 - missed) / kBytesOfL2 + missed / kBytesOfL3);
}

/// LinearAmx: 32 rows and a panel at a time, 16 cycles for each of four products.
double ProjectionCost::tiles() const {
  constexpr int64_t side = 32;
  constexpr double tileBytes = 1024, step = 8, sumBytes = 24;
  int64_t kBlock = std::min(s.kBlock, parts.K);
  double pieces = ceilDiv(parts.K, kBlock), steps = ceilDiv(parts.K, side);
  double panels = ceilDiv(columns, side), groups = ceilDiv(rows, side);
  int64_t stride = parts.K % side ? 2 * parts.K + 64 : strideOfRows();
  double missed = shareOfRowsMissed(stride, 2 * kBlock, target);
  double loads = 2 * tileBytes * (missed / kBytesOfL2 + (1 - missed) / kBytesOfL1) +
                 2 * tileBytes / panelOfL2();
  double cycles = panels * steps * (together(64, loads, 0.35) + step);
  // The sums of a part wait in the second level cache, those of one part do not leave
  // the first.
  cycles += panels * (pieces > 1 ? 2 * pieces * 4 * tileBytes / sumBytes : 64);
  // Rows come once for all panels.
  cycles += side * K * 2 / kBytesOfL2;
  if (parts.norm)
    cycles += side * (1.5 * vectors(K) + 50);
  double made = weightBytes < 2 ? 0.2 * double(columns) * K : 0;
  return groups * cycles + made;
}

/// LinearFewTiles: what a weight takes to come is more than its product does.
double ProjectionCost::fewTiles() const {
  constexpr int64_t byFma = 4;
  if (rows <= byFma)
    return whole();
  double panels = ceilDiv(columns, 32), norm = parts.norm ? vectors(K) + 50 : 0;
  return panels * K / 32 * 50 + double(rows) * (vectors(K) + norm);
}

/// Of one k of a panel for a group of rows, while `stream` cycles of it come from
/// the second level cache.
double ProjectionCost::stepCycles(double group, double stream) const {
  double across = double(s.colTile / s.lanes), sums = target.registers >= 32 ? 24 : 12;
  double most = std::max(1.0, std::floor((dots ? sums / 2 : sums) / group));
  double turns = std::ceil(across / most), held = across / turns;
  double products = productCycles(group, held);
  double again = 4; // what a further turn takes to read the rows once more
  if (dots) {
    // Four k at a time, the weights' own sum too; then the sums of 32 are scaled.
    double loads = group + held, scale = 2.5 * group * held;
    double word = std::max({(group + 1) * held / 2, loads / 2, kLatency + 1});
    products = (word + kLoadCycles * loads) / 4 + scale / 32;
    again /= 4;
  }
  return together(turns * products + (turns - 1) * again, stream, 0.13);
}

/// Groups of `row_tile` rows, then fewer for what is left.
template <typename Body> void ProjectionCost::eachGroup(Body body) const {
  int64_t left = rows;
  for (int64_t count = s.rowTile; count > 0;
       count = count == 1 ? 0 : int64_t(llvm::PowerOf2Ceil(count) / 2)) {
    for (int64_t i = 0; i < left / count; ++i)
      body(double(count));
    left %= count;
  }
}

/// All rows stream past a part of a panel as f32; sums wait in memory between parts.
double ProjectionCost::parted() const {
  double across = double(s.colTile / s.lanes), panels = ceilDiv(columns, s.colTile);
  double kBlock = double(std::min(s.kBlock, parts.K)), pieces = std::ceil(K / kBlock);
  double line = double(s.colTile) * 4, part = kBlock * line;
  double stream = part <= double(target.l1Bytes) * 0.75 ? 0 : line / kBytesOfL2;
  double sums = double(rows) * line * panels;
  double cycles = 0, turn = double(rows) * across * 1.5;
  if (sums + part > double(target.l1Bytes))
    turn += double(rows) * line / kBytesOfL2;
  eachGroup([&](double group) {
    cycles += K * stepCycles(group, stream);
    turn += 20;
  });
  cycles += pieces * turn;
  cycles += K * (weightBytes < 4 ? 2.5 * across : line / kBytesOfL2 / 2);
  if (parts.norm)
    cycles += double(rows) * (vectors(K) / 2 + 50);
  return panels * cycles;
}

/// The sums of a group of rows at once, past a panel that comes again for each.
double ProjectionCost::whole() const {
  double across = double(s.colTile / s.lanes), panels = ceilDiv(columns, s.colTile);
  double line = double(s.colTile) * weightBytes;
  double stream = K * line <= double(target.l1Bytes) / 2 ? 0 : line / kBytesOfL2;
  // Shifts of 512 bits take the ports of multiply-adds.
  double ofVector = s.lanes >= 16 ? 1 : 0.4;
  double widen = weightBytes < 4 && !dots ? ofVector * across : 0, cycles = 0;
  eachGroup([&](double group) {
    cycles += K * (stepCycles(group, stream) + widen) + 20;
  });
  // Products wait for the norm's factor.
  if (parts.norm && !int8RowsOf(parts))
    cycles += double(rows) * (vectors(K) + 110);
  return panels * cycles;
}

double ProjectionCost::fma() const {
  // Rows are widened, or made small integers, once for all panels of a tile.
  bool isNarrow = !getElementTypeOrSelf(unwidened(parts.x).getType()).isF32();
  double made = int8RowsOf(parts) ? 4 : isNarrow ? 2 : 0;
  return (s.kBlock ? parted() : whole()) + double(rows) * vectors(K) * made;
}

double projectionCycles(LinearParts parts, const Target &target, const Schedule &schedule,
                        int64_t rows, int64_t columns) {
  return ProjectionCost(parts, target, schedule, rows, columns).cycles();
}

} // namespace mamba
