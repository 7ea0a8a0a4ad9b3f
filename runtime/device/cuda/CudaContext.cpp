#include "runtime/device/cuda/CudaContext.h"

#include <algorithm>
#include <cstring>

using namespace mamba;
using namespace mamba::cuda;

//===----------------------------------------------------------------------===//
// Before the first step
//===----------------------------------------------------------------------===//

Result<std::unique_ptr<CudaContext>>
CudaContext::create(CudaExecutable &executable, uint64_t slots) {
  Current current(*executable.gpu());
  MAMBA_RETURN_IF_ERROR(current.status());
  std::unique_ptr<CudaContext> context(new CudaContext(executable));
  MAMBA_RETURN_IF_ERROR(context->allocate(slots));
  return context;
}

Status CudaContext::allocate(uint64_t slots) {
  const std::shared_ptr<const Gpu> &gpu = executable_.gpu();
  MAMBA_ASSIGN_OR_RETURN(pools_.layout,
                         PoolLayout::create(executable_.states(), slots));
  std::string what = "the states of " + std::to_string(slots) +
                     " slots, take fewer slots";
  const PoolLayout &layout = pools_.layout;
  MAMBA_ASSIGN_OR_RETURN(
      pools_.memory, DeviceMemory::allocate(gpu, layout.bytes(), what.c_str()));
  uint64_t largest = 0;
  for (size_t i = 0; i < layout.size(); ++i)
    largest = std::max(largest, layout.slotBytes(i));
  MAMBA_ASSIGN_OR_RETURN(
      stateStaging_,
      PinnedMemory::allocate(gpu, largest, "the ways of states"));
  MAMBA_ASSIGN_OR_RETURN(stream_, Stream::create(gpu));
  MAMBA_RETURN_IF_ERROR(steps_.allocate());
  MAMBA_RETURN_IF_ERROR(
      stream_.clear(pools_.memory.address(), layout.bytes()));
  return stream_.wait();
}

//===----------------------------------------------------------------------===//
// States
//===----------------------------------------------------------------------===//

Status CudaContext::readState(uint32_t state, uint32_t slot, void *to) const {
  MAMBA_RETURN_IF_ERROR(pools_.layout.checkState(state, slot));
  Current current(*executable_.gpu());
  MAMBA_RETURN_IF_ERROR(current.status());
  uint64_t bytes = pools_.layout.slotBytes(state);
  MAMBA_RETURN_IF_ERROR(stream_.copyToHost(stateStaging_.data(),
                                           pools_.address(state, slot), bytes));
  MAMBA_RETURN_IF_ERROR(stream_.wait());
  if (bytes != 0)
    std::memcpy(to, stateStaging_.data(), bytes);
  return {};
}

Status CudaContext::writeState(uint32_t state, uint32_t slot,
                               const void *from) {
  MAMBA_RETURN_IF_ERROR(pools_.layout.checkState(state, slot));
  Current current(*executable_.gpu());
  MAMBA_RETURN_IF_ERROR(current.status());
  uint64_t bytes = pools_.layout.slotBytes(state);
  if (bytes != 0)
    std::memcpy(stateStaging_.data(), from, bytes);
  MAMBA_RETURN_IF_ERROR(stream_.copyToDevice(pools_.address(state, slot),
                                             stateStaging_.data(), bytes));
  return stream_.wait();
}

Status CudaContext::clearSlot(uint32_t slot) {
  MAMBA_RETURN_IF_ERROR(pools_.layout.checkSlot(slot));
  Current current(*executable_.gpu());
  MAMBA_RETURN_IF_ERROR(current.status());
  for (size_t i = 0; i < pools_.layout.size(); ++i)
    MAMBA_RETURN_IF_ERROR(
        stream_.clear(pools_.address(i, slot), pools_.layout.slotBytes(i)));
  return stream_.wait();
}

Status CudaContext::copySlot(uint32_t from, uint32_t to) {
  MAMBA_RETURN_IF_ERROR(pools_.layout.checkSlot(from));
  MAMBA_RETURN_IF_ERROR(pools_.layout.checkSlot(to));
  Current current(*executable_.gpu());
  MAMBA_RETURN_IF_ERROR(current.status());
  for (size_t i = 0; i < pools_.layout.size(); ++i)
    MAMBA_RETURN_IF_ERROR(stream_.copyOnDevice(
        pools_.address(i, to), pools_.address(i, from), pools_.layout.slotBytes(i)));
  return stream_.wait();
}
