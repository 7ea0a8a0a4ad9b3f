// A tile of the grid is `row_block` rows by `col_block` columns, which stay in the
// second level cache together. Its rows are taken 32 at a time and `k_block` k at a
// time, so that this part of them stays in the first level cache while the panels
// stream past it: registers hold 2x2 sums of 16x16, and each of the four loads of a
// step serves two products. Between the parts of the rows the sums wait in scratch
// memory.
//
// Finished sums of a panel become outputs between the products of the panel after
// it: vectors and tiles work at the same time.
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

bool takesTiles(LinearParts parts, const Target &target) {
  return target.has("amx-bf16") && storedElement(parts.x).isBF16() &&
         TilePanels::takes(parts.linear.getW());
}

ssm::ScheduleAttr tileSchedule(LinearParts parts, const Target &target, MLIRContext *context) {
  auto inPieces = [](int64_t n, int64_t most, int64_t step) {
    return int64_t(llvm::alignTo(llvm::divideCeil(n, llvm::divideCeil(n, most)), step));
  };
  // Rows whole if they fit the first level cache, else in parts of two thirds of
  // it. Of the second three eighths for rows, somewhat less for panels: outputs pass
  // through. Integers become bf16 once for all rows of a tile.
  Value w = parts.linear.getW();
  int64_t fits = target.l1Bytes / (2 * kSums);
  int64_t block = panelBlock(w, target), step = std::lcm(block, kTilePanel);
  int64_t columns = std::max(step, target.l2Bytes * 5 / 16 / (2 * parts.K) / step * step);
  int64_t rows = std::clamp<int64_t>(target.l2Bytes * 3 / 8 / (2 * parts.K) / kSums * kSums,
                                     kSums, 512);
  if (!getElementTypeOrSelf(w.getType()).isBF16())
    rows = 512;
  else if (parts.O <= columns)
    rows = std::min<int64_t>(rows, 64);
  return Schedule{.lanes = target.lanes,
                  .rowBlock = rows,
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
        panels(llvm::divideCeil(parts.O, kTilePanel)), inPlace(parts.K == steps),
        inParts(steps > s.getKBlock()) {}

  KernelGrid generate();

private:
  using Sums = SmallVector<Value>;
  void findTile();
  void copyRows(Value group);
  void findFactors(Value group);
  void groupSums(Value group, bool isWhole);
  void addPart(Value group, bool isWhole, Value panel, int64_t k0, Value written = {});
  Sums addStep(Value group, bool isWhole, Value panel, Value k, ValueRange sums);
  void writeRow(Value group, Value panel, Value row);
  /// Where the sums of a panel wait: those of a panel alone, if no other part of k
  /// is added to them.
  Value sumsColumn(Value panel) {
    return inParts ? e.mul(e.sub(panel, firstPanel), kTilePanel) : e.index(0);
  }

  CpuEmitter &e;
  LinearParts parts;
  ssm::ScheduleAttr s;
  View x;
  TilePanels matrix;
  int64_t steps, panels; // k with the zeros behind it; of all columns
  bool inPlace, inParts;
  Value row0, rowEnd, firstPanel, lastPanel; // of the tile of the grid
  // In scratch memory, of 32 rows: the rows in pairs of bf16, sums, norm factors.
  Value copied, sums, factors;
};

} // namespace

/// Blocks of rows are as even as groups of 32 allow. Tiles beside each other share
/// panels: a weight comes from memory once.
void TileProjection::findTile() {
  Value down = e.ceilDiv(e.rows, s.getRowBlock());
  Value even = e.div(e.add(e.rows, e.sub(down, e.index(1))), down);
  Value block = e.mul(e.ceilDiv(even, kSums), kSums);
  row0 = e.min(e.rows, e.mul(e.rem(e.tile, down), block));
  rowEnd = e.min(e.rows, e.add(row0, block));
  int64_t panelsATile = s.getColBlock() / kTilePanel;
  // Threads take runs of tiles: with the halves in turns one thread makes the same
  // channels of both halves of a split result, which it reads again where it scans.
  Value across = e.div(e.tile, down);
  if (int64_t blocks = llvm::divideCeil(parts.O, s.getColBlock()); blocks % 2 == 0)
    across = e.add(e.mul(e.rem(across, e.index(2)), blocks / 2), e.div(across, e.index(2)));
  firstPanel = e.mul(across, panelsATile);
  lastPanel = e.min(e.index(panels), e.add(firstPanel, panelsATile));
}

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

/// Of the rows that are there.
void TileProjection::findFactors(Value group) {
  e.loop(group, e.min(rowEnd, e.add(group, kSums)), 1, [&](Value row) {
    Value factor = inverseRms(e, x, row, parts.norm.getEps().convertToDouble());
    memref::StoreOp::create(e.b, factor, factors, ValueRange{e.index(0), e.sub(row, group)});
  });
}

