// Pages in the macros of man(7).
#include "tools/lib/Command.h"
#include "tools/lib/Environment.h"

#include <algorithm>
#include <sstream>

namespace mamba::cli {
namespace {

/// Text for a line of roff: nothing in it is a request or an escape, and a dash
/// is a dash of the keyboard.
std::string roff(const std::string &text) {
  std::string escaped;
  for (char c : text) {
    if (c == '\\')
      escaped += "\\e";
    else if (c == '-')
      escaped += "\\-";
    else
      escaped += c;
  }
  return escaped;
}

/// Broken at blanks into lines of 79 characters, none of which is a request.
std::string filled(const std::string &text) {
  std::istringstream words(roff(text));
  std::string lines;
  size_t width = 0;
  for (std::string word; words >> word;) {
    bool isFirst = width == 0 || width + 1 + word.size() > 79;
    if (isFirst && (word.starts_with('.') || word.starts_with('\'')))
      word.insert(0, "\\&");
    if (!lines.empty())
      lines += isFirst ? "\n" : " ";
    lines += word;
    width = isFirst ? word.size() : width + 1 + word.size();
  }
  return lines;
}

std::string bold(const std::string &text) { return "\\fB" + roff(text) + "\\fR"; }
std::string italic(const std::string &text) { return "\\fI" + roff(text) + "\\fR"; }

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) { return std::toupper(c); });
  return text;
}

/// A sentence that ends with a full stop.
std::string sentence(const std::string &text) {
  return text.empty() || text.ends_with('.') ? text : text + ".";
}

bool isSame(const Parameter &a, const Parameter &b) {
  return a.names == b.names && a.value == b.value && a.help == b.help &&
         a.isArgument() == b.isArgument();
}

class Page {
public:
  explicit Page(const Command &tool) : tool_(tool) {}
  std::string write(const std::string &version);

private:
  void line(const std::string &text) {
    // Behind a heading stands a paragraph of its own.
    if (text != ".PP" || !isAtHeading_)
      out_ << text << "\n";
    isAtHeading_ = text.starts_with(".SH") || text.starts_with(".SS");
  }
  void section(const std::string &name) { line(".SH " + name); }
  void paragraph(const std::string &text);
  void parameter(const Parameter &parameter);
  void synopsis(const Command &command, const std::string &name);
  void verb(const Command &verb);
  void examples();
  void environment();
  bool isCommon(const Parameter &parameter) const;
  bool hasCompiler() const;

  const Command &tool_;
  std::ostringstream out_;
  bool isAtHeading_ = false;
};

/// Notes; an empty line begins a new paragraph.
void Page::paragraph(const std::string &text) {
  for (size_t start = 0; start < text.size();) {
    size_t end = std::min(text.find("\n\n", start), text.size());
    line(".PP");
    line(filled(text.substr(start, end - start)));
    start = end + 2;
  }
}

void Page::parameter(const Parameter &parameter) {
  std::string names;
  for (const std::string &name : parameter.names)
    names += (names.empty() ? "" : ", ") + bold(name);
  if (parameter.takesValue()) {
    std::string value = italic(parameter.value);
    names += parameter.isArgument()     ? value
             : parameter.valueOptional ? "[=" + value + "]"
                                       : " " + value;
  }
  line(".TP");
  line(names);
  std::string help = sentence(parameter.help);
  // A list of words that the text has already is not said again.
  bool isSaid = std::all_of(parameter.words.begin(), parameter.words.end(), [&](const std::string &word) {
    return help.find(word) != std::string::npos;
  });
  if (!isSaid && parameter.words.size() < 10) {
    help += " One of";
    for (const std::string &word : parameter.words)
      help += (&word == &parameter.words.front() ? " " : ", ") + word;
    help += ".";
  }
  if (!parameter.defaultValue.empty())
    help += " Default: " + parameter.defaultValue + ".";
  if (parameter.required && !parameter.isArgument())
    help += " Required.";
  line(filled(help));
}

