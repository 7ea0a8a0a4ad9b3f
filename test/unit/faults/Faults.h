// The program's calls of the system, counted, and made to fail one at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace mamba::test {

/// What is asked for, by kinds that are failed apart from each other.
enum class Call {
  Memory,
  Open,
  Status,
  Read,
  Write,
  Close,
  Flush,
  Name,
  Remove,
  Lock,
  Map,
  Protect,
  Unmap,
  Thread,
  Wait,
  Process,
  Library
};
inline constexpr size_t kCalls = 17;
const char *nameOf(Call call);

/// Call `number` of a kind fails, counted from 0; those after it too if it
/// lasts.
struct Fault {
  Call call;
  uint64_t number;
  bool lasts = false;
};

/// Empty, or why this build's calls cannot be failed.
std::string whyNoFaults();

/// From its making to stop() all threads' calls are counted, and one may fail.
class Watch {
public:
  explicit Watch(std::optional<Fault> fault = std::nullopt);
  ~Watch() { stop(); }
  void stop();

  /// How many calls there were.
  uint64_t count(Call call) const { return counts_[size_t(call)]; }
  /// Whether one was made to fail.
  bool hasStruck() const { return hasStruck_; }

private:
  std::array<uint64_t, kCalls> counts_ = {};
  bool hasStruck_ = false;
};

/// What a process has at a time.
struct Holdings {
  int64_t blocks = 0;      // of allocated memory
  int64_t mappedBytes = 0; // of mmap less munmap
  size_t descriptors = 0;
  size_t threads = 0;
  bool signalsBlocked = false; // any, in this thread

  static Holdings now();
  bool operator==(const Holdings &) const = default;
  std::string text() const;
};

} // namespace mamba::test
