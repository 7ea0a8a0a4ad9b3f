// A kernel's argument in the simulator's global memory.
#pragma once

#include "runtime/device/sim/Sim.h"

#include <cstdint>
#include <cstring>
#include <memory>
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
  /// `memory` outlives the buffer. Before its bytes stand as many as said,
  /// zeros that cost no memory; then all of it counts as written.
  DeviceBuffer(sim::GlobalMemory &memory, const std::string &name,
               const std::vector<uint8_t> &bytes, uint64_t align, Use use,
               uint64_t before = 0);
  DeviceBuffer(DeviceBuffer &&) = default;
  DeviceBuffer &operator=(DeviceBuffer &&) = delete;

  uint64_t address() const { return address_; }
  uint64_t bytes() const { return bytes_; }
  /// After the zeros.
  const uint8_t *data() const { return data_; }
  /// From here on the range holds nothing to read.
  void markUnwritten(uint64_t offset, uint64_t bytes);
  /// Whether no element is all ones, as outputs are before; bytes may be that.
  bool isFullyWritten(uint64_t elementBytes) const;

private:
  sim::GlobalMemory *memory_; // Borrowed.
  struct Unmap {
    uint64_t bytes;
    void operator()(uint8_t *mapping) const;
  };
  std::unique_ptr<uint8_t, Unmap> mapping_;
  uint8_t *data_ = nullptr; // In the mapping.
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
