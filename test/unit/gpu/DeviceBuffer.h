// A kernel's argument in the simulator's global memory.
#pragma once

#include "runtime/device/sim/Sim.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace mamba {

/// An allocation exactly as large as its bytes, at an address that is aligned
/// as promised and not better.
class DeviceBuffer {
public:
  enum Use {
    Input,  // kernels may only read it
    InOut,  //
    Output, // kernels may not read what they have not written
  };
  /// `memory` outlives the buffer.
  DeviceBuffer(sim::GlobalMemory &memory, const std::string &name,
               const std::vector<uint8_t> &bytes, uint64_t align, Use use);
  DeviceBuffer(DeviceBuffer &&) = default;
  DeviceBuffer &operator=(DeviceBuffer &&) = delete;

  uint64_t address() const { return address_; }
  uint64_t bytes() const { return bytes_; }
  const uint8_t *data() const { return data_; }
  /// From here on the range holds nothing to read.
  void markUnwritten(uint64_t offset, uint64_t bytes);
  /// Whether no element is all ones, as outputs are before.
  bool isFullyWritten(uint64_t elementBytes) const;

private:
  sim::GlobalMemory *memory_; // Borrowed.
  std::vector<uint8_t> storage_;
  uint8_t *data_; // In the storage.
  uint64_t bytes_, address_ = 0;
};

template <typename T>
std::vector<uint8_t> bytesOfArray(const std::vector<T> &values) {
  std::vector<uint8_t> bytes(values.size() * sizeof(T));
  if (!bytes.empty())
    std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

} // namespace mamba
