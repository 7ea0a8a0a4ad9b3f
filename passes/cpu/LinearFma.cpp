// A tile of the grid is `row_block` rows by `col_block` columns; registers hold
// `row_tile` rows by as many vectors of a panel (`col_tile` columns) as fit, then
// fewer rows for what is left.
//
// Without k_block the sums of some rows are made at once, from weights that become
// f32 as they are read. With it all rows of the block stream past a part of a
// panel, `k_block` k of it, that stays in the first level cache as f32, and the
// sums wait in scratch memory. The norm's factor of a row is applied to the
// finished sum.
//
// Rows of int8 are made once for all columns of a tile, and their products are dot
// products of integers where the target has them. Rows of bf16 become pairs as often
// where a schedule has mma on AArch64 (LinearMmla.cpp).
#include "passes/cpu/LinearFma.h"
#include "passes/cpu/Int8Rows.h"
#include "passes/cpu/LinearDot.h"
#include "passes/cpu/LinearEpilogue.h"
#include "passes/cpu/LinearMmla.h"
#include "passes/cpu/PanelProduct.h"
#include "passes/target/Int8Rows.h"
#include "passes/target/Schedule.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace mamba {

/// Sums that registers hold beside weights and a row's value.
static int64_t sumsInRegisters(const Target &target) { return target.registers >= 32 ? 24 : 12; }

/// Integers are as fast from the second level cache, so k is not cut; a tile has panels
/// enough that its rows cost little.
static ssm::ScheduleAttr dotSchedule(LinearParts parts, const Target &target, TokenClass tokens,
                                     MLIRContext *context) {
  int64_t panel = panelBlock(parts.linear.getW(), target);
  bool isMany = tokens == TokenClass::Prefill || tokens == TokenClass::Invariant;
  int64_t panels = llvm::divideCeil(parts.O, panel);
  int64_t aTile = isMany ? llvm::divideCeil(panels, llvm::divideCeil(panels, 8))
                         : std::clamp<int64_t>(panels / 4, 1, 6);
  return Schedule{.lanes = target.lanes,
                  .rowBlock = isMany ? 96 : 16,
                  .colBlock = panel * aTile,
                  .rowTile = isMany ? 6 : 4,
                  .colTile = panel}
      .get(context);
}

ssm::ScheduleAttr fmaSchedule(LinearParts parts, const Target &target, TokenClass tokens,
                              MLIRContext *context) {
  int64_t panel = panelBlock(parts.linear.getW(), target), vectors = panel / target.lanes;
  if (int8RowsOf(parts) && takesDots(target, target.lanes))
    return dotSchedule(parts, target, tokens, context);
  bool isNarrow = !getElementTypeOrSelf(unwidened(parts.x).getType()).isF32();
  if (tokens != TokenClass::Prefill && tokens != TokenClass::Invariant) {
    // A convolution interrupts the reading of the matrix once a tile; few narrow rows are
    // widened once a tile, of which there must be enough for all threads.
    int64_t panels = parts.O / panel;
    int64_t aTile = 1;
    if (parts.after.conv)
      aTile = std::clamp<int64_t>(panels / 16, 1, 4);
    else if (isNarrow && tokens == TokenClass::Few)
      aTile = std::clamp<int64_t>(panels / 48, 1, 4);
    // All sums of a panel are in registers: what takes two turns reads the rows twice.
    auto rowTile = int64_t(llvm::bit_floor(uint64_t(sumsInRegisters(target) / vectors)));
    return Schedule{.lanes = target.lanes, .rowBlock = 16, .colBlock = panel * aTile,
                    .rowTile = std::min<int64_t>(rowTile, 8), .colTile = panel}
        .get(context);
  }
  // Of the first level cache two thirds for a part of a panel.
  int64_t steps = target.l1Bytes * 2 / 3 / (4 * panel) / 32 * 32;
  return Schedule{.lanes = target.lanes,
                  .rowBlock = 96,
                  // Rows are widened once for all columns of a tile.
                  .colBlock = isNarrow ? 4 * panel : panel,
                  .rowTile = std::min<int64_t>(12, sumsInRegisters(target) / vectors),
                  .colTile = panel,
                  .kBlock = std::min<int64_t>(llvm::alignTo(parts.K, 32), steps)}
      .get(context);
}