void Page::synopsis(const Command &command, const std::string &name) {
  line(".PP");
  std::string text = bold(name) + " [" + italic("OPTION") + "]...";
  for (const Parameter &parameter : command.parameters) {
    if (!parameter.required && !parameter.isArgument())
      continue;
    std::string value = italic(parameter.value);
    if (!parameter.isArgument())
      value = bold(parameter.names.front()) + " " + value;
    text += " " + (parameter.required ? value : "[" + value + "]");
    if (parameter.repeated && parameter.isArgument())
      text += "...";
  }
  line(text);
}

bool Page::isCommon(const Parameter &parameter) const {
  return tool_.verbs.size() > 1 &&
         std::all_of(tool_.verbs.begin(), tool_.verbs.end(), [&](const Command &verb) {
           return std::any_of(verb.parameters.begin(), verb.parameters.end(),
                              [&](const Parameter &other) { return isSame(parameter, other); });
         });
}

bool Page::hasCompiler() const { return tool_.name != "mamba-run"; }

void Page::verb(const Command &verb) {
  line(".SS " + roff(verb.name));
  line(filled(sentence(verb.about)));
  paragraph(verb.notes);
  for (const Parameter &parameter : verb.parameters)
    if (!isCommon(parameter))
      this->parameter(parameter);
}

void Page::examples() {
  std::vector<std::string> all;
  for (const Command &verb : tool_.verbs)
    all.insert(all.end(), verb.examples.begin(), verb.examples.end());
  all.insert(all.end(), tool_.examples.begin(), tool_.examples.end());
  if (all.empty())
    return;
  section("EXAMPLES");
  for (const std::string &example : all) {
    line(".PP");
    line(".EX");
    line(roff(example));
    line(".EE");
  }
}

void Page::environment() {
  section("ENVIRONMENT");
  for (const EnvironmentVariable &variable : environmentVariables()) {
    if (variable.ofCompiler && !hasCompiler())
      continue;
    line(".TP");
    line(bold(variable.name));
    line(filled(variable.meaning));
  }
}

std::string Page::write(const std::string &version) {
  line(".\\\" Written by '" + tool_.name + " --help-man'.");
  line(".TH " + upper(tool_.name) + " 1 \"\" \"" + version + "\" \"User Commands\"");
  section("NAME");
  std::string about = tool_.about;
  about[0] = std::tolower(about[0]);
  line(roff(tool_.name) + " \\- " + roff(about));
  section("SYNOPSIS");
  auto isArgument = [](const Parameter &p) { return p.isArgument(); };
  if (std::any_of(tool_.parameters.begin(), tool_.parameters.end(), isArgument))
    synopsis(tool_, tool_.name);
  for (const Command &verb : tool_.verbs)
    synopsis(verb, tool_.name + " " + verb.name);
  section("DESCRIPTION");
  line(filled(sentence(tool_.about)));
  paragraph(tool_.notes);
  if (!tool_.verbs.empty())
    section("VERBS");
  for (const Command &verb : tool_.verbs)
    this->verb(verb);
  section("OPTIONS");
  for (const Parameter &parameter : tool_.parameters)
    this->parameter(parameter);
  bool isHeadWritten = false;
  if (!tool_.verbs.empty())
    for (const Parameter &parameter : tool_.verbs.front().parameters)
      if (isCommon(parameter) && parameter.names != std::vector<std::string>{"-h", "--help"}) {
        if (!isHeadWritten)
          line(".SS Of every verb");
        isHeadWritten = true;
        this->parameter(parameter);
      }
  if (!tool_.exitStatus.empty()) {
    section("EXIT STATUS");
    line(filled(sentence(tool_.exitStatus)));
  }
  environment();
  examples();
  section("SEE ALSO");
  std::vector<std::string> others;
  for (const char *name : {"mamba-import", "mamba-opt", "mamba-pack", "mamba-run", "mamba-tune"})
    if (name != tool_.name)
      others.push_back(name);
  for (const std::string &name : others)
    line(".BR " + roff(name) + " (1)" + (&name == &others.back() ? "" : ","));
  return out_.str();
}

} // namespace

std::string manPage(const Command &tool, const std::string &version) {
  return Page(tool).write(version);
}

} // namespace mamba::cli
