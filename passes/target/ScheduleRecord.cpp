#include "passes/target/ScheduleDatabase.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;

namespace mamba {

static constexpr StringRef separator = " | ";

static std::string number(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.6g", value);
  return text;
}

/// "measured 896.2us spread 1.4% default 1103us rows 512 threads 2".
static std::string figureText(const ScheduleFigure &figure) {
  std::string text = figure.isMeasured ? "measured " : "predicted ";
  text += number(figure.us) + "us";
  if (figure.isMeasured)
    text += " spread " + number(figure.spread) + "%";
  text += " default " + number(figure.defaultUs) + "us rows " + std::to_string(figure.rows);
  return text + " threads " + std::to_string(figure.threads);
}

/// Takes "NAME VALUEsuffix" from the front of the words.
template <typename T>
static bool take(SmallVectorImpl<StringRef> &words, StringRef name, StringRef suffix, T &value) {
  if (words.size() < 2 || words[0] != name || !words[1].consume_back(suffix))
    return false;
  bool failed = false;
  if constexpr (std::is_same_v<T, double>)
    failed = words[1].getAsDouble(value) || !(value >= 0 && value < 1e15);
  else
    failed = words[1].getAsInteger(10, value) || value < 1;
  words.erase(words.begin(), words.begin() + 2);
  return !failed;
}

static bool parseFigure(StringRef text, ScheduleFigure &figure) {
  SmallVector<StringRef> words;
  text.split(words, ' ');
  figure.isMeasured = words.front() == "measured";
  bool known = take(words, figure.isMeasured ? "measured" : "predicted", "us", figure.us);
  if (figure.isMeasured)
    known = known && take(words, "spread", "%", figure.spread);
  return known && take(words, "default", "us", figure.defaultUs) &&
         take(words, "rows", "", figure.rows) && take(words, "threads", "", figure.threads) &&
         words.empty();
}

/// 2026-11-22.
static bool isDate(StringRef text) {
  if (text.size() != 10)
    return false;
  for (size_t i = 0; i < text.size(); ++i)
    if (i == 4 || i == 7 ? text[i] != '-' : !llvm::isDigit(text[i]))
      return false;
  return true;
}

static bool isPrintable(StringRef text) {
  return llvm::all_of(text, [](char c) { return uint8_t(c) >= 0x20 && c != 0x7f; });
}

std::string ScheduleRecord::text() const {
  return target + separator.str() + key.text() + separator.str() + schedule.text() +
         separator.str() + figureText(figure) + separator.str() + chip + separator.str() +
         versions + " " + date;
}

std::optional<ScheduleRecord> ScheduleRecord::parse(StringRef line, std::string &reason) {
  constexpr size_t longest = 4096;
  if (line.size() > longest || !isPrintable(line)) {
    reason = "a record has at most 4096 printable characters";
    return std::nullopt;
  }
  SmallVector<StringRef> fields;
  line.split(fields, separator);
  if (fields.size() != 6) {
    reason = "a record has 6 fields between ' | ', got " + std::to_string(fields.size());
    return std::nullopt;
  }
  ScheduleRecord record;
  record.target = fields[0].str();
  std::string unknown;
  if (failed(parseTarget(record.target, unknown)) || record.target == "cpu:native") {
    reason = unknown.empty() ? "a record is for a level, not for cpu:native" : unknown;
    return std::nullopt;
  }
  std::optional<ScheduleKey> key = ScheduleKey::parse(fields[1]);
  if (!key) {
    reason = "a key is family, ops, types, class and dimensions, got '" + fields[1].str() + "'";
    return std::nullopt;
  }
  record.key = std::move(*key);
  std::optional<Schedule> schedule = Schedule::parse(fields[2], reason);
  if (!schedule)
    return std::nullopt;
  record.schedule = *schedule;
  if (!parseFigure(fields[3], record.figure)) {
    reason = "a figure reads like 'measured 8.1us spread 2% default 9us rows 1 threads 2', got '" +
             fields[3].str() + "'";
    return std::nullopt;
  }
  record.chip = fields[4].str();
  auto [versions, date] = fields[5].rsplit(' ');
  if (versions.empty() || !isDate(date)) {
    reason = "the last field ends with a date like 2026-11-22, got '" + fields[5].str() + "'";
    return std::nullopt;
  }
  record.versions = versions.str();
  record.date = date.str();
  return record;
}

std::string hostChip() {
  // Of /proc files no size is known before they are read.
  auto file = llvm::MemoryBuffer::getFileAsStream("/proc/cpuinfo");
  std::string name = "unknown";
  if (!file)
    return name;
  StringRef text = (*file)->getBuffer();
  size_t at = text.find("model name");
  if (at == StringRef::npos)
    return name;
  StringRef value = text.substr(at).split('\n').first.split(':').second.trim();
  name = value.str();
  for (char &c : name)
    if (c == '|' || uint8_t(c) < 0x20 || c == 0x7f)
      c = ' ';
  return name.empty() ? "unknown" : name;
}

} // namespace mamba
