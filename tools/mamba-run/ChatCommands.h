// What a user can ask of the program rather than of the model.
#pragma once

#include "tools/lib/InputFiles.h"
#include "tools/mamba-run/Conversation.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace mamba::run {

/// Lines that begin with a slash. What they say goes to stderr, of which
/// `quiet` leaves the confirmations out. No state is saved in the place of `inputs`.
class ChatCommands {
public:
  ChatCommands(Conversation &conversation, std::function<Status()> reset,
               cli::InputFiles inputs, bool quiet)
      : conversation_(conversation), reset_(std::move(reset)),
        inputs_(std::move(inputs)), quiet_(quiet) {}

  /// `line` without its slash.
  Status run(std::string_view line);
  /// Whether /quit was said.
  bool quits() const { return quits_; }

  static const char *help();

private:
  Status save(const std::string &file);
  Status load(const std::string &file);
  Status reset();
  Status seed(const std::string &value);
  Status set(const std::string &rest);
  Status stats();
  void note(const std::string &message) const;

  Conversation &conversation_;
  std::function<Status()> reset_; // to where the chat began
  cli::InputFiles inputs_;
  bool quiet_, quits_ = false;
};

} // namespace mamba::run
