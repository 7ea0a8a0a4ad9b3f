#include "compiler/pack/OutOfMemory.h"

#include "runtime/support/Unfinished.h"

#include "llvm/Support/ErrorHandling.h"

#include <cstring>
#include <exception>
#include <new>

#include <unistd.h>

namespace mamba {

static const char *lastLine = "";
static std::terminate_handler usual = nullptr;

/// Takes no memory.
[[noreturn]] static void end() {
  removeUnfinishedFiles();
  (void)!::write(STDERR_FILENO, lastLine, std::strlen(lastLine));
  ::_exit(1);
}

[[noreturn]] static void terminated() {
  try {
    if (std::current_exception())
      throw;
  } catch (const std::bad_alloc &) {
    end();
  } catch (...) {
  }
  usual();
  __builtin_unreachable();
}

void endWhenOutOfMemory(const char *line) {
  lastLine = line;
  usual = std::set_terminate(terminated);
  llvm::install_bad_alloc_error_handler([](void *, const char *, bool) { end(); });
}

} // namespace mamba
