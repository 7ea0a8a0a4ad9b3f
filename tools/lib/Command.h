// What a tool's command line takes, as data: man pages and completions are
// written from it, so they say what --help says.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mamba::cli {

/// What kind of path a value is, for completion.
enum class Paths { None, Any, Folders, Packs };

/// An option, a flag or an argument without a name.
struct Parameter {
  std::vector<std::string> names; // "-n", "--top-k"; empty: an argument
  std::string value;              // "FILE"; "" for flags
  std::string help;               // one or more sentences, no newline
  std::string defaultValue;       // "" if none is stated
  std::vector<std::string> words; // what a value can be, where it is a choice
  Paths paths = Paths::None;
  bool required = false;
  bool repeated = false;      // more than one value
  bool commaList = false;     // values between commas
  bool valueOptional = false; // --variants or --variants=N

  bool isArgument() const { return names.empty(); }
  bool takesValue() const { return !value.empty(); }
};

/// A tool, or one of its verbs.
struct Command {
  std::string name;  // "mamba-run", of a verb "generate"
  std::string about; // one line
  std::vector<Parameter> parameters;
  std::vector<Command> verbs;
  std::string notes;                 // what --help says below, without:
  std::string exitStatus;            // the sentence about it
  std::vector<std::string> examples; // command lines
};

/// Sorts the text below an option list into `notes`, `exitStatus` and `examples`:
/// "Exit status:" goes to the end of its sentence, "Example:" to the end.
void addFooter(Command &command, const std::string &footer);

/// The page for section 1, in the macros of man(7). `version` is "mamba 0.1.0".
std::string manPage(const Command &tool, const std::string &version);

/// The shells that completion is written for: bash, zsh, fish.
const std::vector<std::string> &shells();
/// A script that makes `shell` complete the tool's command line.
std::string completion(const Command &tool, const std::string &shell);

std::string bashCompletion(const Command &tool);
std::string zshCompletion(const Command &tool);
std::string fishCompletion(const Command &tool);

/// The first sentence or clause of a help text, for a list in a shell.
std::string summary(const std::string &help);
/// The name as a part of a shell function's name: "mamba_run".
std::string identifier(std::string_view name);
/// In single quotes for bash and zsh.
std::string shellQuoted(std::string_view text);

} // namespace mamba::cli
