// What the fields of a database's line mean to the compiler.
#include "passes/target/ScheduleDatabase.h"

using namespace mlir;

namespace mamba {

std::string ScheduleRecord::text() const {
  return tune::ScheduleLine{target, key.text(), schedule.text(), figure, chip, versions, date}
      .text();
}

std::optional<ScheduleRecord> ScheduleRecord::parse(StringRef text, std::string &reason) {
  std::optional<tune::ScheduleLine> line = tune::ScheduleLine::parse(text, reason);
  if (!line || failed(parseTarget(line->target, reason)))
    return std::nullopt;
  std::optional<ScheduleKey> key = ScheduleKey::parse(line->key);
  if (!key) {
    reason = "a key is family, ops, types, class and dimensions, got '" + line->key + "'";
    return std::nullopt;
  }
  std::optional<Schedule> schedule = Schedule::parse(line->schedule, reason);
  if (!schedule)
    return std::nullopt;
  return ScheduleRecord{line->target, std::move(*key), *schedule,    line->figure,
                        line->chip,   line->versions,  line->date};
}

} // namespace mamba
