#include "test/unit/cpu/GuardedBuffer.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

using namespace mamba;

static constexpr size_t minGuardBytes = 256;

GuardedBuffer::GuardedBuffer(size_t bytes) : size(bytes) {
  size_t page = sysconf(_SC_PAGESIZE);
  size_t usable = (bytes + minGuardBytes + page - 1) / page * page;
  mapped = usable + page;
  void *memory = mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    std::abort();
  mapping = static_cast<uint8_t *>(memory);
  end = mapping + usable;
  std::memset(mapping, 0xff, usable);
  if (mprotect(end, page, PROT_NONE) != 0)
    std::abort();
}

GuardedBuffer::GuardedBuffer(GuardedBuffer &&other) noexcept
    : size(other.size), mapped(other.mapped),
      mapping(std::exchange(other.mapping, nullptr)), end(other.end) {}

GuardedBuffer::~GuardedBuffer() {
  if (mapping)
    munmap(mapping, mapped);
}

void GuardedBuffer::poison() { std::memset(data(), 0xff, size); }

static sigjmp_buf beforeKernel;

bool mamba::runsWithinItsBuffers(const std::function<void()> &kernel) {
  struct sigaction stop = {}, former;
  stop.sa_handler = [](int) { siglongjmp(beforeKernel, 1); };
  sigaction(SIGSEGV, &stop, &former);
  bool stopped = sigsetjmp(beforeKernel, /*savemask=*/1) != 0;
  if (!stopped)
    kernel();
  sigaction(SIGSEGV, &former, nullptr);
  return !stopped;
}

bool GuardedBuffer::guardHolds() const {
  return std::all_of(mapping, data(),
                     [](uint8_t byte) { return byte == 0xff; });
}
