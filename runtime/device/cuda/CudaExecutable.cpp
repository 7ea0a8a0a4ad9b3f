#include "runtime/device/cuda/CudaExecutable.h"

#include "runtime/device/BoundWeights.h"
#include "runtime/device/ModelCheck.h"
#include "runtime/device/SelfTest.h"
#include "runtime/device/WeightProgress.h"
#include "runtime/device/cuda/CudaContext.h"
#include "runtime/device/cuda/Upload.h"
#include "runtime/support/CheckedMath.h"
#include "runtime/support/Quote.h"
#include "runtime/support/Sha256.h"

#include <algorithm>
#include <cstdlib>
#include <new>

using namespace mamba;
using namespace mamba::cuda;

/// Parameters before a kernel's arguments; FORMAT.md.
static constexpr size_t kStepParams = 4;
/// Where tensors start, and what lies between those in one block; bytes.
static constexpr uint64_t kAlignment = 256;

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

Result<std::unique_ptr<Executable>>
mamba::loadOnCuda(std::shared_ptr<const Pack> pack, unsigned ordinal,
                  const DeviceOptions &options) {
  MAMBA_ASSIGN_OR_RETURN(
      std::unique_ptr<CudaExecutable> executable,
      CudaExecutable::load(std::move(pack), ordinal, options));
  return std::unique_ptr<Executable>(std::move(executable));
}

/// CUDA 12.3 is the first whose graphs keep what overlaps of a captured step.
static bool canOverlap(const Driver &driver) {
  constexpr int kFirstVersion = 12030;
  return driver.cuLaunchKernelEx && driver.version() >= kFirstVersion;
}

Result<std::unique_ptr<CudaExecutable>>
CudaExecutable::load(std::shared_ptr<const Pack> pack, unsigned ordinal,
                     const DeviceOptions &options) {
  MAMBA_ASSIGN_OR_RETURN(std::optional<CodeForm> wanted,
                         parseCodeForm(std::getenv("MAMBA_CUDA_PREFER")));
  auto readSwitch = [](const char *variable) {
    return parseSwitch(variable, std::getenv(variable));
  };
  MAMBA_ASSIGN_OR_RETURN(bool usesGraphs, readSwitch("MAMBA_CUDA_GRAPHS"));
  MAMBA_ASSIGN_OR_RETURN(bool overlaps, readSwitch("MAMBA_CUDA_OVERLAP"));
  MAMBA_ASSIGN_OR_RETURN(std::shared_ptr<const Gpu> gpu, Gpu::open(ordinal));
  MAMBA_ASSIGN_OR_RETURN(const TargetSpec *target,
                         chooseTarget(*pack, gpu->chip(), options.target));
  Current current(*gpu); // gpu stays here: what fails below goes before it.
  MAMBA_RETURN_IF_ERROR(current.status());
  KernelCache cache = KernelCache::ofUser();
  Result<CudaCode> code = CudaCode::load(gpu, *pack, *target, wanted, cache,
                                         options.warn);
  if (!code.ok())
    return code.status().withContext(inQuotes(pack->path()) + ": target " +
                                     inQuotes(target->name) + " on " +
                                     gpu->name());
  std::unique_ptr<CudaExecutable> executable(new CudaExecutable(
      std::move(pack), *target, gpu, *std::move(code)));
  executable->inform_ = options.inform;
  executable->usesGraphs_ = usesGraphs;
  executable->overlaps_ = overlaps && canOverlap(gpu->driver());
  MAMBA_RETURN_IF_ERROR(executable->testOnce(cache));
  return executable;
}

std::string CudaExecutable::description() const {
  return "target " + target().name + " on " + gpu_->name() + " (sm_" +
         std::to_string(gpu_->chip()) + "), kernels from " +
         nameOf(code_.form());
}

Status CudaExecutable::launch(const Stream &stream, uint32_t kernel,
                              uint64_t tiles, const Step &step,
                              std::span<const CUdeviceptr> args,
                              bool *mayOverlap) const {
  if (tiles == 0)
    return {};
  uint64_t values[kStepParams + kMaxDispatchArgs] = {
      step.rows, step.sequences, step.seqStart, step.slot};
  std::copy(args.begin(), args.end(), values + kStepParams);
  void *params[std::size(values)];
  for (size_t i = 0; i < kStepParams + args.size(); ++i)
    params[i] = &values[i];
  const KernelSpec &spec = target().kernels[kernel];
  const Driver &driver = gpu_->driver();
  CUfunction function = code_.function(kernel);
  auto blocks = static_cast<unsigned>(tiles);
  bool overlaps = overlaps_ && spec.launch->overlap;
  CUresult result;
  if (overlaps && mayOverlap && *mayOverlap) {
    CUlaunchAttribute attribute = {
        CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION, {}};
    attribute.value.programmaticStreamSerializationAllowed = 1;
    CUlaunchConfig config = {blocks, 1, 1, spec.launch->threads, 1, 1,
                             0, stream.get(), &attribute, 1};
    result = driver.cuLaunchKernelEx(&config, function, params, nullptr);
  } else {
    result = driver.cuLaunchKernel(function, blocks, 1, 1, spec.launch->threads,
                                   1, 1, 0, stream.get(), params, nullptr);
  }
  if (mayOverlap)
    *mayOverlap = overlaps;
  if (result == CUDA_SUCCESS)
    return {};
  return gpu_->driver().failure(result,
                                "launch kernel " + inQuotes(spec.symbol));
}

