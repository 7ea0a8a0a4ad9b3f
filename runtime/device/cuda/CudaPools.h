// The state pools of a context on a GPU.
#pragma once

#include "runtime/device/Pools.h"
#include "runtime/device/cuda/Gpu.h"

namespace mamba::cuda {

struct CudaPools {
  PoolLayout layout;
  DeviceMemory memory;

  CUdeviceptr address(size_t state, uint32_t slot) const {
    return memory.address() + layout.offset(state) +
           slot * layout.slotBytes(state);
  }
};

} // namespace mamba::cuda
