#include "tools/mamba-run/ChatCommands.h"
#include "runtime/support/Quote.h"
#include "tools/lib/Checks.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

namespace mamba::run {

namespace {

using Values = mamba_sampler_options;

/// A setting that /set knows.
struct Setting {
  const char *name;
  CLI::Validator accepts;
  void (*put)(Values &, uint64_t &answerTokens, const std::string &);
  std::string (*get)(const Values &, uint64_t answerTokens);
};

std::string shortest(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.6g", value);
  return text;
}

template <double Values::*Member>
Setting number(const char *name, CLI::Validator accepts) {
  return {name, std::move(accepts),
          [](Values &v, uint64_t &, const std::string &text) {
            v.*Member = std::strtod(text.c_str(), nullptr);
          },
          [](const Values &v, uint64_t) { return shortest(v.*Member); }};
}

const std::vector<Setting> &settings() {
  static const std::vector<Setting> all = {
      number<&Values::temperature>("temperature", cli::numberOf(kTemperatureRange)),
      {"top-k", cli::wholeNumber(0, UINT32_MAX),
       [](Values &v, uint64_t &, const std::string &text) {
         v.top_k =
             static_cast<uint32_t>(std::strtoull(text.c_str(), nullptr, 10));
       },
       [](const Values &v, uint64_t) { return std::to_string(v.top_k); }},
      number<&Values::top_p>("top-p", cli::numberOf(kTopPRange)),
      number<&Values::min_p>("min-p", cli::numberOf(kMinPRange)),
      number<&Values::repetition_penalty>("repetition-penalty", cli::numberOf(kRepetitionPenaltyRange)),
      {"n", cli::wholeNumber(1, kMaxAnswerTokens),
       [](Values &, uint64_t &tokens, const std::string &text) {
         tokens = std::strtoull(text.c_str(), nullptr, 10);
       },
       [](const Values &, uint64_t tokens) { return std::to_string(tokens); }},
  };
  return all;
}

Result<Values> valuesOf(mamba_sampler *sampler) {
  Values values{};
  values.struct_size = sizeof(values);
  MAMBA_RETURN_IF_ERROR(check(mamba_sampler_get_options(sampler, &values)));
  return values;
}

std::string rate(uint64_t tokens, double seconds) {
  char text[96];
  std::snprintf(text, sizeof(text), "%llu tokens in %.3f s (%.1f tok/s)",
                static_cast<unsigned long long>(tokens), seconds,
                seconds > 0 ? static_cast<double>(tokens) / seconds : 0.0);
  return text;
}

std::string_view trimmed(std::string_view text) {
  size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// The first word, and what follows it.
std::pair<std::string, std::string> split(std::string_view text) {
  text = trimmed(text);
  size_t end = std::min(text.find_first_of(" \t"), text.size());
  return {std::string(text.substr(0, end)),
          std::string(trimmed(text.substr(end)))};
}

} // namespace

const char *ChatCommands::help() {
  return "/save FILE         write the conversation's state to a file\n"
         "/load FILE         go on from a saved state, sampler included\n"
         "/reset             begin anew, with the system text if there is one\n"
         "/seed N            random numbers from the first of seed N\n"
         "/set [NAME VALUE]  temperature, top-k, top-p, min-p, "
         "repetition-penalty or n, the\n"
         "                   most tokens of an answer; alone it shows them\n"
         "/stats             what the state holds and what the last turn took\n"
         "/help              this\n"
         "/quit              leave, as Ctrl-D does\n"
         "//text             says '/text'\n"
         "Ctrl-C stops an answer.\n";
}

void ChatCommands::note(const std::string &message) const {
  if (!quiet_)
    report(message);
}

Status ChatCommands::save(const std::string &file) {
  if (std::string refusal = inputs_.refusal(file); !refusal.empty())
    return invalidArgument(refusal);
  MAMBA_ASSIGN_OR_RETURN(int64_t position, conversation_.position());
  MAMBA_RETURN_IF_ERROR(conversation_.save(file));
  note("saved " + std::to_string(position) + " tokens to " + inQuotes(file));
  return {};
}

Status ChatCommands::load(const std::string &file) {
  MAMBA_RETURN_IF_ERROR(conversation_.load(file));
  MAMBA_ASSIGN_OR_RETURN(int64_t position, conversation_.position());
  note("loaded " + std::to_string(position) + " tokens from " + inQuotes(file));
  return {};
}

Status ChatCommands::reset() {
  MAMBA_RETURN_IF_ERROR(reset_());
  note("the conversation begins anew");
  return {};
}

Status ChatCommands::seed(const std::string &value) {
  if (std::string wrong = cli::wholeNumber(0, UINT64_MAX)(value); !wrong.empty())
    return invalidArgument("/seed: " + wrong);
  MAMBA_RETURN_IF_ERROR(
      conversation_.seed(std::strtoull(value.c_str(), nullptr, 10)));
  note("seed " + value);
  return {};
}

Status ChatCommands::set(const std::string &rest) {
  auto [name, value] = split(rest);
  MAMBA_ASSIGN_OR_RETURN(Values values, valuesOf(conversation_.sampler()));
  uint64_t &answerTokens = conversation_.limits().tokens;
  std::string names, shown;
  for (const Setting &setting : settings()) {
    names += (names.empty() ? "" : ", ") + std::string(setting.name);
    shown += (shown.empty() ? "" : ", ") + std::string(setting.name) + " " +
             setting.get(values, answerTokens);
    if (name != setting.name)
      continue;
    if (std::string wrong = setting.accepts(value); !wrong.empty())
      return invalidArgument("/set " + name + ": " + wrong);
    setting.put(values, answerTokens, value);
    MAMBA_RETURN_IF_ERROR(
        check(mamba_sampler_set_options(conversation_.sampler(), &values)));
    note(name + " " + setting.get(values, answerTokens));
    return {};
  }
  if (!name.empty())
    return invalidArgument("/set knows " + names + ", got " + inQuotes(name));
  report(shown + ", seed " + std::to_string(values.seed));
  return {};
}

Status ChatCommands::stats() {
  MAMBA_ASSIGN_OR_RETURN(int64_t position, conversation_.position());
  const Conversation::Turn &turn = conversation_.lastTurn();
  std::string text = "the state holds " + std::to_string(position) +
                     " tokens; the last turn read " +
                     rate(turn.readTokens, turn.readSeconds) + " and chose " +
                     rate(turn.chosenTokens, turn.chooseSeconds);
  if (turn.rereadSeconds > 0)
    text += ", then read the answer as it was shown again, " +
            rate(turn.rereadTokens, turn.rereadSeconds);
  report(text);
  return {};
}

Status ChatCommands::run(std::string_view line) {
  auto [name, rest] = split(line);
  bool takesFile = name == "save" || name == "load";
  if (takesFile && rest.empty())
    return invalidArgument("/" + name + " needs a file, as in '/" + name +
                           " talk.state'");
  if (name == "save")
    return save(rest);
  if (name == "load")
    return load(rest);
  if (name == "seed")
    return seed(rest);
  if (name == "set")
    return set(rest);
  bool known =
      name == "reset" || name == "stats" || name == "help" || name == "quit";
  if (!known)
    return invalidArgument("no command " + inQuotes("/" + name) +
                           ", /help lists them");
  if (!rest.empty())
    return invalidArgument("/" + name + " takes nothing, got " +
                           inQuotes(rest));
  if (name == "reset")
    return reset();
  if (name == "stats")
    return stats();
  if (name == "help")
    std::fputs(help(), stderr);
  quits_ = name == "quit";
  return {};
}

} // namespace mamba::run
