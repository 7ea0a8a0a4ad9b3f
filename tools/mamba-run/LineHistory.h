// The lines that were typed before, kept in a file.
#pragma once

#include "runtime/support/Status.h"

#include <string>
#include <string_view>
#include <vector>

namespace mamba::run {

/// How many lines are remembered.
inline constexpr size_t kHistoryLines = 1000;

/// `mamba/history` in the user's folder for states: XDG_STATE_HOME, else
/// ~/.local/state. Empty where there is neither.
std::string userHistoryFile();

/// The newest kHistoryLines lines, oldest first; none of a file that is not
/// there. A file that has grown to twice as many is cut to them. What is no
/// UTF-8 is left out.
Result<std::vector<std::string>> readHistory(const std::string &file);

/// Appends one line, so that programs at the same time keep each other's; makes
/// the file, for its owner alone, and the folders on the way to it. A line that
/// does not go in whole is taken out again.
Status appendHistory(const std::string &file, std::string_view line);

} // namespace mamba::run
