// Schedules that were found to be best, on some machine or by prediction.
#pragma once

#include "passes/target/ScheduleKey.h"
#include "passes/target/Schedule.h"
#include "runtime/tune/ScheduleLine.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mamba {

using tune::ScheduleFigure;

/// A line of a database; README.md says what each field is.
struct ScheduleRecord {
  std::string target; // "cpu:x86-64-v4-amx"
  ScheduleKey key;
  Schedule schedule;
  ScheduleFigure figure;
  std::string chip;
  std::string versions, date; // "mamba 0.1.0 llvm 22.1.8", "2026-11-22"

  std::string text() const;
  /// Nothing, with what is wrong in `reason`, if the line is none.
  static std::optional<ScheduleRecord> parse(llvm::StringRef line, std::string &reason);
};

/// The target whose records a target's kernels take: its own name, and for
/// cpu:native the highest level that the machine has; empty if none.
std::string databaseTarget(const Target &target);

class ScheduleDatabase {
public:
  /// Adds the records of a text: one a line, empty lines and such that begin
  /// with # apart. False, with the line in `error`, if one is wrong; then none
  /// is added. `name` stands for the text.
  bool add(llvm::StringRef text, llvm::StringRef name, std::string &error);
  void add(ScheduleRecord record);

  /// The record for a kernel of the key, or null. Those of the key itself come
  /// first, then those of its kind with as many dimensions, the nearest first, up
  /// to a distance of 2; at one distance what was measured before what was
  /// predicted, the same chip before another, then the newest, then the fastest.
  /// The first whose schedule `fits` is taken.
  const ScheduleRecord *find(llvm::StringRef target, const ScheduleKey &key,
                             llvm::StringRef chip,
                             llvm::function_ref<bool(const Schedule &)> fits) const;

  /// All lines, sorted.
  std::string text() const;
  size_t size() const { return records.size(); }

private:
  std::string kindOf(const ScheduleRecord &record) const;

  std::multimap<std::string, ScheduleRecord> records; // by target and kind
};

} // namespace mamba
