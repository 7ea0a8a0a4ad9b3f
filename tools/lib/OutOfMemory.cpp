#include "tools/lib/OutOfMemory.h"

#include "runtime/support/Unfinished.h"

#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>

#include <unistd.h>

namespace mamba::cli {

static const char *lastLine = "";
static std::terminate_handler usual = nullptr;

/// Whether memory was too short for the exception itself.
static bool isMemoryGone() {
  constexpr size_t kMuch = 64 * 1024; // beside an exception
  void *volatile memory = std::malloc(kMuch); // Else a compiler leaves it out.
  std::free(memory);
  return !memory;
}

[[noreturn]] static void terminated() {
  bool isOurs = false;
  try {
    if (std::current_exception())
      throw;
    isOurs = isMemoryGone();
  } catch (const std::bad_alloc &) {
    isOurs = true;
  } catch (...) {
  }
  if (!isOurs)
    usual();
  removeUnfinishedFiles();
  (void)!::write(STDERR_FILENO, lastLine, std::strlen(lastLine));
  ::_exit(1);
}

LastWords::LastWords(const char *line) {
  lastLine = line;
  usual = std::set_terminate(terminated);
}

} // namespace mamba::cli