/// Four loads, rows and panels by turns, before the products that wait for them.
TileProjection::Sums TileProjection::addStep(Value group, bool isWhole, Value panel, Value k,
                                             ValueRange sums) {
  auto type = amx::TileType::get({kTile, kTileStep}, e.b.getBF16Type());
  Value a[2], b[2];
  for (int64_t half = 0; half < 2; ++half) {
    SmallVector<Value> at = {e.index(half * kTile), e.div(k, e.index(2))};
    if (isWhole)
      at = {e.add(group, half * kTile), e.add(k, x.offset)};
    a[half] = amx::TileLoadOp::create(e.b, type, isWhole ? x.buffer : copied, at);
    b[half] = matrix.tile(panel, k, half);
    // Past the first level cache, where the rows are.
    b[half].getDefiningOp()->setAttr("streamed", e.b.getUnitAttr());
  }
  Sums next;
  for (auto [i, sum] : llvm::enumerate(sums))
    next.push_back(amx::TileMulFOp::create(e.b, sum.getType(), a[i / 2], b[i % 2], sum));
  return next;
}

/// Adds the products of a part of k to the sums of 32 rows and a panel, and only then
/// stores them: meanwhile the 32 rows of the panel `written` become outputs.
void TileProjection::addPart(Value group, bool isWhole, Value panel, int64_t k0, Value written) {
  auto type = amx::TileType::get({kTile, kTile}, e.b.getF32Type());
  SmallVector<SmallVector<Value>> at;
  Sums acc;
  for (int64_t i = 0; i < 4; ++i) {
    at.push_back({e.index(i / 2 * kTile), e.add(sumsColumn(panel), i % 2 * kTile)});
    acc.push_back(k0 > 0 ? Value(amx::TileLoadOp::create(e.b, type, sums, at[i]))
                         : Value(amx::TileZeroOp::create(e.b, type)));
  }
  int64_t kEnd = std::min(steps, k0 + s.getKBlock()), from = k0;
  if (written) {
    int64_t perStep = llvm::divideCeil(kSums, (kEnd - k0) / kTileStep);
    // A divisor of 32.
    perStep = llvm::PowerOf2Ceil(perStep);
    from = k0 + kSums / perStep * kTileStep;
    acc = e.loop(e.index(k0), e.index(from), kTileStep, acc, [&](Value k, ValueRange acc) {
      Sums next = addStep(group, isWhole, panel, k, acc);
      Value row = e.add(group, e.mul(e.div(e.sub(k, e.index(k0)), e.index(kTileStep)), perStep));
      for (int64_t i = 0; i < perStep; ++i)
        writeRow(group, written, e.add(row, i));
      return next;
    }, /*keepRolled=*/true);
  }
  if (from < kEnd)
    acc = e.loop(e.index(from), e.index(kEnd), kTileStep, acc, [&](Value k, ValueRange acc) {
      return addStep(group, isWhole, panel, k, acc);
    }, /*keepRolled=*/true);
  for (int64_t i = 0; i < 4; ++i)
    amx::TileStoreOp::create(e.b, sums, at[i], acc[i]);
}

void TileProjection::writeRow(Value group, Value panel, Value row) {
  e.reach = kTilePanel;
  Value local = e.sub(row, group), factor;
  if (parts.norm)
    factor = e.broadcast(memref::LoadOp::create(e.b, factors, ValueRange{e.index(0), local}));
  for (int64_t j = 0; j < kTilePanel; j += e.lanes) {
    Value sum = vector::LoadOp::create(e.b, e.vectorType, sums,
                                       ValueRange{local, e.add(sumsColumn(panel), j)});
    writeOutputs(e, parts, sum, {row, factor, {}}, e.add(e.mul(panel, kTilePanel), j));
  }
  e.reach = e.lanes;
}

void TileProjection::groupSums(Value group, bool isWhole) {
  if (!isWhole)
    copyRows(group);
  if (parts.norm)
    findFactors(group);
  int64_t k0 = 0;
  for (; k0 + s.getKBlock() < steps; k0 += s.getKBlock())
    e.loop(firstPanel, lastPanel, 1,
           [&](Value panel) { addPart(group, isWhole, panel, k0); });
  auto write = [&](Value panel) {
    e.loop(group, e.min(rowEnd, e.add(group, kSums)), 1,
           [&](Value row) { writeRow(group, panel, row); });
  };
  if (!isWhole) {
    e.loop(firstPanel, lastPanel, 1, [&](Value panel) {
      addPart(group, isWhole, panel, k0);
      write(panel);
    });
    return;
  }
  addPart(group, isWhole, firstPanel, k0);
  e.loop(e.add(firstPanel, 1), lastPanel, 1, [&](Value panel) {
    addPart(group, isWhole, panel, k0, e.sub(panel, e.index(1)));
  });
  write(e.sub(lastPanel, e.index(1)));
}

KernelGrid TileProjection::generate() {
  int64_t across = llvm::divideCeil(parts.O, s.getColBlock());
  findTile();
  // Rows of scratch memory are spread over the sets of the cache.
  sums = inParts ? e.scratch(kSums, s.getColBlock() + kTile) : e.scratch(kSums, kTilePanel);
  copied = e.scratch(kSums, steps / 2 + kTile);
  if (parts.norm)
    factors = e.scratch(1, kSums);

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