bool checkFmaSchedule(LinearParts parts, const Target &target, ssm::ScheduleAttr s,
                      std::string &reason) {
  if (s.getColTile() <= 0 || s.getColTile() % s.getLanes() || s.getRowTile() <= 0 ||
      s.getRowBlock() <= 0 || s.getColBlock() <= 0 || s.getColBlock() % s.getColTile() ||
      s.getKBlock() < 0 || s.getKBlock() % 32) {
    reason = "a projection needs positive row_block and row_tile, col_tile a multiple of lanes, "
             "col_block of col_tile and k_block of 32";
    return false;
  }
  int64_t accumulators = s.getRowTile() * (s.getColTile() / s.getLanes());
  if (accumulators > 64) {
    reason = "row_tile * col_tile takes " + std::to_string(accumulators) +
             " accumulators, 64 is the limit";
    return false;
  }
  if (target.isArm() && s.getMma() && !checkMmlaSchedule(parts, target, s, reason))
    return false;
  if (int8RowsOf(parts) && s.getLanes() > Int8Rows::kGroup) {
    reason = "rows of int8 need at most 32 lanes";
    return false;
  }
  return true;
}

namespace {

class FmaProjection {
public:
  FmaProjection(CpuEmitter &e, LinearParts parts)
      : e(e), parts(parts), s(e.schedule), weights(e, parts.linear.getW()), x(*e.view(parts.x)),
        vectors(s.getColTile() / e.lanes) {}

  KernelGrid generate();

private:
  void wholeSums(Value panel);
  void partedSums();
  void partOfK(Value k0, Value kEnd);
  void widenRows(Value first, Value end);
  void eachRows(const std::function<void(ArrayRef<Value>)> &body);
  void eachVectors(int64_t rows, const std::function<void(int64_t first, int64_t count)> &body);
  Value local(Value row) { return e.sub(row, row0); }
  void findFactors();
  OutputRow placeOf(Value row);
  void write(Value sums, const OutputRow &row, Value panel, int64_t column);
  void writeOrKeep(Value sums, const OutputRow &row, Value panel, int64_t column);
  void convolve();

  CpuEmitter &e;
  LinearParts parts;
  ssm::ScheduleAttr s;
  WeightPanel weights;
  View x;
  int64_t vectors; // of a panel
  Value row0, rowEnd, firstPanel, endPanel;
  std::optional<Int8Rows> int8; // where the rows are such
  std::optional<Bf16Pairs> pairs; // where the schedule has mma, on AArch64
  // In scratch memory: rows as f32, integers or pairs, a part of a panel as f32 or as
  // quads, sums; outputs that a convolution takes; the norm's factors.
  Value wideRows, widePanel, kept, finished, factors;
};

} // namespace

KernelGrid FmaProjection::generate() {
  int64_t panelsATile = s.getColBlock() / s.getColTile();
  int64_t panels = llvm::divideCeil(uint64_t(parts.O), uint64_t(s.getColTile()));
  // Neighbouring tiles share a panel: it is read from memory once.
  Value down = e.ceilDiv(e.rows, s.getRowBlock());
  firstPanel = e.mul(e.div(e.tile, down), panelsATile);
  row0 = e.mul(e.rem(e.tile, down), s.getRowBlock());
  rowEnd = e.min(e.rows, e.add(row0, s.getRowBlock()));
  endPanel = e.min(e.add(firstPanel, panelsATile), e.index(panels));
  bool dots = int8RowsOf(parts) && takesDots(e.target, e.lanes) && !s.getKBlock() &&
              weights.unit() >= 4;
  if (int8RowsOf(parts)) {
    int8.emplace(e, x, s.getRowBlock(), s.getKBlock() ? s.getKBlock() : parts.K,
                 dots ? formOfRows(parts.linear.getW()) : Int8Rows::Form::Floats,
                 /*hasNorm=*/bool(parts.norm));
    wideRows = int8->memory();
  } else if (e.target.isArm() && s.getMma()) {
    pairs.emplace(e, x, s.getRowBlock(), s.getKBlock() ? s.getKBlock() : parts.K);
    wideRows = pairs->memory();
  } else if (!::cast<MemRefType>(x.buffer.getType()).getElementType().isF32())
    wideRows = e.scratch(s.getRowBlock(),
                         llvm::alignTo(s.getKBlock() ? s.getKBlock() : parts.K, e.lanes));
  if (s.getKBlock()) {
    partedSums();
  } else {
    if (wideRows)
      widenRows(e.index(0), e.index(parts.K));
    findFactors();
    if (parts.after.conv)
      finished = e.scratch(s.getRowBlock(), s.getColBlock());
    e.loop(firstPanel, endPanel, 1, [&](Value panel) { wholeSums(panel); });
    if (finished)
      convolve();
  }
  return {KernelGrid::Rows, 1, s.getRowBlock(), int64_t(llvm::divideCeil(panels, panelsATile))};
}

