#include "passes/target/Schedule.h"

namespace mamba {

ssm::ScheduleAttr Schedule::get(mlir::MLIRContext *context) const {
  return ssm::ScheduleAttr::get(context, lanes, rowBlock, colBlock, rowTile, colTile, kBlock, chunk,
                                stateBlock, threads, stateLanes, stages, mma);
}

} // namespace mamba
