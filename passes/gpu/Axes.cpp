// What a search varies of a GPU's schedules: around the generator's own. The use of
// the matrix unit and the lanes that share a channel stay.
#include "passes/gpu/Generator.h"

using namespace mlir;

namespace mamba {

std::vector<ScheduleAxis> GpuGenerator::axes(ssm::KernelOp kernel, const Target &target,
                                             TokenClass tokens) const {
  Schedule own = Schedule::of(schedule(kernel, target, tokens));
  std::vector<ScheduleAxis> axes;
  for (int64_t Schedule::*parameter :
       {&Schedule::threads, &Schedule::rowBlock, &Schedule::colBlock, &Schedule::rowTile,
        &Schedule::colTile, &Schedule::kBlock, &Schedule::stages, &Schedule::chunk})
    addAxis(axes, own, parameter, 2);
  return axes;
}

} // namespace mamba
