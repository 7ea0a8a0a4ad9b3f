// A tile of the grid is `row_block` rows by `col_block` columns. Its rows are taken
// 32 at a time and `k_block` k at a time, so that this part of them stays in the
// first level cache while the panels stream past it from the second: registers
// hold 2x2 sums of 16x16, and each of the four loads of a step serves two
// products. Between the parts of the rows the sums wait in scratch memory.
//
// Rows are read where they lie, or from a copy in scratch memory with zeros around
// it: the last rows of the block, and rows whose K fills no products.
#include "passes/cpu/LinearAmx.h"
#include "passes/cpu/LinearEpilogue.h"
#include "passes/cpu/PanelProduct.h"
#include "passes/cpu/TilePanels.h"
#include "passes/target/Schedule.h"

#include "mlir/Dialect/AMX/AMXDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;

namespace mamba {

/// Rows and columns of a tile of sums, and of the four in registers.
static constexpr int64_t kTile = 16, kSums = 32;

/// The type of rows as they lie in memory.
static Type storedElement(Value rows) {
  rows = unwidened(rows);
  while (auto split = rows.getDefiningOp<ssm::SplitOp>())
    rows = unwidened(split.getX());
  return getElementTypeOrSelf(rows.getType());
}

bool takesTiles(LinearParts parts, const Target &target) {
  return target.has("amx-bf16") && storedElement(parts.x).isBF16() &&
         TilePanels::takes(parts.linear.getW());
}

ssm::ScheduleAttr tileSchedule(LinearParts parts, const Target &target, MLIRContext *context) {
  auto inPieces = [](int64_t n, int64_t most, int64_t step) {
    return int64_t(llvm::alignTo(llvm::divideCeil(n, llvm::divideCeil(n, most)), step));
  };
  // Rows whole if they fit the first level cache, else in parts of two thirds of
  // it; less than half of the second for the panels: rows come, and results go.
  // Integers become bf16 once for all rows of a tile.
  int64_t fits = target.l1Bytes / (2 * kSums);
  int64_t block = panelBlock(parts.linear.getW(), target), step = std::lcm(block, kTilePanel);
  int64_t columns = std::max(step, target.l2Bytes * 3 / 8 / (2 * parts.K) / step * step);
  bool isBf16 = getElementTypeOrSelf(parts.linear.getW().getType()).isBF16();
  return Schedule{.lanes = target.lanes,
                  .rowBlock = isBf16 ? 128 : 512,
                  .colBlock = inPieces(parts.O, columns, step),
                  .colTile = block,
                  .kBlock = inPieces(parts.K, parts.K <= fits ? fits : fits * 2 / 3, kTileStep),
                  .mma = kTileStep}
      .get(context);
}

bool checkTileSchedule(LinearParts parts, const Target &target, ssm::ScheduleAttr s,
                       std::string &reason) {
  if (!takesTiles(parts, target)) {
    reason = "mma needs rows of bf16, a matrix of bf16 or integers and a target with amx-bf16";
    return false;
  }
  bool isBf16 = getElementTypeOrSelf(parts.linear.getW().getType()).isBF16();
  if (s.getLanes() != kTile || s.getMma() != kTileStep || s.getColTile() <= 0 ||
      s.getColTile() % kTile || (isBf16 && s.getColTile() != kTilePanel) ||
      s.getColBlock() <= 0 || s.getColBlock() % std::lcm(s.getColTile(), kTilePanel) ||
      s.getRowBlock() <= 0 || s.getRowBlock() % kSums || s.getKBlock() <= 0 ||
      s.getKBlock() % kTileStep) {
    reason = "a projection by tiles needs lanes = 16, mma = 32, col_tile = 32, or a multiple of "
             "16 for integers, col_block a multiple of it, and col_block, row_block and k_block "
             "multiples of 32";
    return false;
  }
  return true;
}

namespace {

class TileProjection {
public:
  TileProjection(CpuEmitter &e, LinearParts parts)
      : e(e), parts(parts), s(e.schedule), x(*e.view(parts.x)),
        matrix(e, parts.linear.getW(), parts.K, s.getColBlock()),
        steps(llvm::alignTo(parts.K, kTileStep)),
        panels(llvm::divideCeil(parts.O, kTilePanel)), inPlace(parts.K == steps) {}

  KernelGrid generate();

private:
  void copyRows(Value group);
  void groupSums(Value group, bool isWhole);
  void addPart(Value group, bool isWhole, Value panel, int64_t k0);
  void writeGroup(Value group);
  /// Where the sums of a panel wait.
  Value sumsColumn(Value panel) { return e.mul(e.sub(panel, firstPanel), kTilePanel); }