Result<std::unique_ptr<Context>> CudaExecutable::makeContext(uint64_t slots) {
  MAMBA_ASSIGN_OR_RETURN(std::unique_ptr<CudaContext> context,
                         CudaContext::create(*this, slots));
  return std::unique_ptr<Context>(std::move(context));
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

static constexpr const char *kWeights =
    "the weights, take a smaller or a quantised model";

/// Verified with the manifest: the shape has a size, and it can be aligned.
static uint64_t alignedBytes(const WeightSpec &spec) {
  return *checkedAlignUp(tensorBytes(spec.dtype, spec.shape).value_or(0),
                         kAlignment);
}

Status CudaExecutable::prepareWeights(WeightSource *source,
                                      const Progress &progress) {
  Current current(*gpu_);
  MAMBA_RETURN_IF_ERROR(current.status());
  BoundWeights bound;
  MAMBA_RETURN_IF_ERROR(bound.bind(manifest(), target(), source));

  // A zero, packed weights, then what programs read.
  std::vector<bool> isKept = weightsReadByPrograms(manifest(), target());
  uint64_t packedBytes = *checkedAlignUp(target().packedBytes, kAlignment);
  std::optional<uint64_t> end = kAlignment + packedBytes;
  std::vector<uint64_t> offsets(isKept.size());
  uint64_t largest = 0;
  for (size_t i = 0; i < isKept.size(); ++i) {
    const WeightSpec &spec = manifest().checkpoint[i];
    if (bound.data(i))
      largest = std::max(largest, alignedBytes(spec));
    if (!isKept[i])
      continue;
    offsets[i] = *end;
    end = checkedAdd(*end, alignedBytes(spec));
    if (!end)
      return outOfMemory("the weights are larger than memory can be");
  }
  memory_.release();
  MAMBA_ASSIGN_OR_RETURN(memory_,
                         DeviceMemory::allocate(gpu_, *end, kWeights));
  MAMBA_ASSIGN_OR_RETURN(Upload upload, Upload::create(gpu_, largest));
  // After what it reads from and writes to, so that it ends first.
  MAMBA_ASSIGN_OR_RETURN(Stream stream, Stream::create(gpu_));
  MAMBA_RETURN_IF_ERROR(stream.clear(memory_.address(), kAlignment));
  zero_ = memory_.address();
  packed_ = memory_.address() + kAlignment;
  weights_.assign(isKept.size(), 0);
  WeightProgress bytes(manifest(), target(), progress);
  for (size_t i = 0; i < isKept.size(); ++i) {
    if (!isKept[i])
      continue;
    const WeightSpec &spec = manifest().checkpoint[i];
    weights_[i] = memory_.address() + offsets[i];
    MAMBA_RETURN_IF_ERROR(
        upload
            .copy(stream, weights_[i], bound.data(i),
                  tensorBytes(spec.dtype, spec.shape).value_or(0))
            .withContext("weight " + inQuotes(spec.name)));
    bytes.finish(i);
  }
  return runRecipe(bound, upload, stream, bytes);
}

/// What only the recipe reads is on the GPU for the time of one dispatch, all
/// in the same place: the GPU does one thing after the other.
Status CudaExecutable::runRecipe(const BoundWeights &bound, Upload &upload,
                                 const Stream &stream,
                                 WeightProgress &progress) {
  uint64_t windowBytes = 0;
  for (const Dispatch &dispatch : target().recipe) {
    uint64_t bytes = 0;
    for (const ArgRef &arg : dispatch.args)
      if (arg.space == ArgSpace::Weight && weights_[arg.number] == 0)
        bytes += alignedBytes(manifest().checkpoint[arg.number]);
    windowBytes = std::max(windowBytes, bytes);
  }
  MAMBA_ASSIGN_OR_RETURN(
      DeviceMemory window,
      DeviceMemory::allocate(gpu_, windowBytes, kWeights));
  Status status;
  try {
    for (size_t i = 0; i < target().recipe.size() && status.ok(); ++i) {
      status = runRecipeStep(target().recipe[i], bound, upload, stream, window)
                   .withContext("recipe dispatch " + std::to_string(i));
      if (status.ok())
        progress.finish(target().recipe[i]);
    }
  } catch (const std::bad_alloc &) {
    status = outOfMemory("out of memory"); // Takes none itself.
  }
  // Also after a failure: what is queued uses the window.
  Status finished = stream.wait();
  return status.ok() ? finished.withContext("the recipe") : status;
}

Status CudaExecutable::runRecipeStep(const Dispatch &dispatch,
                                     const BoundWeights &bound, Upload &upload,
                                     const Stream &stream,
                                     const DeviceMemory &window) {
  uint64_t used = 0;
  std::vector<CUdeviceptr> args;
  for (const ArgRef &arg : dispatch.args) {
    CUdeviceptr at = address(arg);
    if (arg.space == ArgSpace::Weight && at == 0) {
      const WeightSpec &spec = manifest().checkpoint[arg.number];
      at = window.address() + used;
      used += alignedBytes(spec);
      MAMBA_RETURN_IF_ERROR(
          upload
              .copy(stream, at, bound.data(arg.number),
                    tensorBytes(spec.dtype, spec.shape).value_or(0))
              .withContext("weight " + inQuotes(spec.name)));
    }
    args.push_back(at);
  }
  Step step = {dispatch.rows.value, 0, zero_, zero_};
  return launch(stream, dispatch.kernel, dispatch.grid.tiles(0, 0), step, args);
}

//===----------------------------------------------------------------------===//
// Self-test
//===----------------------------------------------------------------------===//

Status CudaExecutable::runGolden(const Stream &stream, uint32_t kernel,
                                 const GoldenRun &run) {
  std::span<const int32_t> slots = run.golden.slots;
  uint64_t seqStartBytes = run.seqStart.size() * sizeof(int64_t);
  auto align = [](uint64_t bytes) {
    return (bytes + kAlignment - 1) / kAlignment * kAlignment;
  };
  uint64_t batchBytes = align(seqStartBytes) + align(slots.size_bytes());
  uint64_t total = batchBytes;
  for (const GoldenBuffer &buffer : run.buffers)
    total += align(buffer.wholeBytes());
  MAMBA_ASSIGN_OR_RETURN(
      DeviceMemory memory,
      DeviceMemory::allocate(
                             gpu_, total, "a self-test, end what else uses the GPU"));

  Step step = {run.golden.rows, run.golden.lengths.size(), memory.address(),
               memory.address() + align(seqStartBytes)};
  std::vector<CUdeviceptr> args;
  CUdeviceptr at = memory.address() + batchBytes;
  for (const GoldenBuffer &buffer : run.buffers) {
    args.push_back(at + kGuardBytes);
    at += align(buffer.wholeBytes());
  }
  auto queue = [&]() -> Status {
    MAMBA_RETURN_IF_ERROR(
        stream.copyToDevice(step.seqStart, run.seqStart.data(), seqStartBytes));
    MAMBA_RETURN_IF_ERROR(
        stream.copyToDevice(step.slot, slots.data(), slots.size_bytes()));
    for (size_t i = 0; i < args.size(); ++i)
      MAMBA_RETURN_IF_ERROR(stream.copyToDevice(args[i] - kGuardBytes,
                                                run.buffers[i].whole(),
                                                run.buffers[i].wholeBytes()));
    MAMBA_RETURN_IF_ERROR(launch(stream, kernel, run.tiles(), step, args));
    for (size_t i = 0; i < args.size(); ++i)
      MAMBA_RETURN_IF_ERROR(stream.copyToHost(run.buffers[i].whole(),
                                              args[i] - kGuardBytes,
                                              run.buffers[i].wholeBytes()));
    return {};
  };
  Status queued = queue();
  Status finished = stream.wait();
  return queued.ok() ? finished : queued;
}

Status CudaExecutable::selfTest(const Progress &progress) {
  Current current(*gpu_);
  MAMBA_RETURN_IF_ERROR(current.status());
  MAMBA_ASSIGN_OR_RETURN(Stream stream, Stream::create(gpu_));
  return runSelfTest(
      pack(), target(),
      [&](uint32_t kernel, const GoldenRun &run) {
        return runGolden(stream, kernel, run);
      },
      progress);
}

/// What the cache has once this code has passed a test on such a GPU.
std::string CudaExecutable::passedKey(const char *test) const {
  return std::string(test) + " passed\n" + gpu_->name() + "\n" + code_.key() +
         "\n" + sha256Hex(writeManifest(manifest()));
}

/// At the first load of this code on such a GPU; the cache remembers.
Status CudaExecutable::testOnce(const KernelCache &cache) {
  std::string key = passedKey("self-test");
  if (cache.find(key))
    return {};
  MAMBA_RETURN_IF_ERROR(selfTest(nullptr));
  cache.store(key, nullptr, 0);
  return {};
}

/// At the first load of weights that the pack's check is for.
Status CudaExecutable::checkLoaded(WeightSource *source) {
  if (!manifest().check)
    return {};
  std::string said = whyUnchecked(manifest(), source);
  if (said.empty()) {
    KernelCache cache = KernelCache::ofUser();
    std::string key =
        passedKey("end-to-end check") + (usesGraphs_ ? "\ngraphs" : "") +
        (overlaps_ ? "\noverlap" : "");
    if (cache.find(key))
      return {};
    MAMBA_ASSIGN_OR_RETURN(said, runModelCheck(*this));
    cache.store(key, nullptr, 0);
  }
  if (inform_)
    inform_(said);
  return {};
}
