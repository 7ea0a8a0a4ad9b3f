#include "test/unit/gpu/DeviceBuffer.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace mamba;

DeviceBuffer::DeviceBuffer(sim::GlobalMemory &memory, const std::string &name,
                           const std::vector<uint8_t> &bytes, uint64_t align,
                           Use use)
    : memory_(&memory), storage_(bytes.size() + 512), bytes_(bytes.size()) {
  auto base = reinterpret_cast<uintptr_t>(storage_.data());
  data_ = storage_.data() + (-base % 256) + align;
  std::copy(bytes.begin(), bytes.end(), data_);
  Result<uint64_t> mapped = use == Input
                                ? memory.mapReadOnly(data_, bytes_, name)
                                : memory.map(data_, bytes_, name, use == InOut);
  if (mapped.ok())
    address_ = *mapped;
  else
    ADD_FAILURE() << mapped.status().message();
}

void DeviceBuffer::markUnwritten(uint64_t offset, uint64_t bytes) {
  memory_->markUnwritten(address_ + offset, bytes);
}

bool DeviceBuffer::isFullyWritten(uint64_t elementBytes) const {
  for (uint64_t i = 0; i < bytes_; i += elementBytes)
    if (std::all_of(data_ + i, data_ + i + elementBytes,
                    [](uint8_t byte) { return byte == 0xff; }))
      return false;
  return true;
}
