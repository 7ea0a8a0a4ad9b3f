#include "tools/lib/Command.h"

#include <algorithm>
#include <sstream>

namespace mamba::cli {

static std::string trimmed(const std::string &text) {
  size_t first = text.find_first_not_of(" \n");
  if (first == std::string::npos)
    return "";
  return text.substr(first, text.find_last_not_of(" \n") - first + 1);
}

void addFooter(Command &command, const std::string &footer) {
  std::istringstream lines(footer);
  std::string notes;
  bool isExample = false;
  for (std::string line; std::getline(lines, line);) {
    for (const char *word : {"Examples:", "Example:"})
      if (line.starts_with(word)) {
        isExample = true;
        line.erase(0, std::string_view(word).size());
        break;
      }
    if (!isExample)
      notes += line + "\n";
    else if (std::string example = trimmed(line); !example.empty())
      command.examples.push_back(example);
  }
  constexpr std::string_view kStatus = "Exit status:";
  if (size_t at = notes.find(kStatus); at != std::string::npos) {
    size_t end = std::min(notes.find(".\n", at), notes.size());
    command.exitStatus = trimmed(notes.substr(at + kStatus.size(), end - at - kStatus.size()));
    notes.erase(at, end + 1 - at);
  }
  command.notes = trimmed(notes);
}

const std::vector<std::string> &shells() {
  static const std::vector<std::string> names = {"bash", "zsh", "fish"};
  return names;
}

std::string completion(const Command &tool, const std::string &shell) {
  return shell == "bash"  ? bashCompletion(tool)
         : shell == "zsh" ? zshCompletion(tool)
                          : fishCompletion(tool);
}

std::string summary(const std::string &help) {
  int depth = 0;
  for (size_t i = 0; i + 1 < help.size(); ++i) {
    depth += help[i] == '(' ? 1 : help[i] == ')' ? -1 : 0;
    // A dot within a word, as in X.mpk, ends nothing.
    if (depth == 0 && (help[i] == ';' || help[i] == '.') && help[i + 1] == ' ')
      return help.substr(0, i);
  }
  return help;
}

std::string identifier(std::string_view name) {
  std::string text(name);
  std::replace(text.begin(), text.end(), '-', '_');
  return text;
}

std::string shellQuoted(std::string_view text) {
  std::string quoted = "'";
  for (char c : text)
    quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

} // namespace mamba::cli
