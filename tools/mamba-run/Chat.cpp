// mamba-run chat: a character that answers.
#include "runtime/support/File.h"
#include "runtime/support/Utf8.h"
#include "tools/lib/Checks.h"
#include "tools/mamba-run/ChatCommands.h"
#include "tools/mamba-run/ChatTemplate.h"
#include "tools/mamba-run/Conversation.h"
#include "tools/mamba-run/Interrupt.h"
#include "tools/mamba-run/LineHistory.h"
#include "tools/mamba-run/LineSource.h"
#include "tools/mamba-run/Sampling.h"
#include "tools/mamba-run/Verbs.h"

#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <vector>

namespace mamba::run {

namespace {

struct ChatOptions {
  CommonOptions common;
  SamplingOptions sampling;
  std::string user = "ROMEO", character = "JULIET";
  std::string pattern = "{user}:\\n{text}\\n\\n{character}:\\n{answer}\\n\\n";
  std::string system, loadState, saveState, history;
  std::vector<std::string> stops; // as given, with escapes
  uint64_t count = 256;
  bool ignoreEos = false, noHistory = false;
};

class Chat {
public:
  Chat(const ChatOptions &options, ChatTemplate turns,
       std::vector<std::string> stops)
      : options_(options), turns_(std::move(turns)), stops_(std::move(stops)) {}
  Result<int> run();

private:
  Status open();
  Result<std::unique_ptr<LineSource>> openLines() const;
  Status feedSystem();
  Status reset();
  Result<int> loop(LineSource &lines);
  Status answer(const std::string &text);

