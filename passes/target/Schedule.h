// Schedules by the names of their parameters.
#pragma once

#include "dialects/ssm/SSMDialect.h"

namespace mamba {

/// The parameters of #ssm.schedule, where their meaning is.
struct Schedule {
  int64_t lanes = 0, rowBlock = 0, colBlock = 0, rowTile = 0, colTile = 0, kBlock = 0, chunk = 0,
          stateBlock = 0, threads = 0, stateLanes = 0, stages = 0, mma = 0;

  ssm::ScheduleAttr get(mlir::MLIRContext *context) const;
};

} // namespace mamba
