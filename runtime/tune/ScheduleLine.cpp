#include "runtime/tune/ScheduleLine.h"

#include "runtime/support/File.h"
#include "runtime/support/Format.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <ctime>

namespace mamba::tune {

static constexpr std::string_view kSeparator = " | ";

/// "measured 896.2us spread 1.4% default 1103us rows 512 threads 2".
static std::string figureText(const ScheduleFigure &figure) {
  std::string text = format("%s %.6gus", figure.isMeasured ? "measured" : "predicted", figure.us);
  if (figure.isMeasured)
    text += format(" spread %.6g%%", figure.spread);
  text += format(" default %.6gus rows %lld", figure.defaultUs,
                 static_cast<long long>(figure.rows));
  if (figure.threads)
    text += format(" threads %lld", static_cast<long long>(figure.threads));
  return text + (figure.form.empty() ? "" : " form " + figure.form);
}

static std::vector<std::string_view> split(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> parts;
  for (size_t at; (at = text.find(separator)) != text.npos;
       text.remove_prefix(at + separator.size()))
    parts.push_back(text.substr(0, at));
  parts.push_back(text);
  return parts;
}

namespace {
/// Words of a figure, taken from the front.
struct Words {
  std::vector<std::string_view> left;

  /// "NAME VALUEsuffix".
  template <typename T>
  bool take(std::string_view name, std::string_view suffix, T &value) {
    if (left.size() < 2 || left[0] != name || !left[1].ends_with(suffix))
      return false;
    std::string_view number = left[1].substr(0, left[1].size() - suffix.size());
    left.erase(left.begin(), left.begin() + 2);
    auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (error != std::errc() || end != number.data() + number.size())
      return false;
    if constexpr (std::is_same_v<T, double>)
      return value >= 0 && value < 1e15;
    return value >= 1;
  }
};
} // namespace

static bool parseFigure(std::string_view text, bool isGpu, ScheduleFigure &figure) {
  Words words{split(text, " ")};
  figure.isMeasured = words.left.front() == "measured";
  bool known = words.take(figure.isMeasured ? "measured" : "predicted", "us", figure.us);
  if (figure.isMeasured)
    known = known && words.take("spread", "%", figure.spread);
  known = known && words.take("default", "us", figure.defaultUs) &&
          words.take("rows", "", figure.rows);
  if (known && !words.left.empty() && words.left[0] == "threads")
    known = words.take("threads", "", figure.threads);
  if (known && words.left.size() == 2 && words.left[0] == "form" && !words.left[1].empty()) {
    figure.form = words.left[1];
    words.left.clear();
  }
  return known && words.left.empty() && (isGpu || !figure.isMeasured || figure.threads);
}

/// 2026-11-22.
static bool isDate(std::string_view text) {
  if (text.size() != 10)
    return false;
  for (size_t i = 0; i < text.size(); ++i)
    if (i == 4 || i == 7 ? text[i] != '-' : text[i] < '0' || text[i] > '9')
      return false;
  return true;
}

static bool isControl(char c) { return uint8_t(c) < 0x20 || c == 0x7f; }

std::string ScheduleLine::text() const {
  std::string text;
  for (const std::string &field : {target, key, schedule, figureText(figure), chip})
    text.append(field).append(kSeparator);
  return text + versions + " " + date;
}

std::optional<ScheduleLine> ScheduleLine::parse(std::string_view line, std::string &reason) {
  constexpr size_t longest = 4096;
  auto refuse = [&](std::string why) {
    reason = std::move(why);
    return std::nullopt;
  };
  if (line.size() > longest || std::any_of(line.begin(), line.end(), isControl))
    return refuse("a record has at most 4096 printable characters");
  std::vector<std::string_view> fields = split(line, kSeparator);
  if (fields.size() != 6)
    return refuse("a record has 6 fields between ' | ', got " + std::to_string(fields.size()));
  ScheduleLine read;
  read.target = fields[0];
  if (read.target == "cpu:native")
    return refuse("a record is for a level, not for cpu:native");
  read.key = fields[1];
  read.schedule = fields[2];
  if (read.target.empty() || read.key.empty() || read.schedule.empty())
    return refuse("a record has a target, a key and a schedule, got an empty one");
  if (!parseFigure(fields[3], read.target.starts_with("cuda:"), read.figure))
    return refuse("a figure reads like 'measured 8.1us spread 2% default 9us rows 1 threads 2', "
                  "got '" +
                  std::string(fields[3]) + "'");
  read.chip = fields[4];
  size_t space = fields[5].rfind(' ');
  if (space == 0 || space == std::string_view::npos || !isDate(fields[5].substr(space + 1)))
    return refuse("the last field ends with a date like 2026-11-22, got '" +
                  std::string(fields[5]) + "'");
  read.versions = fields[5].substr(0, space);
  read.date = fields[5].substr(space + 1);
  return read;
}

std::string asField(std::string text) {
  for (char &c : text)
    if (c == '|' || isControl(c))
      c = ' ';
  return text;
}

std::string versionsOf(std::string compiler) {
  std::erase(compiler, ',');
  std::transform(compiler.begin(), compiler.end(), compiler.begin(),
                 [](unsigned char c) { return char(std::tolower(c)); });
  return asField(std::move(compiler));
}

std::string hostChip() {
  Result<std::string> text = readFile("/proc/cpuinfo", /*maxBytes=*/64 << 20);
  size_t at = text.ok() ? text->find("model name") : std::string::npos;
  if (at == std::string::npos)
    return "unknown";
  std::string line = text->substr(at, text->find('\n', at) - at);
  std::string name = asField(line.substr(std::min(line.find(':'), line.size() - 1) + 1));
  size_t first = name.find_first_not_of(' ');
  if (first == std::string::npos)
    return "unknown";
  return name.substr(first, name.find_last_not_of(' ') + 1 - first);
}

std::string today() {
  char date[16];
  std::time_t now = std::time(nullptr);
  std::tm utc = {};
  ::gmtime_r(&now, &utc);
  std::strftime(date, sizeof(date), "%Y-%m-%d", &utc);
  return date;
}

Status forEachLine(std::string_view text, const std::string &name,
                   const std::function<std::optional<std::string>(std::string_view)> &take) {
  size_t number = 0;
  for (std::string_view line : split(text, "\n")) {
    ++number;
    if (line.ends_with('\r'))
      line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == line.npos || line.starts_with("#"))
      continue;
    if (std::optional<std::string> reason = take(line))
      return invalidData(name + ":" + std::to_string(number) + ": " + *reason);
  }
  return {};
}

std::string joinLines(std::vector<std::string> lines) {
  std::sort(lines.begin(), lines.end());
  lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
  std::string text;
  for (const std::string &line : lines)
    text += line + "\n";
  return text;
}

Status ScheduleLines::add(std::string_view text, const std::string &name) {
  std::vector<ScheduleLine> read;
  MAMBA_RETURN_IF_ERROR(readLines(text, name, read));
  lines_.insert(lines_.end(), read.begin(), read.end());
  return {};
}

void ScheduleLines::replace(ScheduleLine line) {
  auto isSame = [&](const ScheduleLine &old) {
    return old.target == line.target && old.key == line.key && old.chip == line.chip &&
           old.figure.isMeasured == line.figure.isMeasured &&
           old.figure.rows == line.figure.rows && old.figure.threads == line.figure.threads;
  };
  std::erase_if(lines_, isSame);
  lines_.push_back(std::move(line));
}

std::string ScheduleLines::text() const {
  std::vector<std::string> texts;
  for (const ScheduleLine &line : lines_)
    texts.push_back(line.text());
  return joinLines(std::move(texts));
}

} // namespace mamba::tune
