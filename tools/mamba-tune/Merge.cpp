// mamba-tune merge.
#include "tools/mamba-tune/Merge.h"

#include "runtime/support/File.h"
#include "runtime/support/Quote.h"
#include "runtime/tune/KeepBest.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>

namespace mamba::tune {

/// A larger file holds no records.
static constexpr uint64_t kMostBytes = 64 << 20;

void addMerge(CLI::App &app, MergeCommand &command) {
  app.add_option("databases", command.inputs, "The databases; - is standard input")
      ->required()
      ->type_name("FILE");
  app.add_option("-o,--output", command.output,
                 "The database to write, which may be one of them; - is standard output")
      ->required()
      ->type_name("FILE");
  app.add_flag("--quiet", command.quiet, "No log on standard error");
  app.callback([&command] {
    if (std::count(command.inputs.begin(), command.inputs.end(), "-") > 1)
      throw CLI::ValidationError("databases", "standard input can be read once");
  });
  app.footer("Of lines for the same target, key, chip, rows and threads one stays: what was\n"
             "measured before what was predicted, then the newest, then the fastest.\n"
             "Example: mamba-tune merge a.tune b.tune -o all.tune");
}

static std::string asText(const std::vector<ScheduleLine> &lines) {
  std::vector<std::string> texts;
  for (const ScheduleLine &line : lines)
    texts.push_back(line.text());
  return joinLines(std::move(texts));
}

Result<std::string> merge(const MergeCommand &command) {
  bool toFile = command.output != "-";
  if (toFile)
    MAMBA_RETURN_IF_ERROR(checkWritable(command.output));
  ScheduleLines lines;
  std::vector<std::string> remarks;
  for (const std::string &input : command.inputs) {
    bool isFile = input != "-";
    MAMBA_ASSIGN_OR_RETURN(std::string text,
                           readFile(isFile ? input : "/dev/stdin", kMostBytes));
    MAMBA_RETURN_IF_ERROR(lines.add(text, isFile ? input : "standard input"));
    std::error_code ignored;
    if (isFile && std::filesystem::exists(input + ".journal", ignored))
      remarks.push_back(inQuotes(input) + " is of a sweep that is not done: mamba-tune --resume "
                                          "with its options goes on, then merge again");
  }
  std::vector<ScheduleLine> kept = keepBest(lines.all());
  if (toFile)
    MAMBA_RETURN_IF_ERROR(writeFileAtomically(command.output, asText(kept)));
  remarks.push_back(std::to_string(kept.size()) + " records of " +
                    std::to_string(lines.all().size()) + " are in " +
                    (toFile ? command.output : "standard output"));
  for (const std::string &remark : remarks)
    if (!command.quiet)
      std::fprintf(stderr, "mamba-tune: %s\n", remark.c_str());
  return toFile ? std::string() : asText(kept);
}

} // namespace mamba::tune
