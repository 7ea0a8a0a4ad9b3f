// Processes of this program that do a piece of a sweep's work.
#pragma once

#include "runtime/support/Status.h"

#include <cstddef>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

namespace mamba::tune {

/// Runs one to its end. What went wrong with its work, the last line that it wrote;
/// empty if nothing did. It may take four minutes, and ends when `stop` says so. Fails
/// where that is not the work's fault: the system refused a file or a process.
Result<std::string> runWorkerProcess(const std::vector<std::string> &arguments,
                                     const std::function<bool()> &stop);

/// How such a process ends when it is done: it writes the failure, if there is one, to
/// its standard output; the exit status.
int endWorkerProcess(const Status &status, std::ostream &out);

/// Calls `work` with 0 to count - 1, on so many threads at once (0: one for each
/// processor), until `stop` or a failure: the answer is that of the first one that has
/// failed, by its number.
Status forEachAtOnce(size_t count, unsigned threads, const std::function<bool()> &stop,
                     const std::function<Status(size_t)> &work);

} // namespace mamba::tune
