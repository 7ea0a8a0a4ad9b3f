// Which projections of few rows the matrix unit takes, and how they are cut.
#include "passes/gpu/LinearFewRowsMma.h"
#include "passes/gpu/LinearMma.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace mamba {

static WeightLayout layoutOf(const LinearParts &parts) {
  return WeightLayout(ssm::LinearOp(parts.linear).getW());
}

FewRowsMmaShape::FewRowsMmaShape(const LinearParts &parts, ssm::ScheduleAttr s)
    : rowBlock(s.getRowBlock()), colBlock(s.getColBlock()), colTile(s.getColTile()),
      threads(s.getThreads()), K(parts.K), O(parts.O), bits(layoutOf(parts).bits),
      shares(warps() / warpsAcross()) {
  rounds = llvm::divideCeil(K, round());
  staged = std::min<int64_t>(rounds, llvm::divideCeil(s.getKBlock(), round()));
}

int64_t FewRowsMmaShape::sharedBytes(bool hasNorm) const {
  int64_t bytes = xBytes() + 16 * (shares - 1) * (sums() / 4) * warpsAcross() * 32;
  return bytes + (hasNorm ? 4 * FewRowsShape::padded(warpsOfRow()) * rowBlock : 0);
}

int64_t FewRowsMmaShape::registers() const {
  int64_t columns = colTile / 8, words = loads() * columns * loadBytes() / 4;
  int64_t scales = isGrouped() ? columns * stepsOfRun() / 2 : 0;
  // Of a load those that come and those that are multiplied, of scales too; operands,
  // a product, and where columns begin.
  return sums() + words + words / loads() + 2 * scales + 4 * tilesDown() + 12 + 2 * columns +
         rowsOfWarp() + 20;
}

bool checkFewRowsMma(ssm::KernelOp kernel, const LinearParts &parts, const Target &target,
                     ssm::ScheduleAttr s, int64_t &sharedBytes, int64_t &registers,
                     std::string &reason) {
  constexpr int64_t maxRows = 32, maxColumns = 64, maxShares = 16;
  if (!mmaElement(kernel, parts, target, reason))
    return false;
  if (target.chip < 80 || s.getMma() != 16 || s.getLanes() != FewRowsMmaShape::lanes) {
    reason = "few rows on the matrix unit take mma 16 and lanes 4 from sm_80 on, got " +
             std::to_string(s.getMma()) + " and " + std::to_string(s.getLanes()) + " on " +
             target.arch;
    return false;
  }
  int64_t rowBlock = s.getRowBlock(), colTile = s.getColTile(), colBlock = s.getColBlock();
  if (rowBlock < 8 || rowBlock > maxRows || !llvm::isPowerOf2_64(rowBlock) || colTile < 16 ||
      colTile > maxColumns || !llvm::isPowerOf2_64(colTile)) {
    reason = "row_block must be 8, 16 or 32 and col_tile 16, 32 or 64, got " +
             std::to_string(rowBlock) + " and " + std::to_string(colTile);
    return false;
  }
  int64_t warps = s.getThreads() / GpuEmitter::warpSize, across = colBlock / colTile;
  if (colBlock <= 0 || colBlock % colTile || warps % across || warps / across > maxShares) {
    reason = "col_block must be col_tile times warps that divide the " + std::to_string(warps) +
             " of a block, at most " + std::to_string(maxShares) + " for a column";
    return false;
  }
  WeightLayout layout = layoutOf(parts);
  FewRowsMmaShape shape(parts, s);
  int64_t pitch = layout.width * layout.elementBytes;
  if (pitch % shape.loadBytes()) {
    reason = "rows of W must be multiples of " + std::to_string(shape.loadBytes()) +
             " bytes, got " + std::to_string(pitch);
    return false;
  }
  if (s.getKBlock() <= 0 || (s.getKBlock() < parts.K && s.getKBlock() % shape.round())) {
    reason = "k_block must be K, or a multiple of the " + std::to_string(shape.round()) +
             " k of a round, got " + std::to_string(s.getKBlock()) + " of " +
             std::to_string(parts.K);
    return false;
  }
  sharedBytes = shape.sharedBytes(bool(parts.norm));
  registers = shape.registers();
  return true;
}

/// Registers that the estimate may lack, those of a thread that the assembler makes
/// do with, and all of a multiprocessor.
constexpr int64_t aroundRegisters = 40, enoughRegisters = 176, allRegisters = 64 << 10;

