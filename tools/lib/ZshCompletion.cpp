// Completion for zsh, by its _arguments.
#include "tools/lib/Command.h"

namespace mamba::cli {
namespace {

/// Within a specification of _arguments, ':', '[' and ']' mean something.
std::string escaped(const std::string &text, const char *special) {
  std::string result;
  for (char c : text) {
    if (std::string_view(special).find(c) != std::string_view::npos)
      result += '\\';
    result += c;
  }
  return result;
}

/// What a value can be, as the action of a specification.
std::string action(const Parameter &parameter) {
  if (!parameter.words.empty()) {
    std::string words;
    for (const std::string &word : parameter.words)
      words += (words.empty() ? "" : " ") + escaped(word, ":");
    return parameter.commaList ? "_sequence compadd - " + words : "(" + words + ")";
  }
  return parameter.paths == Paths::Any       ? "_files"
         : parameter.paths == Paths::Folders ? "_files -/"
         : parameter.paths == Paths::Packs   ? "_files -g \"*.mpk\""
                                             : " ";
}

std::string specification(const Parameter &parameter) {
  std::string value = ":" + escaped(parameter.value, ":") + ":" + action(parameter);
  if (parameter.isArgument())
    return shellQuoted((parameter.repeated ? "*" : parameter.required ? "" : ":") + value);
  std::string help = "[" + escaped(summary(parameter.help), "[]:") + "]", text;
  for (const std::string &name : parameter.names) {
    bool isLong = name.starts_with("--");
    std::string end = !parameter.takesValue()   ? ""
                      : parameter.valueOptional ? "=-"
                      : isLong                  ? "="
                                                : "+";
    std::string exclusive;
    for (const std::string &other : parameter.names)
      exclusive += (exclusive.empty() ? "" : " ") + other;
    std::string one = (parameter.repeated ? "*" : "(" + exclusive + ")") + name + end + help +
                      (parameter.takesValue()
                           ? (parameter.valueOptional ? ":" + value : value)
                           : "");
    text += (text.empty() ? "" : " \\\n    ") + shellQuoted(one);
  }
  return text;
}

void writeCall(std::string &text, const Command &command, const std::string &first) {
  text += "  _arguments " + first;
  for (const Parameter &parameter : command.parameters)
    text += " \\\n    " + specification(parameter);
}

} // namespace

std::string zshCompletion(const Command &tool) {
  std::string function = "_" + tool.name;
  std::string text = "#compdef " + tool.name + "\n# Written by '" + tool.name +
                     " --completion zsh'.\n";
  for (const Command &verb : tool.verbs) {
    text += "\n" + function + "-" + verb.name + "() {\n";
    writeCall(text, verb, "-s -S");
    text += "\n}\n";
  }
  text += "\n" + function + "() {\n";
  if (tool.verbs.empty()) {
    writeCall(text, tool, "-s -S");
    text += "\n";
  } else {
    text += "  local -a verbs=(\n";
    for (const Command &verb : tool.verbs)
      text += "    " + shellQuoted(verb.name + ":" + escaped(summary(verb.about), ":")) + "\n";
    // Where no verb has been typed yet, verbs and the tool's own options are
    // offered; behind one, what that verb takes.
    text += "  )\n  local verb=${words[2]}\n"
            "  if (( CURRENT > 2 )) && (( $+functions[" + function + "-$verb] )); then\n"
            "    shift words\n    (( CURRENT-- ))\n    " + function + "-$verb\n    return\n  fi\n"
            "  (( CURRENT > 2 )) || _describe verb verbs\n";
    writeCall(text, tool, "-s -S");
    text += "\n";
  }
  return text + "}\n\n" + function + " \"$@\"\n";
}

} // namespace mamba::cli
