// Which projections the matrix unit takes, which cuts of them are legal, and
// which is taken where nobody says otherwise.
#include "passes/gpu/LinearMma.h"
#include "passes/gpu/LinearMmaScales.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace mamba {

static std::string text(Type type) {
  std::string name;
  llvm::raw_string_ostream(name) << type;
  return name;
}

/// Width and first column of the rows as they lie in memory.
static std::pair<int64_t, int64_t> placeOfRows(Value x) {
  int64_t offset = 0;
  x = unwidened(x);
  while (auto split = x.getDefiningOp<ssm::SplitOp>()) {
    for (Value part : split.getParts()) {
      if (part == x)
        break;
      offset += lastDim(part);
    }
    x = unwidened(split.getX());
  }
  return {lastDim(x), offset};
}

Type mmaElement(ssm::KernelOp kernel, const LinearParts &parts, const Target &target,
                std::string &reason) {
  Value x = unwidened(parts.x);
  while (auto split = x.getDefiningOp<ssm::SplitOp>())
    x = unwidened(split.getX());
  ssm::LinearOp linear = parts.linear;
  Type rows = getElementTypeOrSelf(x.getType()),
       weights = getElementTypeOrSelf(linear.getW().getType());
  bool isQuantised = linear.getW().getDefiningOp<ssm::DequantizeOp>() != nullptr;
  if (!(rows.isBF16() || rows.isF16()) || (!isQuantised && rows != weights)) {
    reason = "the matrix unit takes rows of bf16 or f16 and weights of the same type or quantised "
             "ones, got " + text(rows) + " and " + (isQuantised ? "these" : text(weights));
    return {};
  }
  if (rows.isBF16() && target.chip < 80) {
    reason = "the matrix unit of " + target.arch + " takes f16 only";
    return {};
  }
  auto [width, offset] = placeOfRows(parts.x);
  if (parts.K % MmaCut::chunk || width % MmaCut::chunk || offset % MmaCut::chunk) {
    reason = "copies of 16 bytes want K, the width of the rows and their first column to be "
             "multiples of 8, got " +
             std::to_string(parts.K) + ", " + std::to_string(width) + " and " +
             std::to_string(offset);
    return {};
  }
  return rows;
}

/// Tiles of a warp and pieces of k that make sense at all.
constexpr int64_t maxWarpTile = 128, maxPiece = 256, maxStages = 8;

