#include "compiler/tune/Journal.h"

#include "runtime/support/File.h"
#include "runtime/support/Json.h"
#include "runtime/support/Quote.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"

#include <filesystem>

namespace fs = std::filesystem;

namespace mamba {

static std::string journalOf(const std::string &database) { return database + ".journal"; }

/// The settings in the first line, then a kernel a line.
static Result<std::vector<KernelReport>> readJournal(const std::string &path,
                                                     const std::string &settings) {
  MAMBA_ASSIGN_OR_RETURN(std::string text, readFile(path));
  auto [first, rest] = llvm::StringRef(text).split('\n');
  if (first != settings)
    return invalidArgument(inQuotes(path) + " is of a sweep with other options: " + first.str() +
                           "; without --resume it is begun anew");
  std::vector<KernelReport> reports;
  for (llvm::StringRef line : llvm::split(rest, '\n')) {
    if (line.empty())
      continue;
    std::string place = path + ": kernel " + std::to_string(reports.size() + 1);
    MAMBA_ASSIGN_OR_RETURN(nlohmann::json json, parseJson(line.str(), place));
    if (!json.is_object())
      return invalidData(place + " must be an object");
    Result<KernelReport> report = readReport(json);
    if (!report.ok())
      return report.status().withContext(place);
    reports.push_back(std::move(*report));
  }
  return reports;
}

Result<Journal> Journal::open(const std::string &database, const std::string &settings,
                              bool resume) {
  Journal journal;
  journal.path_ = database;
  journal.settings_ = settings;
  MAMBA_RETURN_IF_ERROR(checkWritable(database));
  std::error_code ignored;
  if (fs::exists(database, ignored)) {
    MAMBA_ASSIGN_OR_RETURN(std::string text, readFile(database, /*maxBytes=*/64 << 20));
    std::string error;
    if (!journal.database_.add(text, database, error))
      return invalidData(error);
  }
  if (resume && fs::exists(journalOf(database), ignored)) {
    MAMBA_ASSIGN_OR_RETURN(journal.reports_, readJournal(journalOf(database), settings));
  }
  return journal;
}

bool Journal::isDone(const std::string &key) const {
  return llvm::any_of(reports_, [&](const KernelReport &report) { return report.key == key; });
}

Status Journal::add(const KernelReport &report) {
  reports_.push_back(report);
  std::string text = settings_ + "\n";
  for (const KernelReport &done : reports_)
    text += writeReport(done) + "\n";
  if (!report.record.empty()) {
    std::string reason;
    std::optional<ScheduleRecord> record = ScheduleRecord::parse(report.record, reason);
    if (!record)
      return internalError("a record cannot be read again: " + reason);
    database_.replace(std::move(*record));
    MAMBA_RETURN_IF_ERROR(writeFileAtomically(path_, database_.text()));
  }
  return writeFileAtomically(journalOf(path_), text);
}

void Journal::close() {
  std::error_code ignored;
  fs::remove(journalOf(path_), ignored);
}

} // namespace mamba
