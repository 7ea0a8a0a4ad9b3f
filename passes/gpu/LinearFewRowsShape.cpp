#include "passes/gpu/LinearFewRows.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace mamba {

/// Loads of weights that a lane has on their way, if its columns are not more:
/// where many sums of integers are as slow as memory, few.
static int64_t loadsOnTheWay(int64_t rowBlock, const WeightLayout &layout) {
  return rowBlock >= 4 && layout.isGrouped() ? 4 : 8;
}

FewRowsShape::FewRowsShape(const LinearParts &parts, ssm::ScheduleAttr s)
    : rowBlock(s.getRowBlock()), colBlock(s.getColBlock()), colTile(s.getColTile()),
      lanes(s.getLanes()), threads(s.getThreads()), K(parts.K), O(parts.O),
      groups(colBlock / colTile), shares(threads / lanes / groups) {
  WeightLayout layout(ssm::LinearOp(parts.linear).getW());
  piece = layout.piece();
  rounds = llvm::divideCeil(K, round());
  staged = std::min<int64_t>(rounds, llvm::divideCeil(s.getKBlock(), round()));
  ahead = std::max<int64_t>(1, loadsOnTheWay(rowBlock, layout) / colTile);
  ahead = std::min(staged, ahead);
}

namespace {

/// What the cuts of a projection come to.
struct Cut {
  int64_t lanes, colTile, shares, warps; // warps of a block
  double time;
};

/// Rounds of which x is in shared memory at once; 0 if it does not hold one.
int64_t stagedRounds(const LinearParts &parts, const WeightLayout &layout, int64_t rowBlock,
                     const Cut &cut) {
  // So much is good, since three blocks of it fit beside each other everywhere.
  constexpr int64_t good = 24 << 10, most = 33 << 10;
  int64_t round = cut.lanes * cut.shares * layout.piece(), bytes = 4 * rowBlock * round;
  int64_t rounds = llvm::divideCeil(parts.K, round);
  int64_t ahead = std::max<int64_t>(1, loadsOnTheWay(rowBlock, layout) / cut.colTile);
  if (rounds * bytes <= good)
    return rounds;
  if (2 * bytes > good)
    return bytes <= most;
  return good / bytes < ahead ? good / bytes : good / bytes / ahead * ahead;
}

/// How long a cut takes for so many blocks of rows, as fewRowsTime() says it.
double timeOf(const LinearParts &parts, const WeightLayout &layout, int64_t rowBlock,
              const Cut &cut, int64_t rowBlocks = 1) {
  // Its multiprocessors, the loads of a warp that fill the way from memory, and
  // bytes and warp-instructions a clock of a multiprocessor.
  constexpr double multiprocessors = 132, enough = 64 * multiprocessors, memory = 20, issue = 4;
  // Of a weight and a product, and of a warp before and after the sums.
  double instructions = layout.bits == 4    ? 1.8
                        : layout.bits == 8  ? 2.5
                        : layout.bits == 16 ? 1.2
                                            : 0.3;
  constexpr double others = 250;
  int64_t xBytes = rowBlock * getElementTypeOrSelf(unwidened(parts.x)).getIntOrFloatBitWidth() / 8;
  if (ssm::Conv1dOp conv = parts.conv.conv) {
    int64_t W = lastDim(conv.getW());
    xBytes += 4 * rowBlock * (W - 1) + 4 * (W + 1);
  }
  int64_t staged = stagedRounds(parts, layout, rowBlock, cut);
  int64_t columns = cut.warps / cut.shares * (GpuEmitter::warpSize / cut.lanes) * cut.colTile;
  double rounds = llvm::divideCeil(parts.K, cut.lanes * cut.shares * layout.piece());
  double blocks = rowBlocks * llvm::divideCeil(parts.O, columns), warps = blocks * cut.warps;
  double bytes = parts.O * parts.K * layout.bits / 8.0;
  double loads = rounds * cut.colTile;
  double flying = warps * std::min<double>(staged * cut.colTile, loadsOnTheWay(rowBlock, layout));
  double waiting = std::min(enough, bytes / (16 * GpuEmitter::warpSize)) / flying;
  double slots = warps * (loads * layout.piece() * (instructions + rowBlock) + others);
  double wavefronts = warps * rounds * layout.piece() * rowBlock;
  double busiest = std::ceil(blocks / multiprocessors) / blocks;
  double computing = std::max(slots / issue, wavefronts) * busiest /
                     (bytes / multiprocessors / memory);
  // x comes to every block, from the second-level cache.
  double twice = blocks * parts.K * xBytes / bytes;
  return std::max({1.0, waiting, computing}) + 0.3 * twice + 0.1 * waiting + 0.1 * computing;
}

} // namespace