bool checkMma(ssm::KernelOp kernel, const LinearParts &parts, const Target &target,
              ssm::ScheduleAttr s, int64_t &sharedBytes, int64_t &registers,
              std::string &reason) {
  if (!mmaElement(kernel, parts, target, reason))
    return false;
  int64_t instruction = target.chip >= 80 ? 16 : 8;
  if (s.getMma() != instruction || s.getLanes() != 0) {
    reason = "mma must be " + std::to_string(instruction) + " on " + target.arch +
             " and lanes 0, got " + std::to_string(s.getMma()) + " and " +
             std::to_string(s.getLanes());
    return false;
  }
  MmaCut cut(s);
  auto isTile = [](int64_t tile, int64_t block) {
    return tile > 0 && tile <= maxWarpTile && tile % 16 == 0 && block > 0 && block % tile == 0;
  };
  if (!isTile(cut.rowTile, cut.rowBlock) || !isTile(cut.colTile, cut.colBlock)) {
    reason = "row_tile and col_tile must be multiples of 16 up to " + std::to_string(maxWarpTile) +
             " that divide row_block and col_block";
    return false;
  }
  if (cut.kBlock < 16 || cut.kBlock > maxPiece || !llvm::isPowerOf2_64(cut.kBlock)) {
    reason = "k_block must be a power of two from 16 to " + std::to_string(maxPiece) + ", got " +
             std::to_string(cut.kBlock);
    return false;
  }
  bool isQuantised = LinearParts(parts).linear.getW().getDefiningOp<ssm::DequantizeOp>();
  int64_t unit = isQuantised ? MmaScales::group : MmaCut::step;
  int64_t warps = cut.threads / GpuEmitter::warpSize,
          ofTile = cut.warpsDown() * cut.warpsAcross();
  if (warps % ofTile || cut.kBlock % (unit * (warps / ofTile))) {
    reason = "the " + std::to_string(warps) + " warps must be " + std::to_string(ofTile) +
             " for the tile times as many as share k_block by " + std::to_string(unit) + " k each";
    return false;
  }
  int64_t lines = cut.linesAtOnce();
  if (cut.threads % cut.chunks() || lines % 16) {
    reason = "threads must be a multiple of 16 times k_block / 8, " +
             std::to_string(16 * cut.chunks()) + ", got " + std::to_string(cut.threads);
    return false;
  }
  bool isAsync = target.chip >= 80 && !isQuantised;
  if (cut.stages < 2 || cut.stages > (isAsync ? maxStages : 2)) {
    reason = (isAsync ? "stages must be 2 to " + std::to_string(maxStages)
                      : "stages must be 2 where weights pass through registers") +
             ", got " + std::to_string(cut.stages);
    return false;
  }
  sharedBytes = mmaSharedBytes(cut, parts);
  int64_t ofX = llvm::divideCeil(cut.rowBlock, lines), ofW = llvm::divideCeil(cut.colBlock, lines);
  int64_t matrices = cut.rowTile / 4 + cut.colTile / 4;
  registers = 4 * cut.vectors() + (isQuantised ? 2 : 1) * matrices +
              (parts.norm ? cut.rowTile / 8 : 0) + ofX * (target.chip >= 80 ? 1 : 4) +
              ofW * (isAsync ? 1 : isQuantised ? 2 : 4) + 32;
  // What is computed on the way, and what waits meanwhile.
  if (isQuantised)
    registers += cut.colTile / 4 + 24;
  if (cut.shares() > 1)
    registers += 24;
  // The weights of a lane's channels, and a vector's windows.
  if (ssm::Conv1dOp conv = parts.after.conv)
    registers += (lastDim(conv.getW()) + 1) * cut.colTile / 4 + 40;
  return true;
}

namespace {
/// What the heuristic thinks of a chip: its multiprocessors, and what one of them
/// does in a clock: products of the matrix unit, bytes from the second cache if
/// all want them at once. Only the cut of the tiles depends on it.
struct Speed {
  int64_t chip, multiprocessors, products, bytes;
};
constexpr Speed speeds[] = {{120, 170, 256, 24}, {100, 148, 2048, 48}, {90, 132, 2048, 39},
                            {89, 128, 256, 18},  {86, 82, 256, 18},    {80, 108, 1024, 47},
                            {0, 40, 512, 25}};

/// Clocks that a block takes beside its steps, its first copies and its end, and
/// a piece beside its own: the barrier, shorter where another block goes on
/// meanwhile; and until a copy has come.
constexpr int64_t aroundSteps = 1500, aroundPiece = 100, aroundPieceOfTwo = 40, copyClocks = 500;

/// Bytes of shared memory of a multiprocessor that blocks may fill.
constexpr int64_t sharedOfAll = 100 << 10, sharedOfSystem = 1 << 10;

/// Registers that the estimate may lack.
constexpr int64_t aroundRegisters = 32;

/// Bytes that shared memory moves in a clock.
constexpr int64_t sharedBytesAClock = 128;

/// How the warps of a block may lie: down, across, sharing k.
constexpr int64_t layouts[][3] = {{2, 2, 1}, {2, 4, 1}, {4, 2, 1}, {3, 2, 1}, {2, 3, 1},
                                  {1, 4, 1}, {2, 1, 2}, {1, 2, 2}, {1, 1, 4}};
} // namespace

/// Instructions that turn a quantised element into a number, and those that a
/// multiprocessor begins in a clock, of a warp each.
constexpr int64_t dequantising = 5, instructionsAClock = 4;

