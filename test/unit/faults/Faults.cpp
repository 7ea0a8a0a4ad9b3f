// Stands in for the C library's functions, in this program and in the libraries
// that it is linked with.
#include "test/unit/faults/Faults.h"
#include "test/unit/support/Sanitizers.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <new>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __GLIBC__
#define MAMBA_FAULTS_NONE 1
#endif

using namespace mamba::test;

static std::atomic<bool> isWatched{false};
static std::atomic<bool> hasFault{false}, isStruck{false};
// Threads of a pool live from one watch to the next and may look as it begins.
static std::atomic<Call> faultyCall{};
static std::atomic<uint64_t> faultyNumber{0};
static std::atomic<bool> faultLasts{false};
static std::array<std::atomic<uint64_t>, kCalls> counts;
static std::atomic<int64_t> liveBlocks{0}, liveMapped{0};
static thread_local int undisturbed = 0;

/// While it is not zero, what the thread calls is neither counted nor failed: for
/// libraries that stand in for the system, as the fake driver.
extern "C" void mambaTestUndisturbed(int change) { undisturbed += change; }

#ifndef MAMBA_FAULTS_NONE

/// Counts a call; whether it is to fail, and then with which error.
static bool fails(Call call, int error) {
  if (!isWatched.load(std::memory_order_acquire) || undisturbed != 0)
    return false;
  uint64_t number = counts[size_t(call)].fetch_add(1);
  if (!hasFault || call != faultyCall || number < faultyNumber ||
      (number > faultyNumber && !faultLasts))
    return false;
  isStruck = true;
  errno = error;
  return true;
}

/// The function of this name that would have been called: a sanitizer hears of
/// it in its own.
template <typename Function>
static Function *behind(Function *, const char *name) {
  void *found = nullptr;
#if MAMBA_ASAN || MAMBA_TSAN
  found = dlsym(RTLD_DEFAULT, (std::string("__interceptor_") + name).c_str());
#endif
  return reinterpret_cast<Function *>(found ? found : dlsym(RTLD_NEXT, name));
}
#define MAMBA_BEHIND(name) static auto *const real = behind(&::name, #name)

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

#if !MAMBA_TSAN // It has malloc and operator new to itself.

static void *counted(void *memory) {
  liveBlocks += memory != nullptr;
  return memory;
}

#if MAMBA_ASAN

// The sanitizer's malloc stays; operator new asks it.
static void *allocate(size_t size, size_t alignment) {
  if (fails(Call::Memory, ENOMEM))
    return nullptr;
  return counted(alignment
                     ? std::aligned_alloc(alignment, (size + alignment - 1) /
                                                         alignment * alignment)
                     : std::malloc(size ? size : 1));
}
static void *orThrow(void *memory) {
  if (!memory)
    throw std::bad_alloc();
  return memory;
}
static void release(void *memory) noexcept {
  liveBlocks -= memory != nullptr;
  std::free(memory);
}

void *operator new(size_t size) { return orThrow(allocate(size, 0)); }
void *operator new[](size_t size) { return orThrow(allocate(size, 0)); }
void *operator new(size_t size, const std::nothrow_t &) noexcept {
  return allocate(size, 0);
}
void *operator new[](size_t size, const std::nothrow_t &) noexcept {
  return allocate(size, 0);
}
void *operator new(size_t size, std::align_val_t alignment) {
  return orThrow(allocate(size, size_t(alignment)));
}
void *operator new[](size_t size, std::align_val_t alignment) {
  return orThrow(allocate(size, size_t(alignment)));
}
void *operator new(size_t size, std::align_val_t alignment,
                   const std::nothrow_t &) noexcept {
  return allocate(size, size_t(alignment));
}
void *operator new[](size_t size, std::align_val_t alignment,
                     const std::nothrow_t &) noexcept {
  return allocate(size, size_t(alignment));
}
void operator delete(void *memory) noexcept { release(memory); }
void operator delete[](void *memory) noexcept { release(memory); }
void operator delete(void *memory, size_t) noexcept { release(memory); }
void operator delete[](void *memory, size_t) noexcept { release(memory); }
void operator delete(void *memory, const std::nothrow_t &) noexcept {
  release(memory);
}
void operator delete[](void *memory, const std::nothrow_t &) noexcept {
  release(memory);
}
void operator delete(void *memory, std::align_val_t) noexcept {
  release(memory);
}
void operator delete[](void *memory, std::align_val_t) noexcept {
  release(memory);
}
void operator delete(void *memory, std::align_val_t,
                     const std::nothrow_t &) noexcept {
  release(memory);
}
void operator delete[](void *memory, std::align_val_t,
                       const std::nothrow_t &) noexcept {
  release(memory);
}
void operator delete(void *memory, size_t, std::align_val_t) noexcept {
  release(memory);
}
void operator delete[](void *memory, size_t, std::align_val_t) noexcept {
  release(memory);
}

