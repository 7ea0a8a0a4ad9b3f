// The best known schedules, as the options ask for them.
#pragma once

#include "compiler/pipeline/Pipeline.h"
#include "passes/target/ScheduleDatabase.h"

#include <memory>
#include <string>

namespace mamba {

struct FoundSchedules {
  std::shared_ptr<const ScheduleDatabase> database;
  /// Whose records come first: this machine's, where code is made for it.
  std::string chip;
};

/// On failure the database is empty, and `problem` says why.
FoundSchedules findSchedules(const PipelineOptions &options, std::string &problem);

} // namespace mamba
