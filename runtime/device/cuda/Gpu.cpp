#include "runtime/device/cuda/Gpu.h"

#include <algorithm>

using namespace mamba;
using namespace mamba::cuda;

//===----------------------------------------------------------------------===//
// The GPU
//===----------------------------------------------------------------------===//

Result<std::shared_ptr<const Gpu>> Gpu::open(unsigned ordinal) {
  MAMBA_ASSIGN_OR_RETURN(const Driver *driver, Driver::load());
  std::shared_ptr<Gpu> gpu(new Gpu(*driver));
  Status status = gpu->setUp(ordinal);
  if (!status.ok())
    return status.withContext("GPU " + std::to_string(ordinal));
  return std::shared_ptr<const Gpu>(std::move(gpu));
}

Status Gpu::setUp(unsigned ordinal) {
  int count = 0;
  MAMBA_RETURN_IF_ERROR(
      check(driver_.cuDeviceGetCount(&count), "count the GPUs"));
  if (count <= 0)
    return driver_.failure(CUDA_ERROR_NO_DEVICE, "use it");
  if (ordinal >= static_cast<unsigned>(count))
    return unavailable("the driver has " + std::to_string(count) +
                       ", counted from 0");
  MAMBA_RETURN_IF_ERROR(
      check(driver_.cuDeviceGet(&device_, static_cast<int>(ordinal)), "get it"));
  char name[256] = "";
  MAMBA_RETURN_IF_ERROR(check(
      driver_.cuDeviceGetName(name, sizeof(name), device_), "get its name"));
  name_.assign(name, std::find(name, name + sizeof(name), '\0'));
  MAMBA_ASSIGN_OR_RETURN(
      int major, attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR));
  MAMBA_ASSIGN_OR_RETURN(
      int minor, attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR));
  chip_ = static_cast<unsigned>(major * 10 + minor);
  CUcontext context = nullptr;
  MAMBA_RETURN_IF_ERROR(check(
      driver_.cuDevicePrimaryCtxRetain(&context, device_), "make its context"));
  context_ = context; // Retained only now.
  return {};
}

Result<int> Gpu::attribute(CUdevice_attribute attribute) const {
  int value = 0;
  MAMBA_RETURN_IF_ERROR(
      check(driver_.cuDeviceGetAttribute(&value, attribute, device_),
            "ask what it can do"));
  return value;
}

Gpu::~Gpu() {
  if (context_)
    (void)driver_.cuDevicePrimaryCtxRelease_v2(device_);
}

Current::Current(const Gpu &gpu) : gpu_(gpu) {
  status_ = gpu.check(gpu.driver().cuCtxPushCurrent_v2(gpu.context()),
                      "enter the GPU's context");
}

