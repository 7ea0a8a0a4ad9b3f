// A tile of the grid is `row_block` rows by `col_block` columns. Where the time goes
// into reading the matrix, a product of tiles costs a tenth of the multiply-adds and
// leaves the memory the limit. Rows are copied once for all panels, those that are not
// there stay whatever they were: no other row sees them.
//
// Four rows and fewer are multiplied by LinearFma, as fast and in the order of k.
#include "passes/cpu/LinearFewTiles.h"
#include "passes/cpu/LinearEpilogue.h"
#include "passes/cpu/LinearFma.h"
#include "passes/cpu/PanelProduct.h"
#include "passes/cpu/TilePanels.h"
#include "passes/target/Schedule.h"

#include "mlir/Dialect/AMX/AMXDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace mlir;

namespace mamba {

/// Rows of a tile, and how many of them multiply-adds serve as well.
static constexpr int64_t kRows = 16, kByFma = 4;

bool takesFewTiles(LinearParts parts, const Target &target) {
  return target.has("amx-bf16") && storedElement(parts.x).isBF16() &&
         getElementTypeOrSelf(parts.linear.getW().getType()).isBF16() &&
         parts.K % kTileStep == 0;
}

ssm::ScheduleAttr fewTileSchedule(LinearParts parts, const Target &target, MLIRContext *context) {
  // Panels enough that their rows cost little, and tiles enough for many threads. A
  // convolution interrupts the reading of the matrix once a tile.
  int64_t panels = llvm::divideCeil(parts.O, kTilePanel), tiles = parts.after.conv ? 16 : 32;
  return Schedule{.lanes = target.lanes,
                  .rowBlock = kRows,
                  .colBlock = kTilePanel * std::clamp<int64_t>(panels / tiles, 1, 8),
                  .rowTile = kByFma,
                  .colTile = kTilePanel,
                  .mma = kTileStep}
      .get(context);
}

bool checkFewTileSchedule(LinearParts parts, const Target &target, ssm::ScheduleAttr s,
                          std::string &reason) {
  if (!takesFewTiles(parts, target)) {
    reason = "mma without k_block needs rows and a matrix of bf16, K a multiple of 32 and a "
             "target with amx-bf16";
    return false;
  }
  if (s.getLanes() != kRows || s.getMma() != kTileStep || s.getColTile() != kTilePanel ||
      s.getRowBlock() <= 0 || s.getRowBlock() % kRows || s.getRowTile() <= 0 ||
      s.getColBlock() <= 0 || s.getColBlock() % kTilePanel) {
    reason = "mma without k_block needs lanes = 16, mma = 32, col_tile = 32, a positive row_tile, "
             "col_block a multiple of 32 and row_block of 16";
    return false;
  }
  return checkFmaSchedule(parts, target, s, reason);
}

namespace {

class FewTiles {
public:
  FewTiles(CpuEmitter &e, LinearParts parts)
      : e(e), parts(parts), x(*e.view(parts.x)), weights(e, parts.linear.getW()),
        matrix(e, parts.linear.getW(), parts.K, e.schedule.getColBlock()) {}

  /// All that is in the tile of the grid, 16 rows at a time.
  void generate(Value row0, Value rowEnd, Value firstPanel, Value lastPanel);

private:
  void copyRows(Value first, Value end);
  void panelSums(Value panel, Value column);

