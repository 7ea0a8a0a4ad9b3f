#include "passes/gpu/ScanShape.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace mamba {

/// More states in registers leave too few for the rest.
static constexpr int64_t maxStates = 32;

ScanShape::ScanShape(const ScanParts &parts, ssm::ScheduleAttr s)
    : E(parts.E), N(parts.N), channels(s.getColBlock()), lanes(s.getStateLanes()),
      states((N + lanes - 1) / lanes), chunk(s.getChunk()),
      tile(std::max<int64_t>(s.getRowTile(), 1)),
      rank(parts.projection ? lastDim(parts.delta) : 0),
      piece(llvm::alignTo(s.getKBlock() ? std::min(s.getKBlock(), rank) : rank, kUnroll)) {}

int64_t ScanShape::rows() const { return llvm::alignTo(chunk, tile); }

int64_t ScanShape::slots() const {
  if (states <= 2)
    return states;
  // Whole vectors; an odd number of them, so that lanes meet in no bank.
  int64_t vectors = (states + 3) / 4;
  return 4 * (lanes == 1 ? vectors : vectors | 1);
}

int64_t ScanShape::columnStride() const {
  if (lanes == 1)
    return channels;
  // A warp meets 32 / lanes channels in rows that are `tile` apart.
  int64_t apart = std::min(tile, 32 / lanes);
  return channels + llvm::mod(32 / (lanes * apart) - channels, 32 / apart);
}

int64_t ScanShape::inputStride() const { return rows() + std::min<int64_t>(tile, 4); }

int64_t ScanShape::weightStride() const { return channels | 1; }

/// Whether B or C is one for all steps.
static bool isConstant(Value inTime) {
  return cast<RankedTensorType>(inTime.getType()).getRank() == 1;
}

int64_t ScanShape::rowsOf(Value inTime) const { return isConstant(inTime) ? 1 : chunk; }

static bool isPowerOf2UpTo(int64_t x, int64_t limit) {
  return x > 0 && x <= limit && llvm::isPowerOf2_64(x);
}

bool ScanShape::check(const ScanParts &parts, ssm::ScheduleAttr s, std::string &reason) {
  int64_t lanes = s.getStateLanes();
  if (!isPowerOf2UpTo(lanes, 32)) {
    reason = "state_lanes must be a power of two up to 32, got " + std::to_string(lanes);
    return false;
  }
  if (s.getColBlock() <= 0 || s.getColBlock() * lanes != s.getThreads()) {
    reason = "a scan needs threads = col_block * state_lanes, got " +
             std::to_string(s.getThreads()) + " threads and " + std::to_string(s.getColBlock()) +
             " * " + std::to_string(lanes);
    return false;
  }
  if (s.getChunk() <= 0 || s.getChunk() > 256) {
    reason = "a scan needs a chunk of 1 to 256 steps, got " + std::to_string(s.getChunk());
    return false;
  }
  if (s.getRowTile() && !isPowerOf2UpTo(s.getRowTile(), 8)) {
    reason = "row_tile of a scan is 1, 2, 4 or 8, got " + std::to_string(s.getRowTile());
    return false;
  }
  if (s.getKBlock() < 0) {
    reason = "k_block must be positive, got " + std::to_string(s.getKBlock());
    return false;
  }
  if (int64_t states = ScanShape(parts, s).states; states > maxStates) {
    reason = "a lane holds " + std::to_string(states) + " states, " + std::to_string(maxStates) +
             " is the limit: take more state_lanes";
    return false;
  }
  return true;
}

int64_t ScanShape::sharedBytes(ScanParts parts) const {
  if (!inChunks())
    return 0;
  int64_t bytes = 0;
  // As GpuEmitter::shared() lays them out.
  auto matrix = [&](int64_t height, int64_t width) {
    bytes = llvm::alignTo(bytes, 16) + height * width * 4;
  };
  matrix(rowsOf(parts.scan.getB()), lanes * slots());
  matrix(rowsOf(parts.scan.getC()), lanes * slots());
  if (rank) {
    matrix(piece, inputStride());
    matrix(piece, weightStride());
  }
  for (int i = 0; i < (keepsY() ? 3 : 2); ++i)
    matrix(rows(), columnStride());
  return bytes;
}

int64_t ScanShape::registers(ScanParts parts) const {
  // States and their decay, B and C if they are constant; addresses, and what a
  // tile of steps has in flight: as measured, most of it on sm_120.
  int64_t needed = 2 * states;
  if (inChunks())
    needed += 56 + 5 * tile / 2 + (lanes > 1 ? 24 : 0) + (rank ? 20 : 0);
  else
    needed += 52;
  for (Value value : {parts.scan.getB(), parts.scan.getC()})
    needed += isConstant(value) ? states : 0;
  return needed;
}

int64_t ScanShape::allowedRegisters(ScanParts parts) const {
  bool constant = isConstant(parts.scan.getB()) || isConstant(parts.scan.getC());
  return std::clamp<int64_t>(registers(parts), 128, constant ? 255 : 168);
}

} // namespace mamba
