// Files that are being written, for a signal that ends the program before they
// are whole.
#pragma once

#include <string>

namespace mamba {

/// Until it is forgotten, removeUnfinishedFiles removes this file. Of so many
/// files at once that there is no place for it, or with a name longer than
/// names may be, it stays where it is.
void noteUnfinished(const std::string &path);
void forgetUnfinished(const std::string &path);

/// Safe in a handler of signals, whatever the threads are doing; the program
/// ends after it. A child that was forked leaves its parent's files alone.
void removeUnfinishedFiles();

} // namespace mamba
