// Large blocks of memory straight from the operating system.
#pragma once

#include "runtime/support/Status.h"

#include <cstddef>
#include <cstdint>

namespace mamba {

/// An anonymous private mapping: zeroed, at least 64-byte (page) aligned.
/// From kHugePage on it is aligned to that and huge pages are asked for.
class Memory {
public:
  static constexpr uint64_t kHugePage = uint64_t(2) << 20;

  /// The failure names `what` and the bytes asked for. 0 bytes are fine.
  static Result<Memory> allocate(uint64_t bytes, const char *what);

  Memory() = default;
  Memory(Memory &&other) noexcept { swap(other); }
  Memory &operator=(Memory &&other) noexcept {
    swap(other);
    return *this;
  }
  ~Memory();

  /// Null if size() is 0.
  uint8_t *data() const { return data_; }
  /// The bytes asked for.
  uint64_t size() const { return size_; }

  /// Gives the memory back.
  void release() { Memory().swap(*this); }
  /// From now on a write is a fault.
  Status makeReadOnly();

private:
  void swap(Memory &other) noexcept;

  uint8_t *data_ = nullptr;
  uint64_t size_ = 0;
  void *mapping_ = nullptr; // Owned.
  uint64_t mappedBytes_ = 0;
};

} // namespace mamba
