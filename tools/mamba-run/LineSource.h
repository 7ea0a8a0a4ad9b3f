// Where a user's lines come from.
#pragma once

#include "runtime/support/Status.h"

#include <cstddef>
#include <memory>
#include <string>

namespace mamba::run {

enum class LineEvent {
  Line,
  Interrupted, // by a signal, which is not taken
  End
};

/// The longest line that is taken, in bytes.
inline constexpr size_t kMaxLineBytes = size_t(1) << 24;

class LineSource {
public:
  virtual ~LineSource() = default;
  /// The next line in UTF-8, without its end.
  virtual Result<LineEvent> next(std::string &line) = 0;
};

/// From stdin as it is. The last line needs no end.
std::unique_ptr<LineSource> plainLines();

/// From a terminal, edited, with those before at the arrow keys; the prompt and
/// what is typed are shown on stderr. Lines are kept in `historyFile` unless it
/// is empty; what goes wrong there is one warning. Failure where the terminal
/// is of no use for it.
Result<std::unique_ptr<LineSource>> editedLines(const std::string &prompt,
                                                const std::string &historyFile);

} // namespace mamba::run