#else

extern "C" {
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

void *malloc(size_t size) {
  return fails(Call::Memory, ENOMEM) ? nullptr : counted(__libc_malloc(size));
}
void *calloc(size_t count, size_t size) {
  return fails(Call::Memory, ENOMEM) ? nullptr
                                     : counted(__libc_calloc(count, size));
}
void *realloc(void *memory, size_t size) {
  if (fails(Call::Memory, ENOMEM))
    return nullptr;
  void *moved = __libc_realloc(memory, size);
  liveBlocks += (moved != nullptr) -
                (memory != nullptr && (moved != nullptr || size == 0));
  return moved;
}
void *aligned_alloc(size_t alignment, size_t size) {
  return fails(Call::Memory, ENOMEM)
             ? nullptr
             : counted(__libc_memalign(alignment, size));
}
int posix_memalign(void **memory, size_t alignment, size_t size) {
  *memory = aligned_alloc(alignment, size);
  return *memory ? 0 : ENOMEM;
}
void free(void *memory) {
  liveBlocks -= memory != nullptr;
  __libc_free(memory);
}
}

#endif
#endif

//===----------------------------------------------------------------------===//
// Files, mappings, threads
//===----------------------------------------------------------------------===//

extern "C" {

int open(const char *path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
  va_end(list);
  MAMBA_BEHIND(open);
  return fails(Call::Open, EMFILE) ? -1 : real(path, flags, mode);
}
FILE *fopen(const char *path, const char *mode) {
  MAMBA_BEHIND(fopen);
  return fails(Call::Open, EMFILE) ? nullptr : real(path, mode);
}
FILE *fopen64(const char *path, const char *mode) {
  MAMBA_BEHIND(fopen64);
  return fails(Call::Open, EMFILE) ? nullptr : real(path, mode);
}
int fcntl(int fd, int command, ...) {
  va_list list;
  va_start(list, command);
  auto argument = va_arg(list, intptr_t);
  va_end(list);
  MAMBA_BEHIND(fcntl);
  return fails(Call::Open, EMFILE) ? -1 : real(fd, command, argument);
}
DIR *opendir(const char *path) {
  MAMBA_BEHIND(opendir);
  return fails(Call::Open, EMFILE) ? nullptr : real(path);
}
int openat(int folder, const char *path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
  va_end(list);
  MAMBA_BEHIND(openat);
  return fails(Call::Open, EMFILE) ? -1 : real(folder, path, flags, mode);
}

int stat(const char *path, struct stat *info) {
  MAMBA_BEHIND(stat);
  return fails(Call::Status, EIO) ? -1 : real(path, info);
}
int fstat(int fd, struct stat *info) {
  MAMBA_BEHIND(fstat);
  return fails(Call::Status, EIO) ? -1 : real(fd, info);
}
int lstat(const char *path, struct stat *info) {
  MAMBA_BEHIND(lstat);
  return fails(Call::Status, EIO) ? -1 : real(path, info);
}
int faccessat(int folder, const char *path, int mode, int flags) {
  MAMBA_BEHIND(faccessat);
  return fails(Call::Status, EIO) ? -1 : real(folder, path, mode, flags);
}
char *realpath(const char *path, char *resolved) {
  MAMBA_BEHIND(realpath);
  return fails(Call::Status, EIO) ? nullptr : real(path, resolved);
}

ssize_t read(int fd, void *to, size_t bytes) {
  MAMBA_BEHIND(read);
  return fails(Call::Read, EIO) ? -1 : real(fd, to, bytes);
}
ssize_t write(int fd, const void *from, size_t bytes) {
  MAMBA_BEHIND(write);
  return fails(Call::Write, ENOSPC) ? -1 : real(fd, from, bytes);
}
int close(int fd) {
  MAMBA_BEHIND(close);
  bool isBad = fails(Call::Close, EIO);
  int closed = real(fd); // As Linux does, whatever it answers.
  if (isBad)
    errno = EIO;
  return isBad ? -1 : closed;
}
int fsync(int fd) {
  MAMBA_BEHIND(fsync);
  return fails(Call::Flush, EIO) ? -1 : real(fd);
}

int rename(const char *from, const char *to) {
  MAMBA_BEHIND(rename);
  return fails(Call::Name, EIO) ? -1 : real(from, to);
}
int ftruncate(int fd, off_t size) {
  MAMBA_BEHIND(ftruncate);
  return fails(Call::Write, EIO) ? -1 : real(fd, size);
}
int remove(const char *path) {
  MAMBA_BEHIND(remove);
  return fails(Call::Remove, EACCES) ? -1 : real(path);
}
int unlink(const char *path) {
  MAMBA_BEHIND(unlink);
  return fails(Call::Remove, EACCES) ? -1 : real(path);
}
int unlinkat(int folder, const char *path, int flags) {
  MAMBA_BEHIND(unlinkat);
  return fails(Call::Remove, EACCES) ? -1 : real(folder, path, flags);
}
char *mkdtemp(char *name) {
  MAMBA_BEHIND(mkdtemp);
  return fails(Call::Name, EACCES) ? nullptr : real(name);
}
int flock(int fd, int operation) {
  MAMBA_BEHIND(flock);
  return fails(Call::Lock, ENOLCK) ? -1 : real(fd, operation);
}
int mkdir(const char *path, mode_t mode) {
  MAMBA_BEHIND(mkdir);
  return fails(Call::Name, EACCES) ? -1 : real(path, mode);
}
int fchmod(int fd, mode_t mode) {
  MAMBA_BEHIND(fchmod);
  return fails(Call::Name, EPERM) ? -1 : real(fd, mode);
}
int utimensat(int folder, const char *path, const struct timespec times[2],
              int flags) {
  MAMBA_BEHIND(utimensat);
  return fails(Call::Name, EPERM) ? -1 : real(folder, path, times, flags);
}

void *mmap(void *address, size_t bytes, int protection, int flags, int fd,
           off_t offset) {
  MAMBA_BEHIND(mmap);
  if (fails(Call::Map, ENOMEM))
    return MAP_FAILED;
  void *mapping = real(address, bytes, protection, flags, fd, offset);
  liveMapped += mapping == MAP_FAILED ? 0 : int64_t(bytes);
  return mapping;
}
int munmap(void *mapping, size_t bytes) {
  MAMBA_BEHIND(munmap);
  bool isBad = fails(Call::Unmap, ENOMEM);
  int unmapped = isBad ? -1 : real(mapping, bytes);
  liveMapped -= unmapped == 0 || isBad ? int64_t(bytes) : 0;
  return unmapped;
}
int mprotect(void *address, size_t bytes, int protection) {
  MAMBA_BEHIND(mprotect);
  return fails(Call::Protect, EACCES) ? -1 : real(address, bytes, protection);
}
int madvise(void *address, size_t bytes, int advice) {
  MAMBA_BEHIND(madvise);
  return fails(Call::Protect, EINVAL) ? -1 : real(address, bytes, advice);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                   void *(*body)(void *), void *argument) {
  MAMBA_BEHIND(pthread_create);
  return fails(Call::Thread, EAGAIN) ? EAGAIN
                                     : real(thread, attributes, body, argument);
}
int sched_getaffinity(pid_t process, size_t bytes, cpu_set_t *set) {
  MAMBA_BEHIND(sched_getaffinity);
  return fails(Call::Thread, EPERM) ? -1 : real(process, bytes, set);
}

/// A futex's wait may end at any time; a wake cannot fail.
long syscall(long number, ...) {
  va_list list;
  va_start(list, number);
  long arguments[6];
  for (long &argument : arguments)
    argument = va_arg(list, long);
  va_end(list);
  bool waits = number == SYS_futex &&
               (arguments[1] & FUTEX_CMD_MASK) == FUTEX_WAIT;
  MAMBA_BEHIND(syscall);
  if (waits && fails(Call::Wait, EAGAIN))
    return -1;
  return real(number, arguments[0], arguments[1], arguments[2], arguments[3],
              arguments[4], arguments[5]);
}
int poll(struct pollfd *descriptors, nfds_t count, int milliseconds) {
  MAMBA_BEHIND(poll);
  return fails(Call::Wait, ENOMEM) ? -1
                                   : real(descriptors, count, milliseconds);
}

int pipe2(int ends[2], int flags) {
  MAMBA_BEHIND(pipe2);
  return fails(Call::Process, EMFILE) ? -1 : real(ends, flags);
}
int socket(int domain, int type, int protocol) {
  MAMBA_BEHIND(socket);
  return fails(Call::Process, EMFILE) ? -1 : real(domain, type, protocol);
}
int bind(int fd, const struct sockaddr *address, socklen_t bytes) {
  MAMBA_BEHIND(bind);
  return fails(Call::Process, EACCES) ? -1 : real(fd, address, bytes);
}
int listen(int fd, int callers) {
  MAMBA_BEHIND(listen);
  return fails(Call::Process, EOPNOTSUPP) ? -1 : real(fd, callers);
}
int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *actions,
                                     int from, int to) {
  MAMBA_BEHIND(posix_spawn_file_actions_adddup2);
  return fails(Call::Process, ENOMEM) ? ENOMEM : real(actions, from, to);
}
int posix_spawn_file_actions_addopen(posix_spawn_file_actions_t *actions,
                                     int fd, const char *path, int flags,
                                     mode_t mode) {
  MAMBA_BEHIND(posix_spawn_file_actions_addopen);
  return fails(Call::Process, ENOMEM) ? ENOMEM
                                      : real(actions, fd, path, flags, mode);
}
int posix_spawn(pid_t *process, const char *path,
                const posix_spawn_file_actions_t *actions,
                const posix_spawnattr_t *attributes, char *const arguments[],
                char *const environment[]) {
  MAMBA_BEHIND(posix_spawn);
  return fails(Call::Process, EAGAIN)
             ? EAGAIN
             : real(process, path, actions, attributes, arguments, environment);
}

