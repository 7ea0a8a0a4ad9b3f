#include "bench/gpu/Check.h"

#include "bench/gpu/Subprocess.h"
#include "runtime/support/File.h"
#include "runtime/support/Quote.h"
#include "runtime/support/Version.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>

namespace fs = std::filesystem;

namespace mamba::bench {
namespace {

std::string timeText(const char *format) {
  std::time_t now = std::time(nullptr);
  std::tm parts;
  char text[64];
  gmtime_r(&now, &parts);
  return {text, std::strftime(text, sizeof(text), format, &parts)};
}

class Check {
public:
  Check(const CheckFolder &folder, const CheckOptions &options)
      : folder_(folder), options_(options), start_(Clock::now()) {}
  Result<Verdict> run();

private:
  using Clock = std::chrono::steady_clock;
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  Row &perform(const CheckStep &step);
  Status begin();
  Status nameOutput(const Row &machine);
  Status save();
  void tell(const std::string &text) const {
    if (!options_.isQuiet)
      std::fprintf(stderr, "%5.0fs %s\n", seconds(), text.c_str());
  }

  const CheckFolder &folder_;
  const CheckOptions &options_;
  Clock::time_point start_;
  std::string output_, self_;
  bool hasNoNvrtc_ = false;
  Row record_;
};

/// Runs it and adds what it said to the record.
Row &Check::perform(const CheckStep &step) {
  Row entry = {{"kind", step.kind}, {"title", step.title}, {"status", "failed"}};
  Row rows = Row::array();
  double left = 60 * options_.minutes - seconds(), began = seconds();
  if (left < 1) {
    entry["status"] = "skipped";
    entry["message"] = "no time was left";
  } else if (step.needsNvrtc && hasNoNvrtc_) {
    entry["status"] = "absent";
    entry["message"] = "NVRTC is not here";
  } else {
    tell(step.title);
    Command command{{self_, folder_.path, "--step", step.kind, "--index",
                     std::to_string(step.index), "--gpu", std::to_string(options_.ordinal)},
                    step.environment,
                    std::min(step.seconds, left)};
    // What a step that is ended leaves behind goes with this folder.
    std::string scratch = output_ + ".tmp";
    std::error_code ignored;
    if (step.kind == "case" && (fs::create_directories(scratch, ignored), !ignored))
      command.environment.push_back("TMPDIR=" + scratch);
    Result<Outcome> outcome = runProcess(command, [&](const std::string &line) {
      if (Row row = Row::parse(line, nullptr, false); row.is_object())
        rows.push_back(std::move(row));
    });
    if (step.kind == "case")
      fs::remove_all(scratch, ignored);
    if (!outcome.ok()) {
      entry["message"] = outcome.status().message();
    } else if (outcome->timedOut) {
      entry["status"] = left < step.seconds ? "cut" : "timeout";
      entry["message"] = "not done after " + std::to_string(int(command.seconds)) + " s" +
                         (outcome->isStuck ? ", its process cannot be ended" : "");
    } else if (outcome->status == 0) {
      entry["status"] = "done";
      for (const Row &row : rows)
        if (row.value("row", "") == "misfit") {
          entry["status"] = "absent";
          entry["message"] = row.value("message", "");
        }
    } else {
      // "mamba-gpu-check: " says nothing here.
      std::string complaint = outcome->complaint;
      size_t colon = complaint.starts_with("mamba-gpu-check: ") ? 17 : 0;
      entry["message"] = complaint.empty()
                             ? "ended with status " + std::to_string(outcome->status)
                             : complaint.substr(colon);
      if (outcome->status == kAbsentStatus && step.isOptional())
        entry["status"] = "absent";
    }
  }
  entry["seconds"] = seconds() - began;
  if (entry.contains("message") && entry["status"] != "skipped")
    tell("  " + entry["status"].get<std::string>() + ": " + entry["message"].get<std::string>());
  entry["rows"] = std::move(rows);
  record_["steps"].push_back(std::move(entry));
  return record_["steps"].back();
}

/// Where results go, before any time is spent.
Status Check::nameOutput(const Row &machine) {
  output_ = options_.output;
  if (output_.empty()) {
    fs::path folder = folder_.file("results");
    std::error_code failed;
    fs::create_directories(folder, failed);
    if (failed)
      return ioError("cannot make folder " + inQuotes(folder.string()) + ": " + failed.message() +
                     ", name a file with --output");
    std::string gpu = machine.value("gpu", "gpu");
    for (char &c : gpu)
      c = std::isalnum(static_cast<unsigned char>(c)) ? char(std::tolower(c)) : '-';
    output_ = (folder / (gpu + "-" + timeText("%Y%m%d-%H%M%S"))).string();
  }
  for (const char *extension : {".json", ".txt"})
    MAMBA_RETURN_IF_ERROR(checkWritable(output_ + extension));
  return {};
}

Status Check::save() {
  record_["seconds"] = seconds();
  Verdicts verdicts = verdictsOf(record_);
  record_["verdict"] = textOf(verdicts.whole);
  record_["counts"] = {{"right", verdicts.right},
                       {"wrong", verdicts.wrong},
                       {"incomplete", verdicts.incomplete},
                       {"misfits", verdicts.misfits}};
  MAMBA_RETURN_IF_ERROR(writeFileAtomically(
      output_ + ".json", record_.dump(1, ' ', false, Row::error_handler_t::replace) + "\n"));
  return writeFileAtomically(output_ + ".txt", reportOf(record_, folder_));
}

Status Check::begin() {
  std::error_code failed;
  self_ = fs::read_symlink("/proc/self/exe", failed).string();
  if (failed)
    return ioError("cannot find this program: " + failed.message());
  record_ = {{"tool", "mamba-gpu-check " MAMBA_VERSION},
             {"prepared", folder_.plan.value("prepared", "")},
             {"began", timeText("%Y-%m-%dT%H:%M:%SZ")},
             {"minutes", options_.minutes},
             {"seconds", 0},
             {"finished", false},
             {"verdict", ""},
             {"counts", Row::object()},
             {"steps", Row::array()}};
  return {};
}

Result<Verdict> Check::run() {
  MAMBA_RETURN_IF_ERROR(begin());
  std::vector<CheckStep> steps = stepsOf(folder_);
  for (const CheckStep &step : steps) {
    bool isMachine = step.kind == "machine";
    if (!isMachine && !options_.only.empty() && !std::ranges::count(options_.only, step.kind))
      continue;
    Row &entry = perform(step);
    if (isMachine) {
      if (entry["rows"].empty()) // Without a GPU there is nothing to record.
        return unavailable(entry.value("message", "the GPU does not answer"));
      MAMBA_RETURN_IF_ERROR(nameOutput(entry["rows"][0]));
      hasNoNvrtc_ = entry["rows"][0].value("nvrtc", "none") == "none";
    }
    MAMBA_RETURN_IF_ERROR(save());
  }
  record_["finished"] = true;
  MAMBA_RETURN_IF_ERROR(save());
  std::printf("%s", reportOf(record_, folder_).c_str());
  tell("results in " + output_ + ".json and .txt");
  return verdictsOf(record_).whole;
}

} // namespace

Result<Verdict> runCheck(const CheckFolder &folder, const CheckOptions &options) {
  return Check(folder, options).run();
}

} // namespace mamba::bench
