#include "runtime/tune/Journal.h"

#include "runtime/support/File.h"
#include "runtime/support/Json.h"
#include "runtime/support/Quote.h"
#include "runtime/support/SystemError.h"

#include <algorithm>
#include <filesystem>

namespace fs = std::filesystem;

namespace mamba::tune {

static std::string journalOf(const std::string &database) { return database + ".journal"; }

/// The settings in the first line, then a kernel a line.
static Result<std::vector<KernelReport>> readJournal(const std::string &path,
                                                     const std::string &settings) {
  Result<std::string> read = readFile(path);
  if (read.status().code() == StatusCode::NotFound)
    return std::vector<KernelReport>();
  MAMBA_ASSIGN_OR_RETURN(std::string text, std::move(read));
  std::string first = text.substr(0, text.find('\n'));
  if (first != settings)
    return invalidArgument(inQuotes(path) + " is of a sweep with other options: " + first +
                           "; without --resume it is begun anew");
  std::vector<KernelReport> reports;
  for (size_t at = first.size() + 1, end; at < text.size(); at = end + 1) {
    end = std::min(text.find('\n', at), text.size());
    std::string place = path + ": kernel " + std::to_string(reports.size() + 1);
    MAMBA_ASSIGN_OR_RETURN(nlohmann::json json, parseJson(text.substr(at, end - at), place));
    JsonScope scope(json);
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
  // To open a pipe waits for its other end.
  for (const std::string &file : {database, journalOf(database)}) {
    std::error_code failed;
    fs::file_status status = fs::status(file, failed);
    if (status.type() == fs::file_type::none)
      return systemError("open", file, failed.value());
    if (fs::exists(status) && !fs::is_regular_file(status))
      return invalidArgument(inQuotes(file) + " is not a regular file, name another database");
  }
  MAMBA_RETURN_IF_ERROR(checkWritable(database));
  MAMBA_RETURN_IF_ERROR(journal.readDatabase());
  if (resume) {
    MAMBA_ASSIGN_OR_RETURN(journal.reports_, readJournal(journalOf(database), settings));
  }
  return journal;
}

Status Journal::readDatabase() {
  Result<MappedFile> file = MappedFile::open(path_);
  // What is not there yet has no lines; what cannot be read is not written over.
  if (file.status().code() == StatusCode::NotFound)
    return {};
  MAMBA_RETURN_IF_ERROR(file.status());
  ScheduleLines lines;
  MAMBA_RETURN_IF_ERROR(lines.add(file->view(), path_));
  database_ = std::move(lines);
  return {};
}

Status Journal::begin() {
  MAMBA_RETURN_IF_ERROR(readDatabase());
  return write();
}

bool Journal::isDone(const std::string &key) const {
  return std::any_of(reports_.begin(), reports_.end(),
                     [&](const KernelReport &report) { return report.key == key; });
}

Status Journal::add(const KernelReport &report) {
  reports_.push_back(report);
  if (!report.record.empty()) {
    std::string reason;
    std::optional<ScheduleLine> record = ScheduleLine::parse(report.record, reason);
    if (!record)
      return internalError("a record cannot be read again: " + reason);
    MAMBA_RETURN_IF_ERROR(readDatabase());
    database_.replace(std::move(*record));
  }
  return write();
}

Status Journal::write() const {
  std::string text = settings_ + "\n";
  for (const KernelReport &done : reports_)
    text += writeReport(done) + "\n";
  MAMBA_RETURN_IF_ERROR(writeFileAtomically(path_, database_.text()));
  return writeFileAtomically(journalOf(path_), text);
}

void Journal::close() {
  std::error_code ignored;
  fs::remove(journalOf(path_), ignored);
}

} // namespace mamba::tune
