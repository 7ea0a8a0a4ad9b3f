// 32 rows by 32 columns at a time: their sums stay in four tile registers while k goes
// by. Tile registers take some hundred nanoseconds to wake up, and wait for what was just
// written: so all of many rows are split first, then all are multiplied.
#include "passes/cpu/ScanTiles.h"
#include "passes/cpu/TilePanels.h"

#include "mlir/Dialect/AMX/AMXDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace mamba {

/// Columns of a tile of sums, and so many lanes; rows of what is summed together.
static constexpr int64_t kTile = 16, kRows = 32;

bool ScanTiles::takes(ScanParts parts, const Target &target) {
  return parts.projection && target.has("amx-bf16") && storedElement(parts.u).isBF16() &&
         getElementTypeOrSelf(parts.projection.getW().getType()).isBF16();
}

bool ScanTiles::isLegal(ScanParts parts, const Target &target, ssm::ScheduleAttr s,
                        std::string &reason) {
  if (!takes(parts, target)) {
    reason = "mma needs a dt projection by a matrix of bf16, u in rows of bf16 and a target "
             "with amx-bf16";
    return false;
  }
  if (s.getMma() == kTileStep && s.getLanes() == kTile && s.getRowBlock() > 0 &&
      s.getRowBlock() % kRows == 0)
    return true;
  reason = "a dt projection by tiles needs lanes = 16, mma = 32 and row_block a multiple of 32";
  return false;
}

ScanTiles::Pairs::Pairs(ScanParts scan)
    : parts(storedElement(scan.delta).isBF16() ? 1 : 2),
      ofPart(llvm::divideCeil(lastDim(scan.delta), 2)),
      steps(llvm::alignTo(parts * ofPart, kTileStep / 2)),
      // The last vector of a part may reach beyond it, and beyond the last step. Each row
      // begins a line.
      width(llvm::alignTo(steps + kTile / 2, kTile)) {}

int64_t ScanTiles::scratchBytes(ScanParts parts, ssm::ScheduleAttr s) {
  Pairs pairs(parts);
  return 4 * (s.getRowBlock() * (pairs.width + s.getColBlock()) + pairs.steps * s.getColBlock());
}

ScanTiles::ScanTiles(CpuEmitter &e, ScanParts scan, Value panel)
    : e(e), x(*e.view(scan.delta)), block(e.schedule.getColBlock()), pairs(scan) {
  split = e.scratch(e.schedule.getRowBlock(), pairs.width);
  matrix = e.scratch(pairs.steps, block);
  int64_t filled = pairs.parts * pairs.ofPart;
  Value none = arith::ConstantOp::create(
      e.b, e.b.getZeroAttr(VectorType::get({kTile / 2}, e.b.getF32Type())));
  e.loop(e.index(0), e.index(e.schedule.getRowBlock()), 1, [&](Value row) {
    for (int64_t k = filled; k < pairs.steps; k += kTile / 2)
      vector::StoreOp::create(e.b, none, split, ValueRange{row, e.index(k)});
  });
  Value stored = e.buffer(packedArgument(scan.projection.getW()));
  auto pairsType = VectorType::get({2 * kTile}, e.b.getI16Type());
  for (int64_t j = 0; j < block; j += kTile) {
    e.loop(e.index(0), e.index(pairs.ofPart), 1, [&](Value k) {
      Value read = vector::LoadOp::create(e.b, pairsType, stored,
                                          ValueRange{panel, k, e.index(2 * j)});
      for (int64_t part = 0; part < pairs.parts; ++part)
        e.storeAt(vector::BitCastOp::create(e.b, e.vectorType, read), matrix,
                  {e.add(k, part * pairs.ofPart), e.index(j)}, {});
    });
    e.loop(e.index(filled), e.index(pairs.steps), 1,
           [&](Value k) { e.storeAt(e.zero(), matrix, {k, e.index(j)}, {}); });
  }
}

void ScanTiles::splitRow(Value row, Value local) {
  auto stored = VectorType::get({kTile / 2}, e.b.getF32Type());
  SmallVector<Value> rest;
  for (int64_t k = 0; k < x.columns; k += kTile)
    rest.push_back(e.load(x, row, e.index(k)));
  for (int64_t part = 0; part < pairs.parts; ++part)
    for (auto [i, value] : llvm::enumerate(rest)) {
      Value rounded = e.narrow(value, e.b.getI16Type());
      vector::StoreOp::create(
          e.b, vector::BitCastOp::create(e.b, stored, rounded), split,
          ValueRange{local, e.index(part * pairs.ofPart + i * kTile / 2)});
      if (part + 1 < pairs.parts)
        value = e.math.sub(value, e.widen(rounded));
    }
}

void ScanTiles::addProducts(Value row0, Value sums, int64_t column0) {
  auto sumsType = amx::TileType::get({kTile, kTile}, e.b.getF32Type());
  auto pairsType = amx::TileType::get({kTile, kTileStep}, e.b.getBF16Type());
  int64_t columns = std::min<int64_t>(2, (block - column0) / kTile);
  auto row = [&](int64_t i) { return e.add(row0, i * kTile); };
  auto column = [&](int64_t j) { return e.index(column0 + j * kTile); };
  SmallVector<Value> acc;
  for (int64_t i = 0; i < 2 * columns; ++i)
    acc.push_back(amx::TileZeroOp::create(e.b, sumsType));
  Value end = e.index(pairs.steps);
  acc = e.loop(e.index(0), end, kTileStep / 2, acc, [&](Value k, ValueRange carried) {
    // Products wait for loads less where these come first.
    SmallVector<Value> a, b, next(carried);
    for (int64_t i = 0; i < 2; ++i)
      a.push_back(amx::TileLoadOp::create(e.b, pairsType, split, ValueRange{row(i), k}));
    for (int64_t j = 0; j < columns; ++j)
      b.push_back(amx::TileLoadOp::create(e.b, pairsType, matrix, ValueRange{k, column(j)}));
    for (auto [i, sum] : llvm::enumerate(next))
      sum = amx::TileMulFOp::create(e.b, sumsType, a[i / columns], b[i % columns], sum);
    return next;
  }, /*keepRolled=*/true);
  for (auto [i, sum] : llvm::enumerate(acc))
    amx::TileStoreOp::create(e.b, sums, ValueRange{row(i / columns), column(i % columns)}, sum);
}

void ScanTiles::project(Value first, Value length, Value sums) {
  int64_t reach = std::exchange(e.reach, kTile);
  e.loop(e.index(0), length, 1, [&](Value local) { splitRow(e.add(first, local), local); });
  e.reach = reach;
  e.loop(e.index(0), length, kRows, [&](Value row0) {
    for (int64_t column0 = 0; column0 < block; column0 += 2 * kTile)
      addProducts(row0, sums, column0);
  });
}

} // namespace mamba
