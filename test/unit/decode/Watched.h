// Counts what a process asks of the allocator and of the kernel.
#pragma once

#include <cstdint>
#include <string>

namespace mamba::test {

/// What was asked for while it was watched.
struct Asked {
  uint64_t allocations = 0;
  uint64_t futexes = 0;     // of syscall(): sleeps and wakes
  uint64_t systemCalls = 0; // all other ones
  int64_t firstCall = -1;   // the number of the first of those
};

/// Whether this build can be watched; else why not.
std::string whyNotWatched();

/// Counts from now on, in all threads. False if the system does not let it. No
/// system call but sleep is executed any more: what remains is to call finish().
bool watch();

/// Ends the process; what was asked for goes to stdout as "A F S N".
[[noreturn]] void finish();

/// Before watch(): what finish() writes to.
void prepareToFinish();

/// Reads what finish() wrote.
bool readAsked(const std::string &text, Asked &asked);

} // namespace mamba::test
