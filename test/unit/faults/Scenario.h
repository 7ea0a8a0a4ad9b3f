// A piece of work that is done again and again, each time with another call of
// the system failing.
#pragma once

#include "mamba/runtime.h"
#include "runtime/support/Status.h"
#include "test/unit/faults/Faults.h"

#include <functional>
#include <string>
#include <vector>

namespace mamba::test {

struct Scenario {
  /// Made before each time; not watched.
  std::function<void()> before = [] {};
  /// The work; watched. It keeps what it made for `after`.
  std::function<Status()> act;
  /// With what came of it: looks whether all is as it should be, and gives back
  /// all that was made. Not watched.
  std::function<void(const Status &)> after = [](const Status &) {};
  /// A failed call of a file must be told with one of these words.
  std::vector<std::string> names = {};
  /// Codes besides OutOfMemory that a want of memory may end with.
  std::vector<StatusCode> memoryCodes = {};
  /// A scenario with more allocations has the first ones failed, and of the
  /// others each k-th from a start that kSeed gives.
  uint64_t mostAllocations = 400; // 0: none is failed
  /// Whether the number of allocated blocks tells what was forgotten. It does
  /// not where threads keep some for their next work, now the one, now the
  /// other.
  bool countsBlocks = true;
};

inline constexpr uint64_t kSeed = 1;

/// Runs it without a fault, then with each; EXPECTs that a failure is told in
/// one line, with a fitting code and the file's name, and that nothing is left.
/// Says on stdout how many calls there are of each kind.
void runWithFaults(const Scenario &scenario);

/// A C function's answer. Its message is read when nothing is watched any more,
/// as to copy it takes memory.
inline Status statusOf(mamba_status code) { return {StatusCode(code), ""}; }

} // namespace mamba::test
