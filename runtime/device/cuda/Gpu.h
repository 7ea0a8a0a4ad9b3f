// A GPU of the driver, and what is held on it.
#pragma once

#include "runtime/device/cuda/Driver.h"

#include <memory>
#include <string>
#include <utility>

namespace mamba::cuda {

/// A GPU with its primary context, which other libraries of the process (cuBLAS)
/// share. Everything below keeps it alive.
class Gpu {
public:
  /// Counted from 0, as CUDA_VISIBLE_DEVICES leaves them.
  static Result<std::shared_ptr<const Gpu>> open(unsigned ordinal);
  ~Gpu();
  Gpu(const Gpu &) = delete;

  const Driver &driver() const { return driver_; }
  /// "NVIDIA H100 PCIe".
  const std::string &name() const { return name_; }
  /// 90 for compute capability 9.0.
  unsigned chip() const { return chip_; }
  CUcontext context() const { return context_; }
  Result<int> attribute(CUdevice_attribute attribute) const;
  Status check(CUresult result, const char *doing) const {
    return driver_.check(result, doing);
  }

private:
  explicit Gpu(const Driver &driver) : driver_(driver) {}
  Status setUp(unsigned ordinal);

  const Driver &driver_;
  CUdevice device_ = 0;
  CUcontext context_ = nullptr; // Retained.
  std::string name_;
  unsigned chip_ = 0;
};

/// The GPU's context is this thread's while this lives. Made by whoever calls
/// the driver, at the boundary of the device.
class Current {
public:
  explicit Current(const Gpu &gpu);
  ~Current();
  Current(const Current &) = delete;
  const Status &status() const { return status_; }

private:
  const Gpu &gpu_;
  Status status_;
};

/// A block of the GPU's memory, at a multiple of 256.
class DeviceMemory {
public:
  /// The failure names `what`, the bytes asked for and those free. 0 bytes are
  /// fine.
  static Result<DeviceMemory> allocate(std::shared_ptr<const Gpu> gpu,
                                       uint64_t bytes, const char *what);
  DeviceMemory() = default;
  DeviceMemory(DeviceMemory &&other) noexcept { swap(other); }
  DeviceMemory &operator=(DeviceMemory &&other) noexcept {
    swap(other);
    return *this;
  }
  ~DeviceMemory() { release(); }

  CUdeviceptr address() const { return address_; }
  uint64_t size() const { return size_; }
  /// Gives the memory back.
  void release();

private:
  void swap(DeviceMemory &other) noexcept;

  std::shared_ptr<const Gpu> gpu_;
  CUdeviceptr address_ = 0;
  uint64_t size_ = 0;
};

/// Memory of the host that the GPU copies from and to by itself.
class PinnedMemory {
public:
  static Result<PinnedMemory> allocate(std::shared_ptr<const Gpu> gpu,
                                       uint64_t bytes, const char *what);
  PinnedMemory() = default;
  PinnedMemory(PinnedMemory &&other) noexcept { swap(other); }
  PinnedMemory &operator=(PinnedMemory &&other) noexcept {
    swap(other);
    return *this;
  }
  ~PinnedMemory() { release(); }

  uint8_t *data() const { return data_; }
  uint64_t size() const { return size_; }
  void release();

private:
  void swap(PinnedMemory &other) noexcept;

  std::shared_ptr<const Gpu> gpu_;
  uint8_t *data_ = nullptr;
  uint64_t size_ = 0;
};

/// A handle that the driver gave and `destroy` gives back.
template <typename Handle, CUresult (*Driver::*destroy)(Handle)>
class Owned {
public:
  Owned() = default;
  Owned(std::shared_ptr<const Gpu> gpu, Handle handle)
      : gpu_(std::move(gpu)), handle_(handle) {}
  Owned(Owned &&other) noexcept { swap(other); }
  Owned &operator=(Owned &&other) noexcept {
    swap(other);
    return *this;
  }
  ~Owned() {
    if (!handle_)
      return;
    Current current(*gpu_);
    // Of a lost GPU this fails: nothing is left there to give back.
    (void)(gpu_->driver().*destroy)(handle_);
  }
  Handle get() const { return handle_; }

private:
  void swap(Owned &other) noexcept {
    std::swap(gpu_, other.gpu_);
    std::swap(handle_, other.handle_);
  }

  std::shared_ptr<const Gpu> gpu_;
  Handle handle_ = nullptr;
};

using ModuleHandle = Owned<CUmodule, &Driver::cuModuleUnload>;
using GraphHandle = Owned<CUgraph, &Driver::cuGraphDestroy>;
using GraphExecHandle = Owned<CUgraphExec, &Driver::cuGraphExecDestroy>;
using LinkHandle = Owned<CUlinkState, &Driver::cuLinkDestroy>;
using Event = Owned<CUevent, &Driver::cuEventDestroy_v2>;

/// For waiting only, it takes no times.
Result<Event> makeEvent(std::shared_ptr<const Gpu> gpu);

/// A queue of work, in order. Its end waits for what is queued.
class Stream {
public:
  static Result<Stream> create(std::shared_ptr<const Gpu> gpu);
  Stream() = default;
  Stream(Stream &&other) noexcept { swap(other); }
  Stream &operator=(Stream &&other) noexcept {
    swap(other);
    return *this;
  }
  ~Stream();

  CUstream get() const { return stream_; }
  /// `from` and `to` on the host are pinned and stay until the copy is done.
  Status copyToDevice(CUdeviceptr to, const void *from, uint64_t bytes) const;
  Status copyToHost(void *to, CUdeviceptr from, uint64_t bytes) const;
  Status copyOnDevice(CUdeviceptr to, CUdeviceptr from, uint64_t bytes) const;
  Status clear(CUdeviceptr to, uint64_t bytes) const;
  Status record(const Event &event) const;
  /// Until all is done; a failure is that of any of it.
  Status wait() const;

private:
  void swap(Stream &other) noexcept;

  std::shared_ptr<const Gpu> gpu_;
  CUstream stream_ = nullptr;
};

} // namespace mamba::cuda
