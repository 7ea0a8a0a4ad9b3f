#include "compiler/pack/OutOfMemory.h"

#include "runtime/support/Unfinished.h"

#include "llvm/Support/ErrorHandling.h"

#include <csignal>
#include <cstdint>
#include <cstring>
#include <exception>
#include <new>

#include <sys/mman.h>
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

/// MLIR makes its operations in what malloc gave, and does not look whether that
/// was anything. A null pointer while the system has no page left to give is that;
/// any other is a defect, and ends as one.
static void onNullPointer(int signal, siginfo_t *info, void *) {
  constexpr uintptr_t kNearNull = 4096; // an operation's size, and more
  constexpr size_t kLeastOfMalloc = 1 << 20;
  if (reinterpret_cast<uintptr_t>(info->si_addr) < kNearNull &&
      ::mmap(nullptr, kLeastOfMalloc, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
             0) == MAP_FAILED)
    end();
  ::signal(signal, SIG_DFL); // Comes again on return.
}

void endWhenOutOfMemory(const char *line) {
  lastLine = line;
  struct sigaction action = {};
  action.sa_sigaction = onNullPointer;
  action.sa_flags = SA_SIGINFO;
  ::sigaction(SIGSEGV, &action, nullptr);
  usual = std::set_terminate(terminated);
  llvm::install_bad_alloc_error_handler([](void *, const char *, bool) { end(); });
}

} // namespace mamba