double fewRowsTime(const LinearParts &parts, const Schedule &s, int64_t rows) {
  int64_t groups = s.colBlock / s.colTile;
  Cut cut{s.lanes, s.colTile, s.threads / s.lanes / groups, s.threads / GpuEmitter::warpSize, 0};
  WeightLayout layout(ssm::LinearOp(parts.linear).getW());
  return timeOf(parts, layout, s.rowBlock, cut, llvm::divideCeil(rows, s.rowBlock));
}

Schedule fewRowsSchedule(const LinearParts &parts, int64_t rowBlock) {
  WeightLayout layout(ssm::LinearOp(parts.linear).getW());
  Cut best{};
  for (int64_t colTile : {4, 2, 1})
    for (int64_t lanes : {32, 16, 8})
      for (int64_t shares = 1; shares <= 8; ++shares)
        for (int64_t warps = 4; warps <= 8; ++warps) {
          Cut cut{lanes, colTile, shares, warps, 0};
          // Warps with many sums fill a multiprocessor by eight.
          if (warps % shares || colTile * rowBlock > 32 || (rowBlock >= 4 && warps % 4 != 0) ||
              stagedRounds(parts, layout, rowBlock, cut) == 0)
            continue;
          cut.time = timeOf(parts, layout, rowBlock, cut);
          if (best.warps == 0 || cut.time < best.time)
            best = cut;
        }
  Schedule schedule{.lanes = best.lanes,
                    .rowBlock = rowBlock,
                    .colBlock = best.warps / best.shares * (GpuEmitter::warpSize / best.lanes) *
                                best.colTile,
                    .colTile = best.colTile,
                    .threads = best.warps * GpuEmitter::warpSize};
  schedule.kBlock = std::min(parts.K, stagedRounds(parts, layout, rowBlock, best) * best.lanes *
                                          best.shares * layout.piece());
  return schedule;
}

bool checkFewRows(const LinearParts &parts, ssm::ScheduleAttr s, int64_t &sharedBytes,
                  int64_t &registers, std::string &reason) {
  constexpr int64_t warpSize = GpuEmitter::warpSize, maxOutputs = 64;
  int64_t rowBlock = s.getRowBlock(), colTile = s.getColTile(), lanes = s.getLanes(),
          colBlock = s.getColBlock();
  if (lanes != 8 && lanes != 16 && lanes != 32) {
    reason = "lanes must be 0 for tiles, or 8, 16 or 32 for few rows, got " +
             std::to_string(lanes);
    return false;
  }
  if (rowBlock <= 0 || colTile <= 0 || rowBlock > warpSize || colTile > warpSize ||
      rowBlock * colTile > maxOutputs || !llvm::isPowerOf2_64(rowBlock) ||
      !llvm::isPowerOf2_64(colTile)) {
    reason = "row_block and col_tile must be powers of two up to 32, at most 64 outputs a lane";
    return false;
  }
  int64_t groups = colBlock / colTile, groupsOfWarp = warpSize / lanes;
  if (colBlock <= 0 || colBlock % colTile || groups % groupsOfWarp ||
      groups > s.getThreads() || s.getThreads() % (groups * lanes)) {
    reason = "col_block must be col_tile times the " + std::to_string(groupsOfWarp) +
             " groups of a warp, times warps of which the threads are a multiple";
    return false;
  }
  FewRowsShape shape(parts, s);
  int64_t part = shape.round() * shape.ahead;
  if (s.getKBlock() < parts.K && (s.getKBlock() <= 0 || s.getKBlock() % part)) {
    reason = "k_block must be K, or a multiple of the " + std::to_string(part) +
             " k whose weights are loaded at a time, got " + std::to_string(s.getKBlock()) +
             " of " + std::to_string(parts.K);
    return false;
  }
  WeightLayout layout(ssm::LinearOp(parts.linear).getW());
  int64_t steps = shape.staged * shape.shares;
  sharedBytes = 4 * rowBlock * steps * shape.quads() * (lanes + shape.padding()) * 4;
  bool scaleLast = layout.isGrouped() && !shape.scalesFirst();
  if (scaleLast && layout.bits == 4)
    sharedBytes += 4 * rowBlock * steps * lanes;
  if (shape.shares > 1)
    sharedBytes += 4 * shape.shares * shape.groups * shape.padded(shape.outputs());
  if (parts.norm)
    sharedBytes += 4 * shape.warps() * shape.padded(rowBlock);
  int64_t sums = shape.outputs() * (scaleLast ? 2 : 1);
  int64_t numbers = rowBlock == 1 ? 16 : 8 + 8 * colTile;
  // Of many rows, where they begin, and x on its way to shared memory.
  int64_t others = rowBlock < 4 ? 8 : 24 + 4 * rowBlock;
  registers = sums + numbers + shape.ahead * colTile * (layout.isGrouped() ? 5 : 4) + 2 * colTile +
              (parts.norm ? rowBlock : 0) + others;
  if (parts.conv.conv) // weights of four channels, and the rows' places and inputs
    registers += 4 * lastDim(ssm::Conv1dOp(parts.conv.conv).getW()) * (1 + rowBlock);
  return true;
}

} // namespace mamba