double fewRowsMmaTime(const FewRowsMmaShape &shape, int64_t rows) {
  // Its multiprocessors, bytes on their way that fill the way from memory, and bytes
  // of it, of the second-level cache and warp-instructions a clock of a multiprocessor.
  constexpr double multiprocessors = 132, enough = 24 << 10, memory = 20, cache = 39, issue = 4;
  constexpr double others = 400; // instructions of a warp around its runs
  double weightBytes = double(shape.O) * shape.K * shape.bits / 8;
  int64_t down = llvm::divideCeil(rows, shape.rowBlock);
  double blocks = down * llvm::divideCeil(shape.O, shape.colBlock);
  double warps = blocks * shape.warps();
  // Of a step: of a tile's weights, then products and their scales.
  double weights = shape.bits == 4 ? 36 : shape.bits == 8 ? 26 : 2;
  double products = shape.isGrouped() ? 8 : 2;
  double step = shape.tilesAcross() * (weights + products * shape.tilesDown()) + shape.tilesDown();
  double slots = warps * (shape.rounds * shape.stepsOfRun() * step + others) +
                 blocks * 2.0 * shape.rowBlock * shape.K / 8 / 32 * 12;
  double busiest = std::ceil(blocks / multiprocessors) / blocks;
  double unit = weightBytes / multiprocessors / memory; // clocks
  double computing = slots * busiest / issue / unit;
  double resident = std::max<int64_t>(1, allRegisters / shape.threads /
                                             (shape.registers() + aroundRegisters));
  double flying = std::min(resident, std::ceil(blocks / multiprocessors)) * shape.threads *
                  shape.loadBytes() * shape.loads() * (shape.colTile / 8);
  double waiting = std::min(enough, weightBytes / multiprocessors) / flying;
  double cached = down * weightBytes + blocks * shape.rowBlock * shape.K * 2.0;
  double fetching = std::max(cached / multiprocessors / cache, cached * busiest / 64) / unit;
  double wasted = double(shape.rounds * shape.round()) / shape.K;
  double pieces = double(shape.rounds) / shape.staged;
  return wasted * std::max({1.0, waiting, computing, fetching}) +
         0.1 * (waiting + computing + fetching) + 0.02 * pieces;
}

std::optional<Schedule> fewRowsMmaSchedule(ssm::KernelOp kernel, const LinearParts &parts,
                                           const Target &target, int64_t rowBlock) {
  constexpr int64_t good = 32 << 10; // of shared memory: blocks fit beside each other
  // As many warps on each scheduler, and few where squares of rows or windows of a
  // convolution want registers too.
  int64_t mostWarps = parts.norm || parts.after.conv ? 8 : 16;
  std::optional<Schedule> best;
  double bestTime = 0;
  std::string reason;
  for (int64_t colTile : {16, 32, 64})
    for (int64_t across : {1, 2, 3, 4, 5, 6, 8})
      for (int64_t shares : {1, 2, 3, 4, 5, 6, 8, 10, 12, 16}) {
        if (across * shares % 4 || across * shares > mostWarps)
          continue;
        Schedule s{.lanes = FewRowsMmaShape::lanes,
                   .rowBlock = rowBlock,
                   .colBlock = across * colTile,
                   .colTile = colTile,
                   .kBlock = parts.K,
                   .threads = across * shares * GpuEmitter::warpSize,
                   .mma = 16};
        int64_t sharedBytes, registers;
        if (!checkFewRowsMma(kernel, parts, target, s.get(kernel.getContext()), sharedBytes,
                             registers, reason))
          return std::nullopt;
        FewRowsMmaShape whole(parts, s.get(kernel.getContext()));
        // As many rounds at a time as are good, so that all pieces are alike.
        int64_t most = std::max<int64_t>(1, good / (2 * rowBlock * whole.round()));
        if (whole.rounds > most)
          s.kBlock = llvm::divideCeil(whole.rounds, llvm::divideCeil(whole.rounds, most)) *
                     whole.round();
        ssm::ScheduleAttr attr = s.get(kernel.getContext());
        if (!checkFewRowsMma(kernel, parts, target, attr, sharedBytes, registers, reason) ||
            sharedBytes > target.sharedBytes ||
            registers + aroundRegisters > std::min(enoughRegisters,
                                                   target.allRegisters / s.threads))
          continue;
        double time = fewRowsMmaTime(FewRowsMmaShape(parts, attr), rowBlock);
        if (!best || time < bestTime) {
          best = s;
          bestTime = time;
        }
      }
  return best;
}

} // namespace mamba
