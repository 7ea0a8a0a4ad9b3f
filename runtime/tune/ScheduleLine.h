// A database of schedules as text: lines of six fields, which compiler/tune/README.md
// explains. What a schedule means is the compiler's to say.
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mamba::tune {

/// How fast a kernel is, and who says so.
struct ScheduleFigure {
  bool isMeasured = false;       // else predicted
  double us = 0, spread = 0;     // microseconds; the interval's half, in percent
  double defaultUs = 0;          // of the generator's own schedule
  int64_t rows = 0, threads = 0; // no threads: of a GPU
  std::string form; // of a GPU's code, as in packs; empty: what it takes by itself
};

struct ScheduleLine {
  std::string target; // "cpu:x86-64-v4-amx"
  std::string key, schedule;
  ScheduleFigure figure;
  std::string chip;
  std::string versions, date; // "mamba 0.1.0 llvm 22.1.8", "2026-11-22"

  std::string text() const;
  /// Nothing, with what is wrong in `reason`, if the line is none.
  static std::optional<ScheduleLine> parse(std::string_view line, std::string &reason);
};

/// What the processor calls itself, fit for a line; "unknown" where nobody says.
std::string hostChip();
/// The text as a field of a line: what would end it is a space.
std::string asField(std::string text);
/// A manifest's "mamba 0.1.0, LLVM 22.1.8" as a line has it: "mamba 0.1.0 llvm 22.1.8".
std::string versionsOf(std::string compiler);
/// "2026-11-22", of the world's clock.
std::string today();

/// Gives `take` each line that is not empty and does not begin with #. It answers
/// what is wrong with one; the failure names the text and the line.
Status forEachLine(std::string_view text, const std::string &name,
                   const std::function<std::optional<std::string>(std::string_view)> &take);
/// A record of each such line, by Record::parse(line, reason); `to` is empty if one
/// is wrong.
template <typename Record>
Status readLines(std::string_view text, const std::string &name, std::vector<Record> &to) {
  Status status = forEachLine(
      text, name, [&](std::string_view line) -> std::optional<std::string> {
        std::string reason;
        std::optional<Record> record = Record::parse(line, reason);
        if (!record)
          return reason;
        to.push_back(std::move(*record));
        return std::nullopt;
      });
  if (!status.ok())
    to.clear();
  return status;
}
/// Sorted, each once, with their ends.
std::string joinLines(std::vector<std::string> lines);

/// The lines of one or more files.
class ScheduleLines {
public:
  /// Adds the lines of a text, or none if one is wrong; `name` stands for the text.
  Status add(std::string_view text, const std::string &name);
  /// Takes the line in the place of those for the same target, key, chip and size of
  /// work that say so in the same way.
  void replace(ScheduleLine line);
  const std::vector<ScheduleLine> &all() const { return lines_; }
  std::string text() const;

private:
  std::vector<ScheduleLine> lines_;
};

} // namespace mamba::tune
