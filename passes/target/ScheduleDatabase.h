// Schedules that were found to be best, on some machine or by prediction.
#pragma once

#include "passes/target/ScheduleKey.h"
#include "passes/target/Schedule.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mamba {

/// How fast a kernel is, and who says so.
struct ScheduleFigure {
  bool isMeasured = false;       // else predicted
  double us = 0, spread = 0;     // microseconds; the interval's half, in percent
  double defaultUs = 0;          // of the generator's own schedule
  int64_t rows = 0, threads = 0;
};

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
/// The usual name of their file, "cpu-x86-64-v4.tune".
std::string databaseFile(const Target &target);

/// What the processor calls itself, fit for a record; "unknown" where nobody says.
std::string hostChip();

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

  /// Takes the record in the place of those for the same key, chip and size of
  /// work that say so in the same way.
  void replace(ScheduleRecord record);

private:
  std::string kindOf(const ScheduleRecord &record) const;

  std::multimap<std::string, ScheduleRecord> records; // by target and kind
};

} // namespace mamba
