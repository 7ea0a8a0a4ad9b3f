// Allocations by standing in for malloc, system calls by a seccomp filter that
// makes each of them a signal.
#include "test/unit/decode/Watched.h"
#include "test/unit/support/Sanitizers.h"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

using namespace mamba::test;

static std::atomic<bool> isWatched{false};
static std::atomic<uint64_t> allocations{0}, futexes{0}, systemCalls{0};
static std::atomic<int64_t> firstCall{-1};
static constexpr int kResult = 199; // A file descriptor.

#if defined(__x86_64__) && defined(__GLIBC__) && !MAMBA_ASAN && !MAMBA_TSAN

#include <csignal>
#include <cstdarg>
#include <iterator>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>

std::string mamba::test::whyNotWatched() { return ""; }

static void countAllocation() {
  if (isWatched.load(std::memory_order_relaxed))
    allocations.fetch_add(1, std::memory_order_relaxed);
}

extern "C" {
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size) {
  countAllocation();
  return __libc_malloc(size);
}
void *calloc(size_t count, size_t size) {
  countAllocation();
  return __libc_calloc(count, size);
}
void *realloc(void *memory, size_t size) {
  countAllocation();
  return __libc_realloc(memory, size);
}
void *aligned_alloc(size_t alignment, size_t size) {
  countAllocation();
  return __libc_memalign(alignment, size);
}
int posix_memalign(void **memory, size_t alignment, size_t size) {
  countAllocation();
  *memory = __libc_memalign(alignment, size);
  return *memory ? 0 : ENOMEM;
}
}

/// The runtime's way to futex(2), which has no function of its own.
extern "C" long syscall(long number, ...) {
  va_list list;
  va_start(list, number);
  long arguments[6];
  for (long &argument : arguments)
    argument = va_arg(list, long);
  va_end(list);
  if (number == SYS_futex && isWatched.load(std::memory_order_relaxed))
    futexes.fetch_add(1, std::memory_order_relaxed);
  register long r10 __asm__("r10") = arguments[3];
  register long r8 __asm__("r8") = arguments[4];
  register long r9 __asm__("r9") = arguments[5];
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(arguments[0]), "S"(arguments[1]),
                     "d"(arguments[2]), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  if (result < 0 && result > -4096) {
    errno = static_cast<int>(-result);
    return -1;
  }
  return result;
}

static void onSystemCall(int, siginfo_t *info, void *context) {
  systemCalls.fetch_add(1, std::memory_order_relaxed);
  int64_t none = -1;
  firstCall.compare_exchange_strong(none, info->si_syscall);
  static_cast<ucontext_t *>(context)->uc_mcontext.gregs[REG_RAX] = -ENOSYS;
}

bool mamba::test::watch() {
  struct sigaction action = {};
  action.sa_sigaction = onSystemCall;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  if (sigaction(SIGSYS, &action, nullptr) != 0 ||
      prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return false;
  constexpr auto kNumber = offsetof(seccomp_data, nr);
  constexpr auto kFirstArgument = offsetof(seccomp_data, args);
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kNumber),
      // How the process ends, how the handler does, sleep, and a clock that the
      // kernel alone can read.
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 7, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex, 6, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 5, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clock_gettime, 4, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 0, 2),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kFirstArgument),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kResult, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog program = {std::size(code), code};
  isWatched = true;
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
              SECCOMP_FILTER_FLAG_TSYNC, &program) == 0)
    return true;
  isWatched = false;
  return false;
}

#else

std::string mamba::test::whyNotWatched() {
#if MAMBA_ASAN || MAMBA_TSAN
  return "a sanitizer allocates and asks the kernel by itself";
#else
  return "only glibc on x86-64 is watched";
#endif
}
bool mamba::test::watch() { return false; }

#endif

void mamba::test::prepareToFinish() { dup2(STDOUT_FILENO, kResult); }

void mamba::test::finish() {
  isWatched = false;
  char text[96];
  int length = std::snprintf(
      text, sizeof(text), "%llu %llu %llu %lld\n",
      static_cast<unsigned long long>(allocations.load()),
      static_cast<unsigned long long>(futexes.load()),
      static_cast<unsigned long long>(systemCalls.load()),
      static_cast<long long>(firstCall.load()));
  bool wrote = write(kResult, text, length) == length;
  _exit(wrote ? 0 : 1);
}

bool mamba::test::readAsked(const std::string &text, Asked &asked) {
  unsigned long long a, f, s;
  long long first;
  if (std::sscanf(text.c_str(), "%llu %llu %llu %lld", &a, &f, &s, &first) != 4)
    return false;
  asked = {a, f, s, first};
  return true;
}