void *dlopen(const char *path, int flags) {
  MAMBA_BEHIND(dlopen);
  return fails(Call::Library, ENOENT) ? nullptr : real(path, flags);
}
}

std::string mamba::test::whyNoFaults() { return ""; }

#else

std::string mamba::test::whyNoFaults() {
  return "this C library has no functions behind its own";
}

#endif

//===----------------------------------------------------------------------===//
// Watching
//===----------------------------------------------------------------------===//

const char *mamba::test::nameOf(Call call) {
  static constexpr const char *kNames[kCalls] = {
      "memory", "open", "status",  "read",  "write",  "close",
      "flush",  "name", "remove",  "lock",  "map",    "protect",
      "unmap",  "thread", "wait",  "process", "library"};
  return kNames[size_t(call)];
}

Watch::Watch(std::optional<Fault> fault) {
  for (auto &count : counts)
    count = 0;
  isStruck = false;
  hasFault = fault.has_value();
  if (fault) {
    faultyCall = fault->call;
    faultyNumber = fault->number;
    faultLasts = fault->lasts;
  }
  isWatched.store(true, std::memory_order_release);
}

void Watch::stop() {
  if (!isWatched.exchange(false))
    return;
  for (size_t i = 0; i < kCalls; ++i)
    counts_[i] = counts[i];
  hasStruck_ = isStruck;
}

static size_t entriesOf(const char *folder) {
  size_t count = 0;
  DIR *entries = opendir(folder);
  while (entries && readdir(entries))
    ++count;
  if (entries)
    closedir(entries);
  return count;
}

Holdings Holdings::now() {
  Holdings holdings;
  holdings.blocks = liveBlocks;
  holdings.mappedBytes = liveMapped;
  holdings.descriptors = entriesOf("/proc/self/fd");
  holdings.threads = entriesOf("/proc/self/task");
  sigset_t blocked;
  pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  for (int signal = 1; signal < NSIG; ++signal)
    holdings.signalsBlocked |= sigismember(&blocked, signal) == 1;
  return holdings;
}

std::string Holdings::text() const {
  return std::to_string(blocks) + " blocks, " + std::to_string(mappedBytes) +
         " bytes mapped, " + std::to_string(descriptors) + " descriptors, " +
         std::to_string(threads) + " threads" +
         (signalsBlocked ? ", signals blocked" : "");
}
