// What a program says that has no memory left to say it.
#pragma once

namespace mamba::cli {

/// Since it is there, where an exception cannot be made or caught for want of
/// memory, the process removes what is half written, writes the line to stderr
/// and ends with status 1. Made one for a program, before its other objects:
///   [[gnu::init_priority(101)]] static cli::LastWords words("tool: ...\n");
class LastWords {
public:
  /// `line` must live as long as the process.
  explicit LastWords(const char *line);
};

} // namespace mamba::cli
