// Any text as a database of schedules, as a journal of a sweep and as a share
// of one: it is refused in one line, or written again as it was read.
#include "runtime/support/Json.h"
#include "runtime/tune/Report.h"
#include "runtime/tune/ScheduleLine.h"
#include "runtime/tune/Shard.h"

#include <cstdio>
#include <cstdlib>

using namespace mamba;
using namespace mamba::tune;

static void require(bool condition, const char *what) {
  if (condition)
    return;
  std::fprintf(stderr, "fuzz_schedule: %s\n", what);
  std::abort();
}

static void requireOneLine(const std::string &message) {
  require(!message.empty() && message.find('\n') == std::string::npos,
          "a message that is not one line");
}

static void checkDatabase(std::string_view text) {
  ScheduleLines lines;
  if (Status status = lines.add(text, "input"); !status.ok()) {
    requireOneLine(status.message());
    require(lines.all().empty(), "a part of a refused text");
    return;
  }
  ScheduleLines again;
  std::string written = lines.text();
  require(again.add(written, "again").ok(), "what was written is refused");
  require(again.text() == written, "another text when read again");
  for (const ScheduleLine &line : lines.all()) {
    again.replace(line);
    require(!again.all().empty() && again.all().back().text() == line.text(),
            "a line that is not the last");
  }
}

static void checkReport(std::string_view line) {
  Result<nlohmann::json> json = parseJson(line, "input");
  if (!json.ok())
    return requireOneLine(json.status().message());
  if (!json->is_object())
    return; // As the journal sees to.
  Result<KernelReport> report = readReport(*json);
  if (!report.ok())
    return requireOneLine(report.status().message());
  std::string written = writeReport(*report);
  require(written.find('\n') == std::string::npos, "a report of two lines");
  Result<nlohmann::json> parsed = parseJson(written, "again");
  require(parsed.ok(), "what was written is no JSON");
  Result<KernelReport> again = readReport(*parsed);
  require(again.ok(), "what was written is refused");
  require(writeReport(*again) == written, "another report when read again");
  (void)reportTable({*report});
  (void)reportSvg({*report}, "title");
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view text(reinterpret_cast<const char *>(data), size);
  checkDatabase(text);
  checkReport(text);
  if (Result<Shard> shard = Shard::parse(text); shard.ok())
    require(*Shard::parse(shard->text()) == *shard,
            "another share when read again");
  else
    requireOneLine(shard.status().message());
  return 0;
}
