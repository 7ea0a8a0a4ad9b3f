#include "passes/gpu/ScanShape.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace mamba {

/// More states in registers leave too few for the rest.
static constexpr int64_t maxStates = 32;
/// Steps that a thread finds dt of at a time.
static constexpr int64_t maxTile = 32;

/// The rows that a value is columns of as they lie in memory, and the first of them.
static std::pair<Value, int64_t> placeOfRows(Value x) {
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
  return {x, offset};
}

ScanShape::ScanShape(const ScanParts &parts, ssm::ScheduleAttr s)
    : E(parts.E), N(parts.N), channels(s.getColBlock()), lanes(s.getStateLanes()),
      states((N + lanes - 1) / lanes), chunk(s.getChunk()), group(s.getRowTile()),
      fmaExp(s.getStateBlock()), rank(parts.projection ? lastDim(parts.delta) : 0),
      isMma(s.getMma() != 0),
      planes(getElementTypeOrSelf(placeOfRows(parts.delta).first.getType()).isF32() ? 3 : 1),
      norms(bool(parts.deltaNorm) + bool(parts.normOfB) + bool(parts.normOfC)),
      slices(parts.sliceCount), findsSlices(parts.scanSlices),
      piece(llvm::alignTo(s.getKBlock() ? std::min(s.getKBlock(), rank) : rank, 4)) {}

bool isConstantInTime(Value value) {
  return cast<RankedTensorType>(value.getType()).getRank() == 1;
}

static bool isPowerOf2From(int64_t from, int64_t x, int64_t to) {
  return x >= from && x <= to && llvm::isPowerOf2_64(x);
}

bool takesMma(ScanParts parts, const Target &target, std::string &reason) {
  if (!parts.projection) {
    reason = "no projection of dt for the matrix unit";
    return false;
  }
  Value w = parts.projection.getW();
  int64_t K = lastDim(parts.delta);
  auto [x, offset] = placeOfRows(parts.delta);
  Type rows = getElementTypeOrSelf(x.getType()), weight = getElementTypeOrSelf(w.getType());
  bool fits = weight.isBF16() ? rows.isBF16() || rows.isF32() : weight.isF16() && rows.isF16();
  if (target.chip < 80 || !isa<BlockArgument>(w) || !fits) {
    reason = "the matrix unit takes a weight of dt's projection of bf16 and rows of bf16 or f32, "
             "or both of f16, from sm_80 on";
    return false;
  }
  if (K % 16 || lastDim(x) % 8 || offset % 8) {
    reason = "the matrix unit wants dt projected from a multiple of 16 columns, in rows of a "
             "multiple of 8 that begin at one, got " +
             std::to_string(K) + " of " + std::to_string(lastDim(x)) + " at " +
             std::to_string(offset);
    return false;
  }
  return true;
}

