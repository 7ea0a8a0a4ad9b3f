#include "bench/gpu/Limits.h"

#include "bench/gpu/Timing.h"
#include "runtime/device/GpuArch.h"
#include "runtime/device/cuda/CudaCode.h"
#include "runtime/support/File.h"
#include "runtime/support/Quote.h"

#include <algorithm>

using namespace mamba;
using namespace mamba::bench;
using namespace mamba::cuda;

namespace {

class Limits {
public:
  Limits(const CheckFolder &folder, std::shared_ptr<const Gpu> gpu)
      : folder_(folder), isQuick_(folder.isQuick()), gpu_(std::move(gpu)) {}
  Status run();

private:
  struct Kernel {
    CUfunction function = nullptr;
    unsigned blocks = 1, threads = 256;
  };

  Status load();
  Result<Kernel> find(const char *name, unsigned blocksOfMultiprocessor);
  Status launch(const Stream &stream, const Kernel &kernel, std::vector<uint64_t> args);
  /// Says how much of `unit` a second `amount` a launch is.
  Status rate(const char *name, const char *unit, double amount, const Kernel &kernel,
              std::vector<uint64_t> args, unsigned pieces = 4);
  Status memory();
  Status arithmetic();
  Status launches();
  Status barrier();

  const CheckFolder &folder_;
  const bool isQuick_; // Little work: what counts is that it runs.
  std::shared_ptr<const Gpu> gpu_;
  ModuleHandle module_;
  Meter meter_;
  int multiprocessors_ = 1, l2Bytes_ = 0;
  unsigned chip_ = 0; // that the PTX is for
  DeviceMemory memory_;
};

void sayLimit(const char *name, double value, const char *unit) {
  say({{"row", "limit"}, {"name", name}, {"value", value}, {"unit", unit}});
}

Status Limits::load() {
  MAMBA_ASSIGN_OR_RETURN(const nlohmann::json *files, getObject(folder_.plan, "limits"));
  std::string file;
  for (auto &[chip, name] : files->items())
    if (unsigned number = GpuArch::of("sm_" + chip).number;
        number <= gpu_->chip() && number > chip_) {
      chip_ = number;
      file = folder_.file(name.get<std::string>());
    }
  if (file.empty())
    return unavailable("no limits/*.ptx for a chip as old as sm_" + std::to_string(gpu_->chip()));
  MAMBA_ASSIGN_OR_RETURN(std::string text, readFile(file));
  std::vector<uint8_t> ptx(text.begin(), text.end());
  ptx.push_back(0);
  MAMBA_ASSIGN_OR_RETURN(std::vector<uint8_t> cubin,
                         linkPtx(gpu_, ptx, "sm_" + std::to_string(chip_), file));
  CUmodule module = nullptr;
  MAMBA_RETURN_IF_ERROR(
      gpu_->check(gpu_->driver().cuModuleLoadData(&module, cubin.data()), "load the limits"));
  module_ = ModuleHandle(gpu_, module);
  return {};
}

Result<Limits::Kernel> Limits::find(const char *name, unsigned blocksOfMultiprocessor) {
  Kernel kernel;
  MAMBA_RETURN_IF_ERROR(
      gpu_->check(gpu_->driver().cuModuleGetFunction(&kernel.function, module_.get(), name),
                  "find a kernel of the limits"));
  kernel.blocks = unsigned(multiprocessors_) * blocksOfMultiprocessor;
  return kernel;
}

Status Limits::launch(const Stream &stream, const Kernel &kernel, std::vector<uint64_t> args) {
  std::vector<void *> params;
  for (uint64_t &arg : args)
    params.push_back(&arg);
  return gpu_->check(gpu_->driver().cuLaunchKernel(kernel.function, kernel.blocks, 1, 1,
                                                   kernel.threads, 1, 1, 0, stream.get(),
                                                   params.data(), nullptr),
                     "launch a kernel of the limits");
}

Status Limits::rate(const char *name, const char *unit, double amount, const Kernel &kernel,
                    std::vector<uint64_t> args, unsigned pieces) {
  MAMBA_ASSIGN_OR_RETURN(double seconds,
                         meter_.measure(pieces, false, [&](const Stream &stream, unsigned) {
                           return launch(stream, kernel, args);
                         }));
  sayLimit(name, amount / seconds, unit);
  return {};
}

Status Limits::memory() {
  constexpr uint64_t kVector = 16;
  MAMBA_ASSIGN_OR_RETURN(Kernel read, find("readAll", 8));
  MAMBA_ASSIGN_OR_RETURN(Kernel copy, find("copyAll", 8));
  // Whole batches of all threads, far more than the L2.
  uint64_t unit = uint64_t(read.blocks) * read.threads * kVector * 8;
  uint64_t wanted = isQuick_ ? unit : std::max<uint64_t>(uint64_t(l2Bytes_) * 16, 1 << 30);
  uint64_t bytes = wanted / unit * unit;
  MAMBA_ASSIGN_OR_RETURN(memory_,
                         DeviceMemory::allocate(gpu_, 2 * bytes + 256, "the limits"));
  MAMBA_RETURN_IF_ERROR(meter_.stream().clear(memory_.address(), memory_.size()));
  uint64_t from = memory_.address(), to = from + bytes, sink = to + bytes;
  MAMBA_RETURN_IF_ERROR(
      rate("copy", "B/s", 2.0 * double(bytes), copy, {from, to, bytes / kVector}));
  MAMBA_RETURN_IF_ERROR(
      rate("read", "B/s", double(bytes), read, {from, sink, bytes / kVector, 1}));
  MAMBA_ASSIGN_OR_RETURN(double engine,
                         meter_.measure(4, false, [&](const Stream &stream, unsigned) {
                           return stream.copyOnDevice(to, from, bytes);
                         }));
  sayLimit("copy by the driver", 2.0 * double(bytes) / engine, "B/s");
  uint64_t small = std::max<uint64_t>(uint64_t(l2Bytes_) / 4 / unit, 1) * unit;
  uint64_t rounds = isQuick_ ? 2 : 32;
  return rate("L2 read", "B/s", double(small * rounds), read,
              {from, sink, small / kVector, rounds});
}

Status Limits::arithmetic() {
  uint64_t sink = memory_.address(), rounds = isQuick_ ? 4 : 4096;
  MAMBA_ASSIGN_OR_RETURN(Kernel special, find("special", 8));
  double threads = double(special.blocks) * special.threads;
  MAMBA_RETURN_IF_ERROR(
      rate("special functions", "op/s", 8 * threads * double(rounds), special, {sink, rounds}));
  MAMBA_ASSIGN_OR_RETURN(Kernel fma, find("multiplyAdd", 8));
  MAMBA_RETURN_IF_ERROR(
      rate("f32 multiply-add", "FLOP/s", 32 * threads * double(rounds), fma, {sink, rounds}));
  if (chip_ < 80)
    return {};
  MAMBA_ASSIGN_OR_RETURN(Kernel matrix, find("matrix", 4));
  double warps = double(matrix.blocks) * matrix.threads / 32;
  return rate("bf16 mma.sync", "FLOP/s", 8 * 2.0 * 16 * 16 * 8 * warps * double(rounds), matrix,
              {sink, rounds});
}

Status Limits::launches() {
  const unsigned pieces = isQuick_ ? 4 : 200;
  MAMBA_ASSIGN_OR_RETURN(Kernel nothing, find("nothing", 1));
  for (bool isGraph : {false, true}) {
    MAMBA_ASSIGN_OR_RETURN(double seconds,
                           meter_.measure(pieces, isGraph, [&](const Stream &stream, unsigned) {
                             return launch(stream, nothing, {});
                           }));
    sayLimit(isGraph ? "launch in a graph" : "launch", seconds, "s");
  }
  const Driver &driver = gpu_->driver();
  constexpr int kKeepsOverlap = 12030; // in graphs
  if (chip_ < 90 || !driver.cuLaunchKernelEx || driver.version() < kKeepsOverlap)
    return {};
  MAMBA_ASSIGN_OR_RETURN(nothing, find("nothingOverlapped", 1));
  MAMBA_ASSIGN_OR_RETURN(
      double seconds, meter_.measure(pieces, true, [&](const Stream &stream, unsigned i) -> Status {
        if (i == 0) // Nothing of the graph to overlap with.
          return launch(stream, nothing, {});
        CUlaunchAttribute attribute = {CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION, {}};
        attribute.value.programmaticStreamSerializationAllowed = 1;
        CUlaunchConfig config = {nothing.blocks, 1, 1, nothing.threads, 1, 1, 0, stream.get(),
                                 &attribute, 1};
        return gpu_->check(driver.cuLaunchKernelEx(&config, nothing.function, nullptr, nullptr),
                           "launch a kernel that overlaps");
      }));
  sayLimit("overlapped launch in a graph", seconds, "s");
  return {};
}

Status Limits::barrier() {
  uint64_t rounds = isQuick_ ? 2 : 1000, count = memory_.address();
  MAMBA_ASSIGN_OR_RETURN(Kernel kernel, find("gridBarrier", 1));
  kernel.threads = 32;
  if (isQuick_)
    kernel.blocks = 1; // Not every driver has all blocks at work at once.
  MAMBA_ASSIGN_OR_RETURN(double seconds,
                         meter_.measure(1, false, [&](const Stream &stream, unsigned) -> Status {
                           MAMBA_RETURN_IF_ERROR(stream.clear(count, sizeof(uint32_t)));
                           return launch(stream, kernel, {count, rounds});
                         }));
  sayLimit("barrier of a grid", seconds / double(rounds), "s");
  return {};
}

Status Limits::run() {
  MAMBA_ASSIGN_OR_RETURN(multiprocessors_,
                         gpu_->attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT));
  MAMBA_ASSIGN_OR_RETURN(l2Bytes_, gpu_->attribute(CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE));
  MAMBA_RETURN_IF_ERROR(load());
  MAMBA_ASSIGN_OR_RETURN(meter_, Meter::create(gpu_));
  MAMBA_RETURN_IF_ERROR(memory());
  MAMBA_RETURN_IF_ERROR(arithmetic());
  MAMBA_RETURN_IF_ERROR(launches());
  return barrier();
}

} // namespace

Status bench::measureLimits(const CheckFolder &folder, const std::shared_ptr<const Gpu> &gpu) {
  Current current(*gpu);
  MAMBA_RETURN_IF_ERROR(current.status());
  return Limits(folder, gpu).run();
}
