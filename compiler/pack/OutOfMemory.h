// What LLVM does without memory is not for users to read.
#pragma once

namespace mamba {

/// From now on, where LLVM would abort for want of memory, or an exception that says so
/// cannot get past it, the process writes the line to stderr and ends with status 1.
/// `line` must live as long as the process. Call once.
void endWhenOutOfMemory(const char *line);

} // namespace mamba
