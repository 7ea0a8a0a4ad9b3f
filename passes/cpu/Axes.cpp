// What a search varies of a CPU's schedules: around the generator's own. Vectors,
// the use of tiles and the panels of weights stay: all classes share these.
#include "passes/cpu/Generator.h"

using namespace mlir;

namespace mamba {

std::vector<ScheduleAxis> CpuGenerator::axes(ssm::KernelOp kernel, const Target &target,
                                             TokenClass tokens) const {
  Schedule own = Schedule::of(schedule(kernel, target, tokens));
  std::vector<ScheduleAxis> axes;
  addAxis(axes, own, &Schedule::colBlock, 4);
  addAxis(axes, own, &Schedule::chunk, 4);
  addAxis(axes, own, &Schedule::stateBlock, 2);
  // Of one row nothing else is cut.
  if (tokens == TokenClass::Decode)
    return axes;
  addAxis(axes, own, &Schedule::rowBlock, 4);
  addAxis(axes, own, &Schedule::rowTile, 2);
  addAxis(axes, own, &Schedule::kBlock, 2);
  std::string ignored;
  if (std::optional<LinearParts> parts = matchLinear(kernel, ignored); parts && own.kBlock > 0) {
    // A piece is at most the whole; sums made at once are another loop.
    std::erase_if(axes.back().values, [&](int64_t k) {
      return k != own.kBlock && k >= parts->K + 32;
    });
    if (!own.mma)
      axes.back().values.push_back(0);
  }
  return axes;
}

} // namespace mamba