  CpuEmitter &e;
  LinearParts parts;
  View x;
  WeightPanel weights;
  TilePanels matrix;
  Value copied, sums; // in scratch memory: 16 rows, and what becomes of them
};

} // namespace

void FewTiles::copyRows(Value first, Value end) {
  auto type = VectorType::get({kTileStep}, e.b.getI16Type());
  e.loop(first, end, 1, [&](Value row) {
    e.loop(e.index(0), e.index(parts.K), kTileStep, [&](Value k) {
      Value read = vector::LoadOp::create(e.b, type, x.buffer,
                                          ValueRange{row, e.add(k, x.offset)});
      vector::StoreOp::create(e.b, vector::BitCastOp::create(e.b, e.vectorType, read), copied,
                              ValueRange{e.sub(row, first), e.div(k, e.index(2))});
    });
  });
}

void FewTiles::panelSums(Value panel, Value column) {
  auto sumsType = amx::TileType::get({kRows, kRows}, e.b.getF32Type());
  auto rowsType = amx::TileType::get({kRows, kTileStep}, e.b.getBF16Type());
  SmallVector<Value> none;
  for (int64_t half = 0; half < 2; ++half)
    none.push_back(amx::TileZeroOp::create(e.b, sumsType));
  auto made = e.loop(e.index(0), e.index(parts.K), kTileStep, none,
                     [&](Value k, ValueRange acc) {
    for (int64_t i = 0; i < kTileStep; i += weights.unit())
      weights.prefetch(panel, e.add(k, i), 0, kTilePanel / e.lanes);
    Value rows = amx::TileLoadOp::create(e.b, rowsType, copied,
                                         ValueRange{e.index(0), e.div(k, e.index(2))});
    SmallVector<Value> next;
    for (int64_t half = 0; half < 2; ++half)
      next.push_back(amx::TileMulFOp::create(e.b, sumsType, rows, matrix.tile(panel, k, half),
                                             acc[half]));
    return next;
  }, /*keepRolled=*/true);
  for (auto [half, sum] : llvm::enumerate(made))
    amx::TileStoreOp::create(e.b, sums, ValueRange{e.index(0), e.add(column, half * kRows)}, sum);
}

void FewTiles::generate(Value row0, Value rowEnd, Value firstPanel, Value lastPanel) {
  // Rows of scratch memory are spread over the sets of the cache.
  copied = e.scratch(kRows, parts.K / 2 + kRows);
  sums = e.scratch(kRows, e.schedule.getColBlock() + kRows);
  e.loop(row0, rowEnd, kRows, [&](Value first) {
    Value end = e.min(rowEnd, e.add(first, kRows));
    copyRows(first, end);
    auto columnOf = [&](Value panel) { return e.mul(e.sub(panel, firstPanel), kTilePanel); };
    e.loop(firstPanel, lastPanel, 1, [&](Value panel) { panelSums(panel, columnOf(panel)); });
    e.reach = kTilePanel;
    e.loop(first, end, 1, [&](Value row) {
      Value factor;
      if (parts.norm)
        factor = e.broadcast(inverseRms(e, x, row, parts.norm.getEps().convertToDouble()));
      OutputRow place = outputRow(e, parts, row, factor);
      Value local = e.sub(row, first);
      e.loop(e.index(0), columnOf(lastPanel), e.lanes, [&](Value column) {
        Value sum = vector::LoadOp::create(e.b, e.vectorType, sums, ValueRange{local, column});
        writeOutputs(e, parts, sum, place, e.add(e.mul(firstPanel, kTilePanel), column));
      });
    });
    e.reach = e.lanes;
  });
}

KernelGrid generateFewTiles(CpuEmitter &e, LinearParts parts) {
  int64_t panelsATile = e.schedule.getColBlock() / kTilePanel;
  int64_t panels = llvm::divideCeil(parts.O, kTilePanel);
  Value down = e.ceilDiv(e.rows, e.schedule.getRowBlock());
  Value firstPanel = e.mul(e.div(e.tile, down), panelsATile);
  Value lastPanel = e.min(e.index(panels), e.add(firstPanel, panelsATile));
  Value row0 = e.mul(e.rem(e.tile, down), e.schedule.getRowBlock());
  Value rowEnd = e.min(e.rows, e.add(row0, e.schedule.getRowBlock()));

  KernelGrid grid;
  e.when(e.less(e.sub(rowEnd, row0), e.index(kByFma + 1)), [&] { grid = generateFma(e, parts); });
  e.when(e.less(e.index(kByFma), e.sub(rowEnd, row0)),
         [&] { FewTiles(e, parts).generate(row0, rowEnd, firstPanel, lastPanel); });
  return grid;
}

} // namespace mamba
