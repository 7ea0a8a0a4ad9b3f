// A sweep that can be gone on with: what it has found is in files at any moment.
#pragma once

#include "runtime/tune/Report.h"

#include <string>
#include <vector>

namespace mamba::tune {

/// The database of a sweep, FILE, and beside it FILE.journal with a line for each
/// kernel that is done, until all are.
class Journal {
public:
  /// Reads the database if it is there, and, to go on, the journal, which must be
  /// of a sweep with the same `settings`. Without `resume` the journal is begun
  /// anew.
  static Result<Journal> open(const std::string &database, const std::string &settings,
                              bool resume);

  /// From now on both files are there, whatever comes; what others have written into
  /// the database until then, or until `add`, stays.
  Status begin();
  bool isDone(const std::string &key) const;
  const std::vector<KernelReport> &reports() const { return reports_; }
  /// Notes a result in both files.
  Status add(const KernelReport &report);
  /// Removes the journal: all is done.
  void close();

private:
  Status readDatabase();
  Status write() const;

  std::string path_, settings_;
  ScheduleLines database_;
  std::vector<KernelReport> reports_;
};

} // namespace mamba::tune