  CpuEmitter &e;
  LinearParts parts;
  ssm::ScheduleAttr s;
  View x;
  TilePanels matrix;
  int64_t steps, panels; // k with the zeros behind it; of all columns
  bool inPlace;
  Value row0, rowEnd, firstPanel, lastPanel; // of the tile of the grid
  Value copied; // scratch memory: 32 rows in pairs of bf16
  Value sums;   // scratch memory: of 32 rows
};

} // namespace

/// 32 rows, those from rowEnd on zero.
void TileProjection::copyRows(Value group) {
  auto type = VectorType::get({kTileStep}, e.b.getI16Type());
  e.loop(e.index(0), e.index(kSums), 1, [&](Value i) {
    Value row = e.add(group, i);
    // A row that is not there is not read.
    Value columns =
        arith::SelectOp::create(e.b, e.less(row, rowEnd), e.index(parts.K), e.index(0));
    e.loop(e.index(0), e.index(steps), kTileStep, [&](Value k) {
      Value mask = vector::CreateMaskOp::create(e.b, type.clone(e.b.getI1Type()),
                                                e.sub(columns, k));
      Value none = arith::ConstantOp::create(e.b, type, e.b.getZeroAttr(type));
      Value read = vector::MaskedLoadOp::create(e.b, type, x.buffer,
                                                ValueRange{row, e.add(k, x.offset)}, mask, none);
      Value pairs = vector::BitCastOp::create(e.b, e.vectorType, read);
      vector::StoreOp::create(e.b, pairs, copied, ValueRange{i, e.div(k, e.index(2))});
    });
  });
}

/// Adds the products of a part of k to the sums of 32 rows and a panel.
void TileProjection::addPart(Value group, bool isWhole, Value panel, int64_t k0) {
  auto sumsType = amx::TileType::get({kTile, kTile}, e.b.getF32Type());
  auto rowsType = amx::TileType::get({kTile, kTileStep}, e.b.getBF16Type());
  auto sumsAt = [&](int64_t i) -> SmallVector<Value> {
    return {e.index(i / 2 * kTile), e.add(sumsColumn(panel), i % 2 * kTile)};
  };
  SmallVector<Value> acc;
  for (int64_t i = 0; i < 4; ++i)
    acc.push_back(k0 > 0 ? Value(amx::TileLoadOp::create(e.b, sumsType, sums, sumsAt(i)))
                         : Value(amx::TileZeroOp::create(e.b, sumsType)));
  auto rowsAt = [&](Value k, int64_t half) -> Value {
    SmallVector<Value> at = {e.index(half * kTile), e.div(k, e.index(2))};
    if (isWhole)
      at = {e.add(group, half * kTile), e.add(k, x.offset)};
    return amx::TileLoadOp::create(e.b, rowsType, isWhole ? x.buffer : copied, at);
  };
  // Past the first level cache, where the rows are.
  auto panelAt = [&](Value k, int64_t half) {
    Value tile = matrix.tile(panel, k, half);
    tile.getDefiningOp()->setAttr("streamed", e.b.getUnitAttr());
    return tile;
  };
  Value kEnd = e.index(std::min(steps, k0 + s.getKBlock()));
  acc = e.loop(e.index(k0), kEnd, kTileStep, acc, [&](Value k, ValueRange acc) {
    SmallVector<Value> a, b, next;
    for (int64_t i = 0; i < 4; ++i) {
      if (i % 2 == 0)
        a.push_back(rowsAt(k, i / 2));
      if (i < 2)
        b.push_back(panelAt(k, i));
      next.push_back(amx::TileMulFOp::create(e.b, sumsType, a[i / 2], b[i % 2], acc[i]));
    }
    return next;
  }, /*keepRolled=*/true);
  for (int64_t i = 0; i < 4; ++i)
    amx::TileStoreOp::create(e.b, sums, sumsAt(i), acc[i]);
}

void TileProjection::writeGroup(Value group) {
  e.reach = kTilePanel;
  e.loop(group, e.min(rowEnd, e.add(group, kSums)), 1, [&](Value row) {
    Value factor;
    if (parts.norm)
      factor = e.broadcast(inverseRms(e, x, row, parts.norm.getEps().convertToDouble()));
    e.loop(firstPanel, lastPanel, 1, [&](Value panel) {
      for (int64_t j = 0; j < kTilePanel; j += e.lanes) {
        Value sum = vector::LoadOp::create(
            e.b, e.vectorType, sums,
            ValueRange{e.sub(row, group), e.add(sumsColumn(panel), j)});
        writeOutputs(e, parts, sum, factor, row, e.add(e.mul(panel, kTilePanel), j));
      }
    });
  });
  e.reach = e.lanes;
}

void TileProjection::groupSums(Value group, bool isWhole) {
  if (!isWhole)
    copyRows(group);
  for (int64_t k0 = 0; k0 < steps; k0 += s.getKBlock())
    e.loop(firstPanel, lastPanel, 1,
           [&](Value panel) { addPart(group, isWhole, panel, k0); });
  writeGroup(group);
}

KernelGrid TileProjection::generate() {
  int64_t across = llvm::divideCeil(parts.O, s.getColBlock());
  int64_t panelsATile = s.getColBlock() / kTilePanel;
  // Tiles beside each other share panels.
  Value down = e.ceilDiv(e.rows, s.getRowBlock());
  firstPanel = e.mul(e.div(e.tile, down), panelsATile);
  lastPanel = e.min(e.index(panels), e.add(firstPanel, panelsATile));
  row0 = e.mul(e.rem(e.tile, down), s.getRowBlock());
  rowEnd = e.min(e.rows, e.add(row0, s.getRowBlock()));
  // Rows of scratch memory are spread over the sets of the cache.
  sums = e.scratch(kSums, s.getColBlock() + kTile);
  copied = e.scratch(kSums, steps / 2 + kTile);

  matrix.prepare(e.mul(firstPanel, kTilePanel));
  Value rest = row0;
  if (inPlace) {
    Value groups = e.div(e.sub(rowEnd, row0), e.index(kSums));
    rest = e.add(row0, e.mul(groups, kSums));
    e.loop(row0, rest, kSums, [&](Value group) { groupSums(group, /*isWhole=*/true); });
  }
  e.loop(rest, rowEnd, kSums, [&](Value group) { groupSums(group, /*isWhole=*/false); });
  return {KernelGrid::Rows, 1, s.getRowBlock(), across};
}

KernelGrid generateTiles(CpuEmitter &e, LinearParts parts) {
  return TileProjection(e, parts).generate();
}

} // namespace mamba
