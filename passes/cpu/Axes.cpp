// What a search varies of a CPU's schedules: around the generator's own. Vectors,
// the use of tiles and the panels of weights stay: all classes share these. Nor does
// it vary what changes nothing in the step: rows and columns beyond all, and what
// only rows that are not there would meet.
#include "passes/cpu/Generator.h"
#include "passes/cpu/TilePanels.h"

#include "llvm/Support/MathExtras.h"

#include <set>

using namespace mlir;

namespace mamba {

/// As the generator has it, whole, and in two.
static std::vector<int64_t> piecesOfK(int64_t K, int64_t own) {
  std::set<int64_t> values = {own};
  for (int64_t count : {1, 2})
    values.insert(llvm::alignTo(llvm::divideCeil(K, count), kTileStep));
  return {values.begin(), values.end()};
}

static void addProjectionAxes(std::vector<ScheduleAxis> &axes, LinearParts parts,
                              const Schedule &own, TokenClass tokens) {
  addAxis(axes, own, &Schedule::colBlock, 4);
  // The smallest block that has all columns is the last.
  std::erase_if(axes.back().values, [&](int64_t columns) {
    return columns > own.colBlock && columns / 2 >= parts.O;
  });
  // Of one row nothing else is cut, and few are tiles of 16.
  if (tokens == TokenClass::Decode || (own.mma && !own.kBlock))
    return;
  addAxis(axes, own, &Schedule::rowTile, 2);
  // Few rows are one block.
  if (tokens == TokenClass::Few)
    return;
  addAxis(axes, own, &Schedule::rowBlock, 4);
  if (own.mma) {
    axes.push_back({&Schedule::kBlock, piecesOfK(parts.K, own.kBlock)});
  } else if (own.kBlock > 0) {
    addAxis(axes, own, &Schedule::kBlock, 2);
    // A piece is at most the whole; sums made at once are another loop.
    std::erase_if(axes.back().values, [&](int64_t k) {
      return k != own.kBlock && k >= parts.K + 32;
    });
    axes.back().values.push_back(0);
  }
}

static void addScanAxes(std::vector<ScheduleAxis> &axes, const Schedule &own, TokenClass tokens) {
  addAxis(axes, own, &Schedule::stateBlock, 2);
  if (tokens == TokenClass::Decode)
    return;
  // Tiles make dt of their own rows.
  if (own.mma)
    addAxis(axes, own, &Schedule::rowBlock, 2);
  else
    addAxis(axes, own, &Schedule::rowTile, 2);
  // Few rows are one chunk.
  if (tokens != TokenClass::Few)
    addAxis(axes, own, &Schedule::chunk, 4);
}

std::vector<ScheduleAxis> CpuGenerator::axes(ssm::KernelOp kernel, const Target &target,
                                             TokenClass tokens) const {
  Schedule own = Schedule::of(schedule(kernel, target, tokens));
  std::vector<ScheduleAxis> axes;
  std::string ignored;
  if (std::optional<LinearParts> parts = matchLinear(kernel, ignored))
    addProjectionAxes(axes, *parts, own, tokens);
  else if (matchScan(kernel, ignored))
    addScanAxes(axes, own, tokens);
  else if (tokens != TokenClass::Decode)
    addAxis(axes, own, &Schedule::rowBlock, 4);
  return axes;
}

} // namespace mamba