  const ChatOptions &options_;
  const ChatTemplate turns_;
  const std::vector<std::string> stops_;
  const bool onTerminal_ = isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
  Runtime runtime_;
  std::optional<Conversation> talk_;
  bool readerGone_ = false;
};

Status Chat::open() {
  if (!options_.saveState.empty()) {
    HoldInterrupt hold;
    MAMBA_RETURN_IF_ERROR(checkWritable(options_.saveState));
  }
  MAMBA_ASSIGN_OR_RETURN(runtime_, openRuntime(options_.common, "chat"));
  MAMBA_ASSIGN_OR_RETURN(
      Conversation talk,
      Conversation::begin(runtime_, options_.common,
                          {options_.count, stops_, options_.ignoreEos}));
  talk_ = std::move(talk);
  if (!options_.loadState.empty())
    MAMBA_RETURN_IF_ERROR(talk_->load(options_.loadState));
  MAMBA_RETURN_IF_ERROR(setSampling(talk_->sampler(), options_.sampling));
  return options_.common.quiet
             ? Status()
             : noteGenerationConfig(runtime_, talk_->sampler());
}

Result<std::unique_ptr<LineSource>> Chat::openLines() const {
  if (!onTerminal_)
    return plainLines();
  std::string history;
  if (!options_.noHistory)
    history = options_.history.empty() ? userHistoryFile() : options_.history;
  if (!options_.common.quiet)
    std::fputs("/help lists the commands, Ctrl-D leaves\n", stderr);
  return editedLines(options_.user + "> ", history);
}

Status Chat::feedSystem() {
  bool cut = false;
  if (!options_.system.empty())
    MAMBA_RETURN_IF_ERROR(talk_->feed(options_.system, &cut));
  return cut ? ioError("interrupted within the system text, nothing was read")
             : Status();
}

Status Chat::reset() {
  MAMBA_RETURN_IF_ERROR(talk_->clear());
  return feedSystem();
}

/// One turn: the user's line and what the character says.
Status Chat::answer(const std::string &text) {
  if (!isValidUtf8(text))
    return invalidData("the line is not UTF-8, it was not read");
  MAMBA_ASSIGN_OR_RETURN(int64_t position, talk_->position());
  bool cut = false;
  MAMBA_RETURN_IF_ERROR(talk_->feed(
      (position ? turns_.after() : "") + turns_.before(text), &cut));
  if (cut) {
    report("interrupted within the line, it was not read");
    return {};
  }
  auto show = [&](std::string_view piece) -> Result<bool> {
    MAMBA_ASSIGN_OR_RETURN(bool open, writeOutput(piece));
    readerGone_ |= !open;
    return open;
  };
  Status answered = talk_->answer(show);
  MAMBA_RETURN_IF_ERROR(show("\n").status());
  return answered;
}

/// Whoever types sees what went wrong and goes on; a script is told at its end.
Result<int> Chat::loop(LineSource &lines) {
  ChatCommands commands(
      *talk_, [&] { return reset(); }, inputsOf(options_.common), options_.common.quiet);
  int status = kDone;
  std::string line;
  while (!commands.quits() && !readerGone_) {
    MAMBA_ASSIGN_OR_RETURN(LineEvent event, lines.next(line));
    if (event == LineEvent::End) {
      if (onTerminal_)
        std::fputs("\n", stderr);
      break;
    }
    if (event == LineEvent::Line && !line.empty()) {
      bool command = line[0] == '/' && !line.starts_with("//");
      Status done = command ? commands.run(std::string_view(line).substr(1))
                            : answer(line[0] == '/' ? line.substr(1) : line);
      if (!done.ok()) {
        report(done.message());
        status = onTerminal_ ? kDone : kFailed;
      }
    }
    if (!interrupted())
      continue;
    if (!onTerminal_ || interruptSignal() != SIGINT)
      return 128 + interruptSignal();
    takeInterrupt();
    if (event == LineEvent::Interrupted)
      std::fputs("\nCtrl-D or /quit leaves\n", stderr);
  }
  return status;
}

Result<int> Chat::run() {
  MAMBA_RETURN_IF_ERROR(open());
  // On a terminal Ctrl-C ends an answer only.
  HoldInterrupt hold(onTerminal_ ? HoldInterrupt::All : HoldInterrupt::First);
  MAMBA_RETURN_IF_ERROR(feedSystem());
  Result<int> status = kDone;
  {
    MAMBA_ASSIGN_OR_RETURN(std::unique_ptr<LineSource> lines, openLines());
    status = loop(*lines);
  }
  if (!options_.saveState.empty())
    if (Status saved = talk_->save(options_.saveState); !saved.ok()) {
      report(saved.message());
      status = status.ok() && *status == kDone ? Result<int>(kFailed) : status;
    }
  MAMBA_RETURN_IF_ERROR(reportProfile(runtime_, options_.common));
  return status;
}

Result<int> runChat(const ChatOptions &options) {
  MAMBA_ASSIGN_OR_RETURN(std::string pattern, unescape(options.pattern));
  MAMBA_ASSIGN_OR_RETURN(
      ChatTemplate turns,
      ChatTemplate::parse(pattern, options.user, options.character));
  std::vector<std::string> stops = turns.stops();
  if (!options.stops.empty())
    stops.clear();
  for (const std::string &stop : options.stops) {
    MAMBA_ASSIGN_OR_RETURN(std::string plain, unescape(stop));
    stops.push_back(std::move(plain));
  }
  return Chat(options, std::move(turns), std::move(stops)).run();
}

CLI::Validator aName() {
  auto check = [](const std::string &text) -> std::string {
    if (text.empty() || text.find('\n') != std::string::npos)
      return "must be a name on one line";
    return isValidUtf8(text) ? "" : "must be UTF-8";
  };
  return CLI::Validator(check, "");
}

/// Text that `parse` takes; what it says otherwise.
template <typename Parse> CLI::Validator parsed(Parse parse) {
  auto check = [=](const std::string &text) -> std::string {
    if (text.empty())
      return "must not be empty";
    if (!isValidUtf8(text))
      return "must be UTF-8";
    return parse(text).message();
  };
  return CLI::Validator(check, "");
}

Status checkStop(const std::string &text) { return unescape(text).status(); }

Status checkTemplate(const std::string &text) {
  MAMBA_ASSIGN_OR_RETURN(std::string pattern, unescape(text));
  return ChatTemplate::parse(pattern, "", "").status();
}

} // namespace

void addChat(CLI::App &app, Work &run) {
  auto options = std::make_shared<ChatOptions>();
  CLI::App *verb = app.add_subcommand(
      "chat", "Talks with a character, a line at a time; stdout gets the "
              "answers, each with a newline after it");
  addCommonOptions(*verb, options->common);
  verb->add_option("--user", options->user, "Your name, as in --user NURSE")
      ->type_name("NAME")
      ->check(aName())
      ->capture_default_str();
  verb->add_option("--character", options->character,
                   "The name of who answers, as in --character MERCUTIO")
      ->type_name("NAME")
      ->check(aName())
      ->capture_default_str();
  auto *system =
      verb->add_option("--system", options->system,
                       "A text that is read once, before the first turn, as in "
                       "--system 'ACT II. A garden.'")
          ->type_name("TEXT")
          ->check(parsed([](const std::string &) { return Status(); }));
  verb->add_option("--template", options->pattern,
                   "A turn as the model reads it, \\n a newline, as in "
                   "--template 'Q: {text}\\nA:{answer}\\n'. What follows "
                   "{answer} is read before the next turn; without {answer} "
                   "that is a blank line")
      ->type_name("TEXT")
      ->check(parsed(checkTemplate))
      ->capture_default_str();
  verb->add_option("--stop", options->stops,
                   "Ends an answer and is not shown, as in --stop '\\nQ:'; may "
                   "be given again. Without it your name on a line of its own, "
                   "and what the template has after {answer}")
      ->type_name("TEXT")
      ->allow_extra_args(false)
      ->check(parsed(checkStop));
  verb->add_option("-n", options->count,
                   "At most so many tokens an answer, as in -n 64")
      ->type_name("N")
      ->check(cli::wholeNumber(1, kMaxAnswerTokens))
      ->capture_default_str();
  addSamplingOptions(*verb, options->sampling);
  verb->add_flag("--ignore-eos", options->ignoreEos,
                 "Go on after the model's end of text");
  verb->add_option("--save-state", options->saveState,
                   "Write the state to a file when leaving, as in "
                   "--save-state talk.state")
      ->type_name("FILE")
      ->check(cli::notEmpty());
  verb->add_option("--load-state", options->loadState,
                   "Go on from a saved state, sampler included; options given "
                   "here win, as in --load-state talk.state --seed 3")
      ->type_name("FILE")
      ->check(cli::notEmpty())
      ->excludes(system);
  auto *history =
      verb->add_option("--history", options->history,
                       "Where lines typed on a terminal are kept, as in "
                       "--history lines.txt; without it mamba/history in "
                       "XDG_STATE_HOME or ~/.local/state")
          ->type_name("FILE")
          ->check(cli::notEmpty());
  verb->add_flag("--no-history", options->noHistory, "Keep no lines")
      ->excludes(history);
  verb->footer(
      "Lines that begin with a slash are commands: /save FILE writes "
      "the state of the\nconversation, /load FILE goes on from one, "
      "/reset begins anew, /seed N starts the\nrandom numbers, /set "
      "NAME VALUE changes a sampling option or n, /stats tells what\n"
      "the state holds and what the last turn took, /help lists these, "
      "/quit leaves;\n//text says '/text'. Ctrl-C stops an answer, "
      "Ctrl-D leaves.\n\n"
      "Sampling options that are not given are as the model's "
      "generation_config.json\nsays, if it had one. Without a "
      "terminal, lines are read from stdin as they are,\nand the exit "
      "status is 1 if one failed.\n"
      "Examples:\n"
      "  mamba-run chat model.mpk --temperature 0.8 --seed 7\n"
      "  printf 'Who is there?\\n' | mamba-run chat model.mpk --user "
      "BERNARDO --character FRANCISCO");
  verb->callback([options, &run] {
    cli::InputFiles inputs = inputsOf(options->common);
    cli::checkOutput("--save-state", options->saveState, inputs);
    inputs.files.push_back(options->loadState);
    cli::checkOutput("--history", options->history, inputs);
    run = [options] { return runChat(*options); };
  });
}

} // namespace mamba::run
