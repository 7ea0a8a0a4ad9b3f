// What stands around the lines of a conversation.
#pragma once

#include "runtime/support/Status.h"

#include <string>
#include <string_view>
#include <vector>

namespace mamba::run {

/// A turn as the model reads it. A pattern has {text} once, where the user's
/// line goes, and may have {user} and {character}, their names, and {answer}
/// after {text}; without it the answer comes last and a blank line ends it.
class ChatTemplate {
public:
  static Result<ChatTemplate> parse(const std::string &pattern,
                                    const std::string &user,
                                    const std::string &character);

  /// What is fed before an answer.
  std::string before(std::string_view text) const {
    return beforeText_ + std::string(text) + beforeAnswer_;
  }
  /// What is fed before anything that follows an answer.
  const std::string &after() const { return afterAnswer_; }
  /// Where an answer ends unless told otherwise: at what the pattern has after
  /// it, and at the user's name on a line of its own.
  std::vector<std::string> stops() const;

private:
  std::string beforeText_, beforeAnswer_, afterAnswer_, user_;
};

/// \n, \t and \\ become what they mean in C.
Result<std::string> unescape(std::string_view text);

} // namespace mamba::run
