// Processes of this program that do a piece of a sweep's work.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace mamba::tune {

/// Runs one to its end. What went wrong, the last line that it wrote; empty if nothing
/// did. It may take four minutes, and ends when `stop` says so.
std::string runWorkerProcess(const std::vector<std::string> &arguments,
                             const std::function<bool()> &stop);

/// Calls `work` with 0 to count - 1, on so many threads at once (0: one for each
/// processor), until `stop`.
void forEachAtOnce(size_t count, unsigned threads, const std::function<bool()> &stop,
                   const std::function<void(size_t)> &work);

} // namespace mamba::tune
