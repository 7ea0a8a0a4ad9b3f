// Completion for bash, which needs no other script.
#include "tools/lib/Command.h"

namespace mamba::cli {
namespace {

std::string joined(const std::vector<std::string> &words, const char *between) {
  std::string text;
  for (const std::string &word : words)
    text += (text.empty() ? "" : between) + word;
  return text;
}

/// What the functions share. Readline replaces only what stands behind the last
/// '=' or ':' of a word, so what is before it is cut from each reply.
constexpr const char *kHelpers = R"(
~_reply() {
  local candidate
  while IFS= read -r candidate; do
    [ -z "$candidate" ] || COMPREPLY+=("${candidate#"$kept"}")
  done
}
~_words() { ~_reply < <(compgen -W "$1" -- "$value"); }
~_list() {
  local head=
  [[ $value != *,* ]] || head=${value%,*},
  ~_reply < <(compgen -P "$head" -W "$1" -- "${value##*,}")
}
~_paths() {
  compopt -o filenames 2>/dev/null
  ~_reply < <(compgen -f -- "$value")
}
~_folders() {
  compopt -o filenames 2>/dev/null
  ~_reply < <(compgen -d -- "$value")
}
~_packs() {
  compopt -o filenames 2>/dev/null
  ~_reply < <(compgen -f -X '!*.mpk' -- "$value"; compgen -d -- "$value")
}
)";

/// COMP_WORDS is cut at '=' and ':' too, so words are taken from the line.
constexpr const char *kMain = R"(
~() {
  local line=${COMP_LINE:0:COMP_POINT} word value option kept tail
  local -a before
  COMPREPLY=()
  word=${line##*[[:space:]]}
  read -r -a before <<<"${line%"$word"}"
  value=$word
  option=${before[-1]}
  if [[ $word == --*=* ]]; then
    option=${word%%=*}
    value=${word#*=}
  fi
  tail=${COMP_WORDS[COMP_CWORD]}
  [[ $tail != [=:] ]] || tail=
  kept=${value%"$tail"}
  case ${before[1]-} in
)";

/// A shell script, in which ~ stands for the name of the main function.
class Script {
public:
  explicit Script(const Command &tool) : tool_(tool), function_("_" + identifier(tool.name)) {}

  std::string write() {
    text_ = "# bash completion of " + tool_.name + ", written by '" + tool_.name +
            " --completion bash'.\n";
    add(kHelpers);
    std::string cases;
    for (const Command &verb : tool_.verbs) {
      writeFunction(verb, identifier(verb.name));
      cases += "  " + verb.name + ") ~_in_" + identifier(verb.name) + " ;;\n";
    }
    writeFunction(tool_, "tool");
    add(kMain);
    add(cases + "  *) ~_in_tool ;;\n  esac\n}\ncomplete -F ~ ");
    return text_ + tool_.name + "\n";
  }

private:
  void add(std::string_view piece) {
    for (char c : piece)
      text_ += c == '~' ? function_ : std::string(1, c);
  }

  /// The call that offers what a value can be.
  static std::string offer(const Parameter &parameter) {
    if (!parameter.words.empty())
      return (parameter.commaList ? "~_list " : "~_words ") +
             shellQuoted(joined(parameter.words, " "));
    return parameter.paths == Paths::Any       ? "~_paths"
           : parameter.paths == Paths::Folders ? "~_folders"
           : parameter.paths == Paths::Packs   ? "~_packs"
                                               : ":";
  }

  void writeFunction(const Command &command, const std::string &name) {
    std::string cases, names, arguments;
    for (const Parameter &parameter : command.parameters) {
      if (parameter.isArgument()) {
        if (arguments.empty())
          arguments = offer(parameter);
        continue;
      }
      names += (names.empty() ? "" : " ") + joined(parameter.names, " ");
      // What follows an option whose value may be left out is not its value.
      if (parameter.takesValue() && !parameter.valueOptional)
        cases += "  " + joined(parameter.names, "|") + ") " + offer(parameter) + "; return ;;\n";
    }
    add("~_in_" + name + "() {\n");
    if (!cases.empty())
      add("  case $option in\n" + cases + "  esac\n");
    add("  if [[ $value == -* ]]; then\n    ~_words " + shellQuoted(names) + "\n    return\n  fi\n");
    if (!command.verbs.empty()) {
      std::string verbs;
      for (const Command &verb : command.verbs)
        verbs += (verbs.empty() ? "" : " ") + verb.name;
      add("  ~_words " + shellQuoted(verbs) + "\n");
    }
    if (!arguments.empty())
      add("  " + arguments + "\n");
    add("}\n");
  }

  const Command &tool_;
  std::string function_, text_;
};

} // namespace

std::string bashCompletion(const Command &tool) { return Script(tool).write(); }

} // namespace mamba::cli