Current::~Current() {
  CUcontext context;
  if (status_.ok())
    (void)gpu_.driver().cuCtxPopCurrent_v2(&context);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Result<DeviceMemory> DeviceMemory::allocate(std::shared_ptr<const Gpu> gpu,
                                            uint64_t bytes, const char *what) {
  DeviceMemory memory;
  if (bytes == 0)
    return memory;
  const Driver &driver = gpu->driver();
  CUresult result = driver.cuMemAlloc_v2(&memory.address_, bytes);
  if (result != CUDA_SUCCESS) {
    std::string failed = "get " + std::to_string(bytes) + " bytes for " + what;
    size_t free = 0, total = 0;
    if (result == CUDA_ERROR_OUT_OF_MEMORY &&
        driver.cuMemGetInfo_v2(&free, &total) == CUDA_SUCCESS)
      failed += "; of the GPU's " + std::to_string(total) + " bytes " +
                std::to_string(free) + " are free";
    return driver.failure(result, failed);
  }
  memory.size_ = bytes;
  memory.gpu_ = std::move(gpu);
  return memory;
}

void DeviceMemory::release() {
  if (size_ == 0)
    return;
  {
    Current current(*gpu_);
    (void)gpu_->driver().cuMemFree_v2(address_);
  }
  address_ = 0;
  size_ = 0;
  gpu_.reset();
}

void DeviceMemory::swap(DeviceMemory &other) noexcept {
  std::swap(gpu_, other.gpu_);
  std::swap(address_, other.address_);
  std::swap(size_, other.size_);
}

Result<PinnedMemory> PinnedMemory::allocate(std::shared_ptr<const Gpu> gpu,
                                            uint64_t bytes, const char *what) {
  PinnedMemory memory;
  if (bytes == 0)
    return memory;
  void *data = nullptr;
  CUresult result = gpu->driver().cuMemHostAlloc(&data, bytes, 0);
  if (result != CUDA_SUCCESS)
    return gpu->driver().failure(result, "pin " + std::to_string(bytes) +
                                             " bytes for " + what);
  memory.data_ = static_cast<uint8_t *>(data);
  memory.size_ = bytes;
  memory.gpu_ = std::move(gpu);
  return memory;
}

void PinnedMemory::release() {
  if (size_ == 0)
    return;
  {
    Current current(*gpu_);
    (void)gpu_->driver().cuMemFreeHost(data_);
  }
  data_ = nullptr;
  size_ = 0;
  gpu_.reset();
}

void PinnedMemory::swap(PinnedMemory &other) noexcept {
  std::swap(gpu_, other.gpu_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
}

//===----------------------------------------------------------------------===//
// Streams and events
//===----------------------------------------------------------------------===//

Result<Event> mamba::cuda::makeEvent(std::shared_ptr<const Gpu> gpu) {
  CUevent event = nullptr;
  MAMBA_RETURN_IF_ERROR(gpu->check(
      gpu->driver().cuEventCreate(&event, CU_EVENT_DISABLE_TIMING),
      "make an event"));
  return Event(std::move(gpu), event);
}

Result<Stream> Stream::create(std::shared_ptr<const Gpu> gpu) {
  Stream stream;
  MAMBA_RETURN_IF_ERROR(gpu->check(
      gpu->driver().cuStreamCreate(&stream.stream_, CU_STREAM_NON_BLOCKING),
      "make a stream"));
  stream.gpu_ = std::move(gpu);
  return stream;
}

Stream::~Stream() {
  if (!stream_)
    return;
  Current current(*gpu_);
  // What is queued may use memory that goes after the stream.
  (void)gpu_->driver().cuStreamSynchronize(stream_);
  (void)gpu_->driver().cuStreamDestroy_v2(stream_);
}

void Stream::swap(Stream &other) noexcept {
  std::swap(gpu_, other.gpu_);
  std::swap(stream_, other.stream_);
}

Status Stream::copyToDevice(CUdeviceptr to, const void *from,
                            uint64_t bytes) const {
  if (bytes == 0)
    return {};
  return gpu_->check(
      gpu_->driver().cuMemcpyHtoDAsync_v2(to, from, bytes, stream_),
      "copy to the GPU");
}

Status Stream::copyToHost(void *to, CUdeviceptr from, uint64_t bytes) const {
  if (bytes == 0)
    return {};
  return gpu_->check(
      gpu_->driver().cuMemcpyDtoHAsync_v2(to, from, bytes, stream_),
      "copy from the GPU");
}

Status Stream::copyOnDevice(CUdeviceptr to, CUdeviceptr from,
                            uint64_t bytes) const {
  if (bytes == 0 || to == from)
    return {};
  return gpu_->check(
      gpu_->driver().cuMemcpyDtoDAsync_v2(to, from, bytes, stream_),
      "copy on the GPU");
}

Status Stream::clear(CUdeviceptr to, uint64_t bytes) const {
  if (bytes == 0)
    return {};
  return gpu_->check(gpu_->driver().cuMemsetD8Async(to, 0, bytes, stream_),
                     "clear the GPU's memory");
}

Status Stream::record(const Event &event) const {
  return gpu_->check(gpu_->driver().cuEventRecord(event.get(), stream_),
                     "record an event");
}

Status Stream::wait() const {
  return gpu_->check(gpu_->driver().cuStreamSynchronize(stream_),
                     "finish the GPU's work");
}
