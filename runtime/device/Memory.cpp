#include "runtime/device/Memory.h"

#include "runtime/support/CheckedMath.h"

#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <utility>

using namespace mamba;

Result<Memory> Memory::allocate(uint64_t bytes, const char *what) {
  Memory memory;
  if (bytes == 0)
    return memory;
  bool isLarge = bytes >= kHugePage;
  std::optional<uint64_t> mapped =
      checkedAdd(bytes, isLarge ? kHugePage - 1 : 0);
  void *mapping = MAP_FAILED;
  errno = ENOMEM;
  if (mapped)
    mapping = mmap(nullptr, *mapped, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED)
    return outOfMemory("cannot get " + std::to_string(bytes) + " bytes for " +
                       what + ": " + std::strerror(errno));
  memory.mapping_ = mapping;
  memory.mappedBytes_ = *mapped;
  memory.size_ = bytes;
  memory.data_ = static_cast<uint8_t *>(mapping);
  if (isLarge) {
    uintptr_t start = reinterpret_cast<uintptr_t>(mapping);
    memory.data_ += -start % kHugePage;
#ifdef MADV_HUGEPAGE
    // Only advice: without huge pages it works too.
    (void)madvise(memory.data_, bytes, MADV_HUGEPAGE);
#endif
  }
  return memory;
}

Memory::~Memory() {
  if (mapping_)
    munmap(mapping_, mappedBytes_);
}

void Memory::swap(Memory &other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(mapping_, other.mapping_);
  std::swap(mappedBytes_, other.mappedBytes_);
}

Status Memory::makeReadOnly() {
  if (mapping_ && mprotect(mapping_, mappedBytes_, PROT_READ) != 0)
    return ioError("cannot protect " + std::to_string(size_) +
                   " bytes of memory: " + std::strerror(errno));
  return {};
}
