#include "compiler/tune/PredictCpu.h"

#include "passes/target/Match.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace mamba {
namespace {

/// Of a core, in cycles.
constexpr double kHz = 2.6e9, kBytesOfL2 = 40, kBytesOfL3 = 12, kBytesOfMemory = 4;
/// To find a tile, enter the kernel and set it up.
constexpr double kTileCycles = 400;
/// A chain of multiply-adds waits so long for each.
constexpr double kLatency = 4;

double ceilDiv(int64_t a, int64_t b) { return double(llvm::divideCeil(a, b)); }

/// What the tiles of the grid take: all, the largest, and how many there are.
struct GridCost {
  double cycles = 0, largest = 0, tiles = 0;
  double memoryBytes = 0; // of all tiles, once

  void add(double tileCycles, double count) {
    cycles += (tileCycles + kTileCycles) * count;
    largest = std::max(largest, tileCycles + kTileCycles);
    tiles += count;
  }
};

class Predictor {
public:
  Predictor(ssm::KernelOp kernel, const Target &target, const Schedule &s, const CpuWork &work)
      : kernel(kernel), target(target), s(s), work(work) {}
  double us();

private:
  double fmaTile(LinearParts parts, double rowsOfTile) const;
  double mmaTile(LinearParts parts, double rowsOfTile) const;
  GridCost linear(LinearParts parts) const;
  GridCost scan(ScanParts parts) const;
  GridCost rows();

  double weightBytes(LinearParts parts) const;
  /// Of a group of rows of a panel, one k of it: registers hold some of its vectors
  /// at a time.
  double stepCycles(double rowsOfGroup, double vectors) const {
    double sums = target.registers >= 32 ? 24 : 12;
    double held = std::clamp(std::floor(sums / rowsOfGroup), 1.0, vectors);
    double passes = std::ceil(vectors / held), products = rowsOfGroup * held / 2;
    double loads = (rowsOfGroup + held) / 2;
    return passes * (std::max({products, loads, kLatency}) + 0.1 * loads + 1);
  }
  double vectors(double elements) const { return elements / double(s.lanes); }

  ssm::KernelOp kernel;
  const Target &target;
  const Schedule &s;
  const CpuWork &work;
};

} // namespace

/// Of an element of the matrix.
double Predictor::weightBytes(LinearParts parts) const {
  Value w = parts.linear.getW();
  if (auto dequantize = w.getDefiningOp<ssm::DequantizeOp>())
    return double(dequantize.getBits()) / 8;
  return getElementTypeOrSelf(w.getType()).getIntOrFloatBitWidth() / 8.0;
}

double Predictor::fmaTile(LinearParts parts, double rowsOfTile) const {
  double K = double(parts.K);
  double across = double(s.colTile) / double(s.lanes), bytes = weightBytes(parts);
  double panels = double(s.colBlock) / double(s.colTile);
  bool isNarrow = !getElementTypeOrSelf(unwidened(parts.x).getType()).isF32();
  // Whole groups of rows, then what is left.
  double groups = std::floor(rowsOfTile / double(s.rowTile)),
         rest = rowsOfTile - groups * double(s.rowTile);
  double step = groups * stepCycles(double(s.rowTile), across) +
                (rest > 0 ? stepCycles(rest, across) : 0);
  double convert = bytes < 4 ? 1.5 * across : 0, cycles = 0;
  if (s.kBlock > 0) {
    double pieces = std::ceil(K / double(s.kBlock)), length = K / pieces;
    double part = length * double(s.colTile) * 4;
    bool fits = part + rowsOfTile * length * 4 <= double(target.l1Bytes);
    // The part of the panel, made f32 once; sums wait in memory between parts.
    cycles = pieces * (length * (convert + across) + part / kBytesOfL2 + length * step +
                       rowsOfTile * across * 2 + 20 * (groups + 1) +
                       (fits ? 0 : rowsOfTile * length * 4 / kBytesOfL2));
  } else {
    double panelBytes = K * double(s.colTile) * bytes, reads = groups + (rest > 0);
    bool fits = panelBytes <= double(target.l1Bytes) / 2;
    cycles = K * (step + reads * convert) + 20 * reads;
    cycles += fits ? 0 : reads * panelBytes / kBytesOfL2;
  }
  cycles *= panels;
  // Rows of bf16 are widened for all panels at once.
  if (isNarrow && s.kBlock > 0)
    cycles += 2 * rowsOfTile * vectors(K);
  return cycles + rowsOfTile * vectors(double(s.colBlock)) * 6;
}