/// The columns from `first` to `end` of the block's rows, as f32, integers or pairs.
void FmaProjection::widenRows(Value first, Value end) {
  e.loop(row0, rowEnd, 1, [&](Value row) {
    if (int8)
      return int8->make(row, local(row), first, end);
    if (pairs)
      return pairs->make(row, local(row), first, end);
    e.loop(first, end, e.lanes, [&](Value k) {
      vector::StoreOp::create(e.b, e.load(x, row, k), wideRows,
                              ValueRange{local(row), e.sub(k, first)});
    });
  });
}

/// Rows that are computed together: row_tile, then powers of two below.
void FmaProjection::eachRows(const std::function<void(ArrayRef<Value>)> &body) {
  Value from = row0;
  for (int64_t count = s.getRowTile(); count > 0;
       count = count == 1 ? 0 : int64_t(llvm::PowerOf2Ceil(count) / 2)) {
    Value groups = e.div(e.sub(rowEnd, from), e.index(count));
    Value end = e.add(from, e.b.createOrFold<arith::MulIOp>(groups, e.index(count)));
    e.loop(from, end, count, [&](Value row) {
      SmallVector<Value> rows;
      for (int64_t i = 0; i < count; ++i)
        rows.push_back(e.add(row, i));
      body(rows);
    });
    from = end;
  }
}

/// The vectors of a panel, as many at a time as there are registers for.
void FmaProjection::eachVectors(int64_t rows,
                                const std::function<void(int64_t first, int64_t count)> &body) {
  // A dot product has a sum of integers beside that of the groups.
  int64_t sums = sumsInRegisters(e.target) / (int8 && int8->isBytes() ? 2 : 1);
  int64_t most = std::max<int64_t>(1, sums / rows);
  int64_t turns = llvm::divideCeil(vectors, most);
  for (int64_t turn = 0; turn < turns; ++turn) {
    int64_t first = vectors * turn / turns, end = vectors * (turn + 1) / turns;
    body(first, end - first);
  }
}

/// Of the block's rows, once for all panels.
void FmaProjection::findFactors() {
  if (!parts.norm)
    return;
  factors = e.scratch(1, s.getRowBlock());
  e.loop(row0, rowEnd, 1, [&](Value row) {
    double eps = parts.norm.getEps().convertToDouble();
    Value factor = int8 ? int8->inverseRms(local(row), eps) : inverseRms(e, x, row, eps);
    memref::StoreOp::create(e.b, factor, factors, ValueRange{e.index(0), local(row)});
  });
}

OutputRow FmaProjection::placeOf(Value row) {
  Value factor;
  if (parts.norm)
    factor = e.broadcast(
        memref::LoadOp::create(e.b, factors, ValueRange{e.index(0), local(row)}));
  return outputRow(e, parts, row, factor);
}

void FmaProjection::write(Value sums, const OutputRow &row, Value panel, int64_t column) {
  e.reach = s.getColTile();
  writeOutputs(e, parts, sums, row, e.add(e.mul(panel, s.getColTile()), column));
  e.reach = e.lanes;
}

void FmaProjection::wholeSums(Value panel) {
  eachRows([&](ArrayRef<Value> rows) {
    // Of many rows all but the first find the panel in a cache.
    PanelTile tile{.x = x, .rows = SmallVector<Value>(rows), .panel = panel,
                   .prefetches = s.getRowBlock() <= 16};
    tile.int8 = int8 ? &*int8 : nullptr;
    tile.pairs = pairs ? &*pairs : nullptr;
    SmallVector<OutputRow> places;
    for (Value &row : tile.rows) {
      places.push_back(placeOf(row));
      if (wideRows)
        row = local(row);
    }
    if (wideRows)
      tile.x = {wideRows, 0, parts.K};
    eachVectors(rows.size(), [&](int64_t first, int64_t count) {
      tile.column = first * e.lanes;
      tile.vectors = count;
      SmallVector<Value> sums = panelProduct(e, tile, weights);
      for (auto [i, place] : llvm::enumerate(places))
        for (int64_t j = 0; j < count; ++j)
          writeOrKeep(sums[i * count + j], place, panel, (first + j) * e.lanes);
    });
  });
}

void FmaProjection::writeOrKeep(Value sums, const OutputRow &row, Value panel, int64_t column) {
  if (!finished)
    return write(sums, row, panel, column);
  e.reach = s.getColTile();
  Value first = e.mul(panel, s.getColTile());
  Value outputs = outputsOf(e, parts, sums, row.factor, e.add(first, column));
  Value at = e.add(e.mul(e.sub(panel, firstPanel), s.getColTile()), column);
  vector::StoreOp::create(e.b, outputs, finished, ValueRange{local(row.row), at});
  e.reach = e.lanes;
}

