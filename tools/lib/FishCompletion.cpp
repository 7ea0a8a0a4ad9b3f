// Completion for fish.
#include "tools/lib/Command.h"

namespace mamba::cli {
namespace {

/// In single quotes of fish, where only \ and ' are special.
std::string quoted(const std::string &text) {
  std::string result = "'";
  for (char c : text) {
    if (c == '\\' || c == '\'')
      result += '\\';
    result += c;
  }
  return result + "'";
}

std::string values(const Parameter &parameter) {
  if (!parameter.words.empty()) {
    std::string words;
    for (const std::string &word : parameter.words)
      words += (words.empty() ? "" : " ") + word;
    // A list in fish is completed by a function that knows the comma.
    return parameter.commaList ? "-x -a " + quoted("(__fish_append , " + words + ")")
                               : "-x -a " + quoted(words);
  }
  return parameter.paths == Paths::Any       ? "-r -F"
         : parameter.paths == Paths::Folders ? "-x -a '(__fish_complete_directories)'"
         : parameter.paths == Paths::Packs   ? "-x -a '(__fish_complete_suffix .mpk)'"
                                             : "-x";
}

void writeCommand(std::string &text, const std::string &tool, const Command &command,
                  const std::string &condition) {
  std::string start = "complete -c " + tool + (condition.empty() ? "" : " -n " + quoted(condition));
  bool hasArgument = false;
  for (const Parameter &parameter : command.parameters) {
    if (parameter.isArgument()) {
      if (!hasArgument)
        text += start + " " + values(parameter) + "\n";
      hasArgument = true;
      continue;
    }
    text += start;
    for (const std::string &name : parameter.names)
      text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    if (parameter.takesValue() && !parameter.valueOptional)
      text += " " + values(parameter);
    text += " -d " + quoted(summary(parameter.help)) + "\n";
  }
}

} // namespace

std::string fishCompletion(const Command &tool) {
  std::string text = "# fish completion of " + tool.name + ", written by '" + tool.name +
                     " --completion fish'.\ncomplete -c " + tool.name + " -f\n";
  writeCommand(text, tool.name, tool, tool.verbs.empty() ? "" : "__fish_use_subcommand");
  for (const Command &verb : tool.verbs)
    text += "complete -c " + tool.name + " -n __fish_use_subcommand -a " + verb.name + " -d " +
            quoted(summary(verb.about)) + "\n";
  for (const Command &verb : tool.verbs)
    writeCommand(text, tool.name, verb, "__fish_seen_subcommand_from " + verb.name);
  return text;
}

} // namespace mamba::cli
