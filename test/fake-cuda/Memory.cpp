// Memory of GPUs and of the host, and copies.
#include "test/fake-cuda/Machine.h"

#include <cstdlib>
#include <cstring>

namespace mamba::cuda {

static void freeBytes(uint8_t *bytes) { std::free(bytes); }

/// At a multiple of 256; costs nothing until it is touched.
static Block makeBlock(CUcontext context, uint64_t bytes) {
  auto *memory = static_cast<uint8_t *>(
      std::aligned_alloc(256, (bytes + 255) / 256 * 256));
  return {context, {memory, freeBytes}, bytes};
}

CUresult cuMemGetInfo_v2(size_t *free, size_t *total) {
  ENTER(enterCurrent, cuMemGetInfo_v2)
  *total = m.current()->total;
  *free = m.current()->total - m.current()->used;
  return CUDA_SUCCESS;
}

CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t bytes) {
  ENTER(enterCurrent, cuMemAlloc_v2)
  CUcontext context = m.current();
  if (bytes == 0)
    return CUDA_ERROR_INVALID_VALUE;
  if (bytes > context->total - context->used)
    return CUDA_ERROR_OUT_OF_MEMORY;
  Block block = makeBlock(context, bytes);
  if (!block.bytes)
    return CUDA_ERROR_OUT_OF_MEMORY;
  auto mapped =
      m.memory->map(block.bytes.get(), bytes, "device memory", false);
  if (!mapped.ok())
    return CUDA_ERROR_OUT_OF_MEMORY;
  context->used += bytes;
  *address = *mapped;
  m.device.emplace(*mapped, std::move(block));
  return CUDA_SUCCESS;
}

CUresult cuMemFree_v2(CUdeviceptr address) {
  Machine &m = Machine::get();
  std::lock_guard held(m.mutex);
  CUresult result = m.enterCurrent("cuMemFree_v2");
  auto found = m.device.find(address);
  if (found == m.device.end())
    return result ? result : CUDA_ERROR_INVALID_VALUE;
  // Of a lost GPU it is gone in any case.
  CUcontext context = found->second.context;
  m.memory->release(address);
  context->used -= found->second.size;
  m.device.erase(found);
  return result;
}

CUresult cuMemHostAlloc(void **memory, size_t bytes, unsigned) {
  ENTER(enterCurrent, cuMemHostAlloc)
  if (bytes == 0)
    return CUDA_ERROR_INVALID_VALUE;
  Block block = makeBlock(m.current(), bytes);
  if (!block.bytes)
    return CUDA_ERROR_OUT_OF_MEMORY;
  *memory = block.bytes.get();
  m.pinned.emplace(block.bytes.get(), std::move(block));
  return CUDA_SUCCESS;
}

CUresult cuMemFreeHost(void *memory) {
  Machine &m = Machine::get();
  std::lock_guard held(m.mutex);
  CUresult result = m.enterCurrent("cuMemFreeHost");
  if (m.pinned.erase(static_cast<uint8_t *>(memory)) == 0 && !result)
    return CUDA_ERROR_INVALID_VALUE;
  return result;
}

/// The host's bytes, or null if they must not be touched: what was pinned when
/// the copy was queued is so still when it is done.
static std::function<uint8_t *()> hostOf(Machine &m, const void *memory,
                                         size_t bytes) {
  bool wasPinned = m.isPinned(memory, bytes);
  return [&m, memory, bytes, wasPinned] {
    return wasPinned == m.isPinned(memory, bytes)
               ? static_cast<uint8_t *>(const_cast<void *>(memory))
               : nullptr;
  };
}

/// The bytes behind an address, or null if nothing is there any more.
static std::function<uint8_t *()> deviceOf(Machine &m, CUdeviceptr address,
                                           size_t bytes, bool isWrite) {
  return [&m, address, bytes, isWrite]() -> uint8_t * {
    Block *block = m.findDevice(address, bytes);
    if (!block)
      return nullptr;
    if (isWrite)
      m.memory->markWritten(address, bytes);
    // The allocation starts at a multiple of 256 on both sides.
    return block->bytes.get() +
           (address - std::prev(m.device.upper_bound(address))->first);
  };
}

static CUresult copy(Machine &m, CUstream stream, const char *kind,
                     std::function<uint8_t *()> to,
                     std::function<uint8_t *()> from, size_t bytes) {
  return m.queue(stream, {kind, [=] {
                            uint8_t *target = to(), *source = from();
                            if (!target || !source)
                              return CUDA_ERROR_ILLEGAL_ADDRESS;
                            std::memmove(target, source, bytes);
                            return CUDA_SUCCESS;
                          }});
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t bytes,
                              CUstream stream) {
  ENTER(enterCurrent, cuMemcpyHtoDAsync_v2)
  if (!m.hasHere(to, bytes))
    return CUDA_ERROR_INVALID_VALUE;
  return copy(m, stream, "to device", deviceOf(m, to, bytes, true),
              hostOf(m, from, bytes), bytes);
}

CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t bytes,
                              CUstream stream) {
  ENTER(enterCurrent, cuMemcpyDtoHAsync_v2)
  if (!m.hasHere(from, bytes))
    return CUDA_ERROR_INVALID_VALUE;
  return copy(m, stream, "to host", hostOf(m, to, bytes),
              deviceOf(m, from, bytes, false), bytes);
}

CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes,
                              CUstream stream) {
  ENTER(enterCurrent, cuMemcpyDtoDAsync_v2)
  if (!m.hasHere(to, bytes) || !m.hasHere(from, bytes))
    return CUDA_ERROR_INVALID_VALUE;
  return copy(m, stream, "on device", deviceOf(m, to, bytes, true),
              deviceOf(m, from, bytes, false), bytes);
}

CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t bytes,
                         CUstream stream) {
  ENTER(enterCurrent, cuMemsetD8Async)
  if (!m.hasHere(to, bytes))
    return CUDA_ERROR_INVALID_VALUE;
  auto target = deviceOf(m, to, bytes, true);
  return m.queue(stream, {"set", [=] {
                            uint8_t *at = target();
                            if (!at)
                              return CUDA_ERROR_ILLEGAL_ADDRESS;
                            std::memset(at, value, bytes);
                            return CUDA_SUCCESS;
                          }});
}

} // namespace mamba::cuda
