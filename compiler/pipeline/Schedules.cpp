#include "compiler/pipeline/Schedules.h"

#include "compiler/tune/KnownSchedules.h"

#include "runtime/support/File.h"
#include "runtime/support/Quote.h"

namespace mamba {

/// A larger file holds no records.
static constexpr uint64_t kMostBytes = 64 << 20;

static bool addFile(ScheduleDatabase &database, const std::string &path, std::string &problem) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file.ok())
    problem = file.status().message();
  else if (file->size() > kMostBytes)
    problem = "cannot read " + inQuotes(path) + ": it holds more than " +
              std::to_string(kMostBytes) + " bytes";
  else
    return database.add(llvm::StringRef(file->view()), path, problem);
  return false;
}

FoundSchedules findSchedules(const PipelineOptions &options, std::string &problem) {
  FoundSchedules found;
  if (options.target == "cpu:native")
    found.chip = tune::hostChip();
  auto database = std::make_shared<ScheduleDatabase>();
  bool good = true;
  if (options.knownSchedules)
    for (const KnownSchedules &known : knownSchedules())
      good = good && database->add(known.text, known.name, problem);
  if (!options.scheduleFile.empty())
    good = good && addFile(*database, options.scheduleFile, problem);
  found.database = good ? std::move(database) : std::make_shared<ScheduleDatabase>();
  return found;
}

} // namespace mamba
