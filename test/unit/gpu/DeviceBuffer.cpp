#include "test/unit/gpu/DeviceBuffer.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>

using namespace mamba;

void DeviceBuffer::Unmap::operator()(uint8_t *mapping) const {
  munmap(mapping, bytes);
}

DeviceBuffer::DeviceBuffer(sim::GlobalMemory &memory, const std::string &name,
                           const std::vector<uint8_t> &bytes, uint64_t align,
                           Use use, uint64_t before)
    : memory_(&memory), mapping_(nullptr, Unmap{0}), bytes_(bytes.size()) {
  uint64_t mapped = before + align + bytes_ + 1;
  void *mapping =
      mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, /*fd=*/-1, 0);
  if (mapping == MAP_FAILED) {
    ADD_FAILURE() << "no address space for " << mapped << " bytes";
    return;
  }
  mapping_ = {static_cast<uint8_t *>(mapping), Unmap{mapped}};
  uint8_t *first = mapping_.get() + align;
  data_ = first + before;
  std::copy(bytes.begin(), bytes.end(), data_);
  Result<uint64_t> address =
      use == Input ? memory.mapReadOnly(first, before + bytes_, name)
                   : memory.map(first, before + bytes_, name,
                                /*isWritten=*/use == InOut || before > 0);
  if (address.ok())
    address_ = *address;
  else
    ADD_FAILURE() << address.status().message();
}

void DeviceBuffer::markUnwritten(uint64_t offset, uint64_t bytes) {
  memory_->markUnwritten(address_ + offset, bytes);
}

bool DeviceBuffer::isFullyWritten(uint64_t elementBytes) const {
  if (elementBytes == 1)
    return true;
  for (uint64_t i = 0; i < bytes_; i += elementBytes)
    if (std::all_of(data_ + i, data_ + i + elementBytes,
                    [](uint8_t byte) { return byte == 0xff; }))
      return false;
  return true;
}
