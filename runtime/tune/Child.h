// Another process of this program, which may crash or hang.
#pragma once

#include "runtime/support/Status.h"

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace mamba::tune {

/// Talks to it in lines. Its standard error goes nowhere.
class Child {
public:
  /// Starts the program of this process with these arguments.
  static Result<Child> start(const std::vector<std::string> &arguments);

  Child(Child &&other) noexcept;
  Child &operator=(Child &&other) noexcept;
  /// Ends the process.
  ~Child();

  enum class Read { Line, End, Late, Failed };
  /// The next line that it writes; Late if it does not come in so many seconds, Failed
  /// if the system refuses to hear it, for the reason failure().
  Read readLine(std::string &line, double seconds);
  std::string failure() const;
  /// A failure of it shows when its answer is read.
  void writeLine(std::string_view line);

  /// Ends the process, waits for it, and says how it ended: empty if it exited
  /// by itself with status 0, "signal 11 (Segmentation fault)", "exit status 1".
  std::string finish();

private:
  Child() = default;
  void swap(Child &other) noexcept;

  pid_t pid_ = -1;
  int in_ = -1, out_ = -1; // Its standard input, to write, and output, to read.
  std::string buffer_;
  int error_ = 0;       // errno of a read that failed.
  bool closed_ = false; // It has closed its output: it is about to exit.
};

} // namespace mamba::tune