bool ScanShape::check(const ScanParts &parts, const Target &target, ssm::ScheduleAttr s,
                      std::string &reason) {
  auto refuse = [&](const Twine &why) {
    reason = why.str();
    return false;
  };
  int64_t lanes = s.getStateLanes(), chunk = s.getChunk(), group = s.getRowTile();
  if (!isPowerOf2From(1, lanes, 32))
    return refuse("state_lanes must be a power of two up to 32, got " + Twine(lanes));
  if (s.getColBlock() <= 0 || s.getColBlock() * lanes != s.getThreads())
    return refuse("a scan needs threads = col_block * state_lanes, got " + Twine(s.getThreads()) +
                  " threads and " + Twine(s.getColBlock()) + " * " + Twine(lanes));
  if (chunk <= 0 || chunk > 256)
    return refuse("a scan needs a chunk of 1 to 256 steps, got " + Twine(chunk));
  if (s.getKBlock() < 0)
    return refuse("k_block must be positive, got " + Twine(s.getKBlock()));
  if (chunk > 1 && !isPowerOf2From(4, group, 32))
    return refuse("row_tile of a scan is 4, 8, 16 or 32, got " + Twine(group));
  if (chunk > 1 && (chunk % group || chunk % lanes))
    return refuse("a chunk must be a multiple of row_tile and of state_lanes, got " +
                  Twine(chunk) + ", " + Twine(group) + " and " + Twine(lanes));
  if (parts.conv.conv && chunk > 1)
    return refuse("a scan computes a convolution step by step, with a chunk of 1, got " +
                  Twine(chunk));
  if (parts.slices && chunk < 4)
    return refuse("slices of time are scanned in chunks, of 4 steps or more, got " + Twine(chunk));
  ScanShape shape(parts, s);
  if (shape.isMma) {
    if (!takesMma(parts, target, reason))
      return false;
    if (s.getMma() != 16 || chunk % 16 || shape.channels % 16 || shape.inPieces())
      return refuse("dt by the matrix unit needs mma = 16, chunk and col_block multiples of 16 and "
                    "no k_block, got " +
                    Twine(s.getMma()) + ", " + Twine(chunk) + ", " + Twine(shape.channels) +
                    " and " + Twine(s.getKBlock()));
  }
  if (shape.states > maxStates)
    return refuse("a lane holds " + Twine(shape.states) + " states, " + Twine(maxStates) +
                  " is the limit: take more state_lanes");
  if (shape.fmaExp < 0 || shape.fmaExp > shape.states)
    return refuse("state_block, the decays of a lane that are polynomials, must be at most its " +
                  Twine(shape.states) + " states, got " + Twine(shape.fmaExp));
  if (chunk > 1 && shape.tile() > maxTile)
    return refuse("a lane finds dt of " + Twine(shape.tile()) + " steps at a time, " +
                  Twine(maxTile) + " is the limit: take smaller chunks");
  return true;
}

int64_t ScanShape::sharedBytes(ScanParts parts) const {
  if (!inChunks())
    return 0;
  int64_t bytes = 0;
  // As GpuEmitter::shared() lays them out.
  auto matrix = [&](int64_t numbers) { bytes = llvm::alignTo(bytes, 16) + numbers * 4; };
  for (Value value : {parts.B, parts.C})
    if (value && !isConstantInTime(value))
      matrix(inTime().count(chunk) * 4);
  if (isMma) {
    matrix(planes * chunk * lineWidth() / 2);
    matrix(channels * lineWidth() / 2);
  } else if (rank) {
    matrix(input().count(chunk) * 4);
    matrix(piece / 4 * weightWidth());
  }
  if (isShared() || isMma)
    matrix(chunk / 4 * dtWidth());
  if (isShared())
    for (int64_t copies : {int64_t(1), findsSlices ? 0 : lanes})
      matrix(copies * chunk * channels);
  if (norms)
    matrix(norms * chunk);
  return bytes;
}

int64_t ScanShape::registers(ScanParts parts) const {
  // States and their decay, B and C if they are constant; addresses, and what a
  // tile of steps has in flight: as measured, most of it on sm_120.
  int64_t needed = 2 * states;
  if (inChunks())
    needed += 40 + 3 * tile() + (isShared() ? group : 0) + (rank && !isMma ? 20 : 0);
  else
    needed += 52 + (parts.conv.conv ? 2 * lastDim(parts.conv.conv.getW()) : 0);
  for (Value value : {parts.B, parts.C})
    needed += value && isConstantInTime(value) ? states : 0;
  return needed;
}

int64_t ScanShape::allowedRegisters(ScanParts parts) const {
  bool constant = isConstantInTime(parts.B) || (parts.C && isConstantInTime(parts.C));
  // In chunks there are few blocks where threads share channels, and what holds dt
  // and y of a tile of steps would spill else.
  int64_t least = inChunks() ? 144 : 128, most = constant ? 255 : 168;
  // What a slice is entered with, beside a projection by FMA.
  if (slices && rank && !isMma)
    least = most = 184;
  return std::clamp<int64_t>(registers(parts), least, most);
}

} // namespace mamba
