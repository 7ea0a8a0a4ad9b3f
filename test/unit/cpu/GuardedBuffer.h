// Memory that notices who reads or writes beside it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace mamba {

/// Ends against a page that cannot be touched, and starts after bytes that
/// must stay as they are. All of it is 0xff at first: NaN in every precision.
class GuardedBuffer {
public:
  explicit GuardedBuffer(size_t bytes);
  GuardedBuffer(GuardedBuffer &&other) noexcept;
  GuardedBuffer &operator=(GuardedBuffer &&) = delete;
  ~GuardedBuffer();

  uint8_t *data() const { return end - size; }
  size_t bytes() const { return size; }
  void poison();
  /// Whether the bytes before the buffer are as they were.
  bool guardHolds() const;

private:
  size_t size, mapped;
  uint8_t *mapping = nullptr; // Owned.
  uint8_t *end;               // Of the buffer; the forbidden page.
};

/// Runs a kernel; false if it touched memory that it may not, and was stopped
/// there. Not for code with destructors.
bool runsWithinItsBuffers(const std::function<void()> &kernel);

} // namespace mamba
