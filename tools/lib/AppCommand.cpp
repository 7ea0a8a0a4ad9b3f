#include "tools/lib/AppCommand.h"

#include "mamba/runtime.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sstream>

namespace mamba::cli {

static std::string joined(const std::vector<std::string> &words) {
  std::string text;
  for (const std::string &word : words)
    text += (text.empty() ? "" : ",") + word;
  return text;
}

CLI::Validator offers(const std::vector<std::string> &words) {
  return CLI::Validator([](std::string &) { return std::string(); }, "", joined(words));
}

/// "a, b or c".
static std::string listed(const std::vector<std::string> &words) {
  std::string text;
  for (const std::string &word : words)
    text += (text.empty() ? "" : &word == &words.back() ? " or " : ", ") + word;
  return text;
}

CLI::Validator oneOf(const std::vector<std::string> &words) {
  auto check = [=](const std::string &value) -> std::string {
    if (std::find(words.begin(), words.end(), value) != words.end())
      return "";
    return "must be " + listed(words) + ", got '" + value + "'";
  };
  return CLI::Validator(check, "", joined(words));
}

std::string describeError(const CLI::ParseError &error, const CLI::App &app, int argc,
                          const char *const *argv) {
  std::string word = argc > 1 ? argv[1] : "-";
  // An option of the tool itself may be what is wrong.
  bool isOption = word.starts_with('-');
  if (!app.get_subcommands().empty() ||
      (isOption && !dynamic_cast<const CLI::RequiredError *>(&error)))
    return error.what();
  std::vector<std::string> verbs;
  for (const CLI::App *verb : app.get_subcommands([](const CLI::App *) { return true; }))
    verbs.push_back(verb->get_name());
  // Whoever names a pack first has left the verb out.
  return (isOption                  ? "a verb is missing"
          : word.ends_with(".mpk") ? "a verb is missing before '" + word + "'"
                                   : "unknown verb '" + word + "'") +
         ": it is " + listed(verbs);
}

static std::vector<std::string> split(const std::string &list) {
  std::vector<std::string> words;
  std::istringstream stream(list);
  for (std::string word; std::getline(stream, word, ',');)
    words.push_back(word);
  return words;
}

/// From the names of validators, see offers and oneOf.
static std::vector<std::string> wordsOf(CLI::Option &option) {
  for (int i = 0;; ++i) {
    CLI::Validator *validator = nullptr;
    try {
      validator = option.get_validator(i);
    } catch (const CLI::OptionNotFound &) { // There is no count.
      return {};
    }
    if (!validator->get_name().empty())
      return split(validator->get_name());
  }
}

static std::string onOneLine(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

static Paths pathsOf(const Parameter &parameter) {
  const std::string &value = parameter.value;
  if (value == "X.mpk")
    return Paths::Packs;
  if (value == "DIR")
    return Paths::Folders;
  return value.find("FILE") != std::string::npos || value.find('.') != std::string::npos
             ? Paths::Any
             : Paths::None;
}

static Parameter describe(CLI::Option &option) {
  Parameter parameter;
  for (const std::string &name : option.get_snames())
    parameter.names.push_back("-" + name);
  for (const std::string &name : option.get_lnames())
    parameter.names.push_back("--" + name);
  parameter.help = onOneLine(option.get_description());
  parameter.required = option.get_required();
  if (option.get_items_expected_max() == 0) {
    // A flag; its value is optional if it has one that says something.
    for (const std::string &name : option.get_lnames())
      if (option.check_fname(name) && option.get_flag_value(name, "") != "false") {
        parameter.value = "N";
        parameter.valueOptional = true;
      }
    return parameter;
  }
  parameter.words = wordsOf(option);
  std::string type = option.get_type_name();
  type = type.substr(0, type.find(':'));
  // The names that CLI11 gives say nothing of a file.
  bool isNamed = type != "TEXT" && type != "INT" && type != "UINT" && type != "FLOAT" && !type.empty();
  if (parameter.isArgument()) {
    parameter.value = isNamed ? type : option.get_name(true);
    std::transform(parameter.value.begin(), parameter.value.end(), parameter.value.begin(),
                   [&](char c) { return isNamed ? c : char(std::toupper(c)); });
    parameter.paths = isNamed ? pathsOf(parameter) : Paths::Any;
  } else {
    parameter.value = isNamed || type == "TEXT" ? type : "N";
    parameter.paths = pathsOf(parameter);
  }
  if (!parameter.words.empty())
    parameter.paths = Paths::None;
  parameter.defaultValue = option.get_default_str();
  parameter.repeated = option.get_items_expected_max() > 1;
  parameter.commaList = option.get_delimiter() == ',';
  return parameter;
}

Command describe(CLI::App &app) {
  Command command;
  command.name = app.get_name();
  command.about = onOneLine(app.get_description());
  if (command.about.ends_with('.'))
    command.about.pop_back();
  for (CLI::Option *option : app.get_options([](CLI::Option *o) { return !o->get_group().empty(); }))
    command.parameters.push_back(describe(*option));
  addFooter(command, app.get_footer());
  auto isShown = [](CLI::App *verb) { return !verb->get_group().empty(); };
  for (CLI::App *verb : app.get_subcommands(std::function<bool(CLI::App *)>(isShown)))
    command.verbs.push_back(describe(*verb));
  return command;
}

Status writeStandardOutput(const std::string &text) {
  if ((std::fwrite(text.data(), 1, text.size(), stdout) != text.size() ||
       std::fflush(stdout) != 0) &&
      errno != EPIPE)
    return ioError(std::string("cannot write to standard output: ") + std::strerror(errno));
  return {};
}

void addInformation(CLI::App &app, const std::string &version,
                    std::function<void(Command &)> addMore) {
  auto describeAll = [&app, addMore] {
    Command tool = describe(app);
    if (addMore)
      addMore(tool);
    return tool;
  };
  // What CLI11 prints for --version it prints for any such exception.
  auto print = [](std::string text) {
    while (text.ends_with('\n'))
      text.pop_back();
    throw CLI::CallForVersion(text, 0);
  };
  app.set_version_flag("--version", version, "Print version, build and ABI, and exit");
  app.add_option_function<std::string>(
         "--completion",
         [=](const std::string &shell) { print(completion(describeAll(), shell)); },
         "Print a script that makes a shell, bash, zsh or fish, complete this command, and exit")
      ->type_name("SHELL")
      ->check(oneOf(shells()));
  app.add_flag_callback(
         "--help-man",
         [=] { print(manPage(describeAll(), std::string("mamba ") + mamba_version())); },
         "Print the man page, and exit")
      ->group("");
}

} // namespace mamba::cli
