// Schedules by the names of their parameters.
#pragma once

#include "dialects/ssm/SSMDialect.h"

#include "llvm/ADT/ArrayRef.h"

#include <optional>
#include <string>

namespace mamba {

/// The parameters of #ssm.schedule, where their meaning is.
struct Schedule {
  int64_t lanes = 0, rowBlock = 0, colBlock = 0, rowTile = 0, colTile = 0, kBlock = 0, chunk = 0,
          stateBlock = 0, threads = 0, stateLanes = 0, stages = 0, mma = 0;

  static Schedule of(ssm::ScheduleAttr schedule);
  ssm::ScheduleAttr get(mlir::MLIRContext *context) const;

  /// "lanes=16 row_block=128": what is not zero, in the order of the parameters.
  std::string text() const;
  /// Reads that, whatever the order; nothing with one phrase in `reason` if it is
  /// no such text.
  static std::optional<Schedule> parse(llvm::StringRef text, std::string &reason);

  bool operator==(const Schedule &) const = default;
};

/// A parameter and its name in texts.
struct ScheduleParameter {
  llvm::StringRef name;
  int64_t Schedule::*value;
};
llvm::ArrayRef<ScheduleParameter> scheduleParameters();

} // namespace mamba