double Predictor::mmaTile(LinearParts parts, double rowsOfTile) const {
  constexpr double side = 32, product = 16, tileBytes = 1024;
  double K = double(parts.K), kBlock = s.kBlock ? std::min(double(s.kBlock), K) : K;
  double groups = std::ceil(rowsOfTile / side), panels = double(s.colBlock) / side;
  double steps = std::ceil(K / side), pieces = std::ceil(K / kBlock);
  double rowsPart = side * kBlock * 2;
  double rowsAt = rowsPart <= double(target.l1Bytes) ? 128 : kBytesOfL2;
  double panelsAt =
      double(s.colBlock) * K * 2 <= double(target.l2Bytes) * 0.6 ? kBytesOfL2 : kBytesOfL3;
  double loads = 2 * tileBytes / rowsAt + 2 * tileBytes / panelsAt;
  double cycles = groups * panels * steps * (std::max(4 * product, loads) + 8);
  // The sums of a part wait in the second level cache.
  cycles += groups * panels * (2 * pieces - 1) * 4 * tileBytes / kBytesOfL2;
  double block = (rowsOfTile + double(s.colBlock)) * K * 2;
  cycles += groups * pieces * rowsPart /
            (block <= double(target.l2Bytes) * 0.8 ? kBytesOfL2 : kBytesOfL3);
  if (weightBytes(parts) < 2)
    cycles += 0.2 * double(s.colBlock) * K;
  return cycles + rowsOfTile * vectors(double(s.colBlock)) * 6;
}

GridCost Predictor::linear(LinearParts parts) const {
  GridCost cost;
  double across = ceilDiv(parts.O, s.colBlock);
  auto addTiles = [&](int64_t rowsOfTile, int64_t down) {
    if (rowsOfTile > 0 && down > 0)
      cost.add(s.mma ? mmaTile(parts, double(rowsOfTile)) : fmaTile(parts, double(rowsOfTile)),
               double(down) * across);
  };
  addTiles(s.rowBlock, work.rows / s.rowBlock);
  addTiles(work.rows % s.rowBlock, 1);
  cost.memoryBytes = double(parts.K) * double(parts.O) * weightBytes(parts);
  return cost;
}

GridCost Predictor::scan(ScanParts parts) const {
  constexpr double exponential = 5, update = 1.5;
  double N = double(parts.N), across = double(s.colBlock) / double(s.lanes);
  double held = std::min(double(s.stateBlock ? s.stateBlock : parts.N), N);
  double passes = std::ceil(N / held);
  double chunk = std::min(double(std::max<int64_t>(s.chunk, 1)), double(work.rows));
  // A step: each state, then dt, dt u and y for each pass.
  double step = N * (exponential + update) + passes * 4;
  double spilled = std::max(0.0, held + 12 - double(target.registers));
  step += passes * spilled * 2;
  // Between chunks the states go to memory and back.
  step += (2 * N + 30 * passes) / chunk;
  double scratch = 3 * chunk * double(s.colBlock) * 4;
  if (scratch > double(target.l1Bytes) * 0.75)
    step += 3 * double(s.lanes) * 4 * passes / kBytesOfL2;
  double cycles = double(work.rows) * across * step;
  if (parts.projection && !s.mma) {
    double rank = lastDim(parts.projection.getX()), group = double(std::max<int64_t>(s.rowTile, 1));
    cycles += double(work.rows) / group * rank * stepCycles(group, across);
  }
  // Softplus, skip, gate: row by row.
  cycles += double(work.rows) * across * 30 + 60 * std::ceil(double(work.rows) / chunk);
  GridCost cost;
  cost.add(cycles, ceilDiv(parts.E, s.colBlock));
  return cost;
}

/// Of any other kernel what it reads and writes.
GridCost Predictor::rows() {
  double bytes = 0;
  auto add = [&](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (tensor && tensor.getRank() == 2 && tensor.isDynamicDim(0))
      bytes += double(tensor.getDimSize(1)) * tensor.getElementTypeBitWidth() / 8;
  };
  llvm::for_each(kernel.getInputs().getTypes(), add);
  llvm::for_each(kernel.getResultTypes(), add);
  int64_t block = std::max<int64_t>(s.rowBlock, 1);
  GridCost cost;
  cost.add(double(std::min(block, work.rows)) * bytes / kBytesOfL3, ceilDiv(work.rows, block));
  return cost;
}

double Predictor::us() {
  std::string ignored;
  GridCost cost;
  if (std::optional<ScanParts> parts = matchScan(kernel, ignored))
    cost = scan(*parts);
  else if (std::optional<LinearParts> projection = matchLinear(kernel, ignored))
    cost = linear(*projection);
  else
    cost = rows();
  double threads = std::min(double(work.threads), cost.tiles);
  // The last tiles keep some threads waiting.
  bool isEven = std::fmod(cost.tiles, double(work.threads)) == 0;
  double computing =
      std::max(cost.cycles / threads + (isEven ? 0 : cost.largest / 2), cost.largest);
  double reading = cost.memoryBytes / kBytesOfMemory / threads;
  // What is read while others compute is not all hidden.
  double cycles = std::max(computing, reading) + 0.25 * std::min(computing, reading);
  return cycles / kHz * 1e6;
}

double predictUs(ssm::KernelOp kernel, const Target &target, const Schedule &schedule,
                 const CpuWork &work) {
  return Predictor(kernel, target, schedule, work).us();
}

} // namespace mamba