/// Clocks for so many rows.
static int64_t cost(const LinearParts &parts, const MmaCut &cut, const Speed &speed,
                    bool isAlone, bool isQuantised, int64_t rows) {
  int64_t blocks =
      llvm::divideCeil(rows, cut.rowBlock) * llvm::divideCeil(parts.O, cut.colBlock);
  int64_t atOnce = std::min(blocks, speed.multiprocessors);
  // Of 16 k: a line has 32 bytes.
  int64_t copied = (cut.rowBlock + cut.colBlock) * 32;
  int64_t warps = cut.threads / GpuEmitter::warpSize / cut.shares();
  int64_t read = warps * (cut.rowTile + cut.colTile) * 32;
  int64_t fromCache = std::min<int64_t>(64, speed.bytes * speed.multiprocessors / atOnce);
  int64_t outputs = cut.rowBlock * cut.colBlock, instructions = outputs / 128 + read / 512;
  if (isQuantised)
    instructions += (outputs / 2 + cut.colBlock * MmaCut::step * dequantising) /
                    GpuEmitter::warpSize;
  int64_t limits[] = {outputs * MmaCut::step / speed.products,
                      (copied + read) / sharedBytesAClock, copied / fromCache,
                      instructions / instructionsAClock};
  // They overlap, but not wholly.
  int64_t most = *llvm::max_element(limits);
  int64_t step = most + (limits[0] + limits[1] + limits[2] + limits[3] - most) / 8;
  int64_t combined = 2 * (cut.shares() - 1) * cut.rowBlock * cut.colBlock * 4 / sharedBytesAClock;
  int64_t piece = std::max(cut.kBlock / MmaCut::step * step, copyClocks / (cut.stages - 1));
  int64_t block = llvm::divideCeil(parts.K, cut.kBlock) *
                      (piece + (isAlone ? aroundPiece : aroundPieceOfTwo)) +
                  combined + aroundSteps;
  return int64_t(llvm::divideCeil(blocks, speed.multiprocessors)) * block;
}

std::optional<Schedule> mmaSchedule(ssm::KernelOp kernel, const LinearParts &parts,
                                    const Target &target, TokenClass tokens) {
  std::string reason;
  if (!mmaElement(kernel, parts, target, reason))
    return std::nullopt;
  const Speed &speed =
      *llvm::find_if(speeds, [&](const Speed &s) { return target.chip >= s.chip; });
  int64_t rows = tokens == TokenClass::Decode ? 64 : 2048;
  bool isQuantised = LinearParts(parts).linear.getW().getDefiningOp<ssm::DequantizeOp>();
  std::optional<Schedule> best;
  int64_t bestCost = 0;
  auto consider = [&](const Schedule &s) {
    ssm::ScheduleAttr attr = s.get(kernel.getContext());
    int64_t sharedBytes, registers;
    if (!checkMma(kernel, parts, target, attr, sharedBytes, registers, reason) ||
        sharedBytes > target.sharedBytes || registers > target.threadRegisters - aroundRegisters)
      return;
    // Of shares of k the assembler has too many sums of such a tile on their way.
    if (MmaCut(attr).shares() > 1 && s.rowTile * s.colTile >= 2048)
      return;
    bool isAlone = 2 * (sharedBytes + sharedOfSystem) > sharedOfAll ||
                   2 * s.threads * (registers + aroundRegisters) > target.allRegisters;
    int64_t clocks = cost(parts, MmaCut(attr), speed, isAlone, isQuantised, rows);
    if (!best || clocks < bestCost) {
      best = s;
      bestCost = clocks;
    }
  };
  for (auto [down, across, shares] : layouts)
    for (int64_t rowTile : {64, 32, 16})
      for (int64_t colTile : {80, 64, 48, 32, 16})
        for (int64_t kBlock : {32, 64, 128, 16}) {
          Schedule s{.rowBlock = down * rowTile,
                     .colBlock = across * colTile,
                     .rowTile = rowTile,
                     .colTile = colTile,
                     .kBlock = kBlock,
                     .threads = down * across * shares * GpuEmitter::warpSize,
                     .mma = target.chip >= 80 ? 16 : 8};
          // Four stages, or three: enough to hide the way from memory.
          for (s.stages = 4; s.stages >= 2; --s.stages)
            consider(s);
        }
  return best;
}

} // namespace mamba
