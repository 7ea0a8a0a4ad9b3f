#include "compiler/tune/PredictCpu.h"

#include "compiler/tune/PredictCosts.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <map>

using namespace mlir;

namespace mamba {
namespace {

/// Cycles of a core in a microsecond.
constexpr double kMegahertz = 2600;
/// To find a tile, enter the kernel and set it up.
constexpr double kTileCycles = 700;

/// The tiles of a grid in their order, and the weights that all of them read once.
struct GridCost {
  std::vector<double> cycles;
  double memoryBytes = 0;
};

GridCost projection(LinearParts parts, const Target &target, const Schedule &s, int64_t rows) {
  GridCost cost;
  int64_t down = llvm::divideCeil(rows, s.rowBlock), block = s.rowBlock;
  // LinearAmx makes blocks of rows even.
  bool tiles = s.mma && s.kBlock && !target.isArm();
  if (tiles)
    block = llvm::alignTo(llvm::divideCeil(rows, down), 32);
  std::map<std::pair<int64_t, int64_t>, double> known;
  for (int64_t column = 0; column < parts.O; column += s.colBlock)
    for (int64_t row = 0; row < rows; row += block) {
      std::pair size = {std::min(block, rows - row), std::min(s.colBlock, parts.O - column)};
      auto [at, isNew] = known.try_emplace(size);
      if (isNew) {
        at->second = projectionCycles(parts, target, s, size.first, size.second);
        // Half of the columns go through the convolution, whose rows at a border are
        // made in both tiles.
        if (tiles && parts.after.conv && down > 1)
          at->second += projectionCycles(parts, target, s, 32, size.second) / 2;
      }
      cost.cycles.push_back(at->second);
    }
  cost.memoryBytes = double(parts.K) * double(parts.O) * bytesOfWeight(parts);
  return cost;
}

/// Of any other kernel what it reads and writes.
GridCost wholeRows(ssm::KernelOp kernel, const Schedule &s, int64_t rows) {
  double bytes = 0;
  auto add = [&](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (tensor && tensor.getRank() == 2 && tensor.isDynamicDim(0))
      bytes += double(tensor.getDimSize(1)) * tensor.getElementTypeBitWidth() / 8;
  };
  llvm::for_each(kernel.getInputs().getTypes(), add);
  llvm::for_each(kernel.getResultTypes(), add);
  GridCost cost;
  int64_t block = std::max<int64_t>(s.rowBlock, 1);
  for (int64_t row = 0; row < rows; row += block)
    cost.cycles.push_back(double(std::min(block, rows - row)) * bytes / kBytesOfL3);
  return cost;
}

/// Until the last thread is done: each takes its run of tiles from the front, then
/// from the back of the longest that is left, as in runtime/device/cpu/ThreadPool.
double untilDone(const std::vector<double> &tiles, size_t threads) {
  struct Run {
    size_t first, end;
    double cycles = 0;
    size_t left() const { return end - first; }
  };
  std::vector<Run> runs;
  for (size_t i = 0; i < threads; ++i)
    runs.push_back({tiles.size() * i / threads, tiles.size() * (i + 1) / threads});
  for (size_t ran = 0; ran < tiles.size(); ++ran) {
    Run &next = *std::min_element(runs.begin(), runs.end(),
                                  [](auto &a, auto &b) { return a.cycles < b.cycles; });
    Run &longest = *std::max_element(runs.begin(), runs.end(),
                                     [](auto &a, auto &b) { return a.left() < b.left(); });
    next.cycles += kTileCycles + tiles[next.left() ? next.first++ : --longest.end];
  }
  return std::max_element(runs.begin(), runs.end(), [](auto &a, auto &b) {
           return a.cycles < b.cycles;
         })->cycles;
}

} // namespace

double predictUs(ssm::KernelOp kernel, const Target &target, const Schedule &s,
                 const CpuWork &work) {
  std::string ignored;
  GridCost cost;
  if (std::optional<ScanParts> parts = matchScan(kernel, ignored))
    cost.cycles.assign(llvm::divideCeil(parts->E, s.colBlock),
                       scanCycles(*parts, target, s, work.rows));
  else if (std::optional<LinearParts> parts = matchLinear(kernel, ignored))
    cost = projection(*parts, target, s, work.rows);
  else
    cost = wholeRows(kernel, s, work.rows);
  double threads = std::min(double(work.threads), double(cost.cycles.size()));
  double computing = untilDone(cost.cycles, work.threads);
  double reading = cost.memoryBytes / kBytesOfMemory / threads;
  // What is read while others compute is not all hidden.
  return (std::max(computing, reading) + 0.25 * std::min(computing, reading)) / kMegahertz;
}

} // namespace mamba