/// A convolution takes the outputs of the tile behind all their sums.
void FmaProjection::convolve() {
  e.reach = s.getColTile();
  e.loop(row0, rowEnd, 1, [&](Value row) {
    OutputRow place = outputRow(e, parts, row, {});
    Value columns = e.mul(e.sub(endPanel, firstPanel), s.getColTile());
    e.loop(e.index(0), columns, e.lanes, [&](Value column) {
      Value outputs = vector::LoadOp::create(e.b, e.vectorType, finished,
                                             ValueRange{local(row), column});
      writeFinished(e, parts, outputs, place, e.add(e.mul(firstPanel, s.getColTile()), column));
    }, /*keepRolled=*/true);
  });
  e.reach = e.lanes;
}

void FmaProjection::partedSums() {
  int64_t panelsATile = s.getColBlock() / s.getColTile();
  kept = e.scratch(panelsATile * s.getRowBlock(), s.getColTile());
  if (pairs && weights.group())
    widePanel = e.scratch(s.getKBlock() / kQuad, 2 * s.getColTile());
  else if (!pairs && !weights.isF32())
    widePanel = e.scratch(s.getKBlock(), s.getColTile());
  e.loop(e.index(0), e.index(parts.K), s.getKBlock(), [&](Value k0) {
    Value kEnd = e.min(e.add(k0, s.getKBlock()), e.index(parts.K));
    if (wideRows)
      widenRows(k0, kEnd);
    partOfK(k0, kEnd);
  });
  findFactors();
  e.loop(firstPanel, endPanel, 1, [&](Value panel) {
    Value base = e.b.createOrFold<arith::MulIOp>(e.sub(panel, firstPanel), e.index(s.getRowBlock()));
    e.loop(row0, rowEnd, 1, [&](Value row) {
      OutputRow place = placeOf(row);
      Value at = e.b.createOrFold<arith::AddIOp>(base, local(row));
      for (int64_t j = 0; j < vectors; ++j) {
        Value sums = vector::LoadOp::create(e.b, e.vectorType, kept,
                                            ValueRange{at, e.index(j * e.lanes)});
        write(sums, place, panel, j * e.lanes);
      }
    });
  });
}

/// Adds the products of k0 to kEnd to the sums of all rows and panels.
void FmaProjection::partOfK(Value k0, Value kEnd) {
  e.loop(firstPanel, endPanel, 1, [&](Value panel) {
    if (widePanel && pairs)
      makeQuads(e, weights, panel, parts.K, k0, kEnd, vectors, widePanel);
    else if (widePanel)
      e.loop(k0, kEnd, weights.unit(), [&](Value k) {
        weights.prefetch(panel, k, 0, vectors);
        for (int64_t j = 0; j < vectors; ++j)
          for (auto [step, wide] :
               llvm::enumerate(weights.weights(panel, k, weights.unit(), j * e.lanes)))
            vector::StoreOp::create(e.b, wide, widePanel,
                                    ValueRange{e.add(e.sub(k, k0), step), e.index(j * e.lanes)});
      });
    WeightPanel part = widePanel ? weights.widenedIn(widePanel, k0) : weights;
    Value base = e.b.createOrFold<arith::MulIOp>(e.sub(panel, firstPanel), e.index(s.getRowBlock()));
    eachRows([&](ArrayRef<Value> rows) {
      PanelTile tile{.x = x, .rows = SmallVector<Value>(rows), .panel = panel};
      tile.int8 = int8 ? &*int8 : nullptr;
      tile.pairs = pairs ? &*pairs : nullptr;
      if (wideRows) {
        tile.x = {wideRows, 0, s.getKBlock()};
        tile.from = k0;
        for (Value &row : tile.rows)
          row = local(row);
      }
      eachVectors(rows.size(), [&](int64_t first, int64_t count) {
        tile.column = first * e.lanes;
        tile.vectors = count;
        auto place = [&](int64_t sum) {
          Value row = e.b.createOrFold<arith::AddIOp>(base, local(rows[sum / count]));
          return SmallVector<Value>{row, e.index(tile.column + sum % count * e.lanes)};
        };
        SmallVector<Value> sums;
        Value isFirst = arith::CmpIOp::create(e.b, arith::CmpIPredicate::eq, k0, e.index(0));
        for (int64_t i = 0; i < int64_t(rows.size()) * count; ++i) {
          Value before = vector::LoadOp::create(e.b, e.vectorType, kept, place(i));
          sums.push_back(arith::SelectOp::create(e.b, isFirst, e.zero(), before));
        }
        sums = panelProduct(e, tile, part, parts.K, k0, kEnd, sums);
        for (auto [i, sum] : llvm::enumerate(sums))
          vector::StoreOp::create(e.b, sum, kept, place(i));
      });
    });
  });
}

KernelGrid generateFma(CpuEmitter &e, LinearParts parts) {
  return FmaProjection(e, parts).generate();
}

} // namespace mamba
