#include "runtime/device/cpu/CpuExecutable.h"

#include "runtime/device/SelfTest.h"
#include "runtime/device/WeightProgress.h"
#include "runtime/device/cpu/CpuContext.h"
#include "runtime/device/cpu/CpuTargets.h"
#include "runtime/device/cpu/FloatMode.h"
#include "runtime/support/Quote.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

using namespace mamba;

Result<std::unique_ptr<Executable>>
mamba::loadOnCpu(std::shared_ptr<const Pack> pack,
                 const DeviceOptions &options) {
  MAMBA_ASSIGN_OR_RETURN(std::unique_ptr<CpuExecutable> executable,
                         CpuExecutable::load(std::move(pack), options));
  return std::unique_ptr<Executable>(std::move(executable));
}

CpuExecutable::CpuExecutable(std::shared_ptr<const Pack> pack,
                             const TargetSpec &target)
    : TargetExecutable(std::move(pack), target) {
  for (const KernelSpec &kernel : target.kernels)
    scratchBytes_ = std::max(scratchBytes_, kernel.scratch);
}

Result<std::unique_ptr<CpuExecutable>>
CpuExecutable::load(std::shared_ptr<const Pack> pack,
                    const DeviceOptions &options) {
  MAMBA_ASSIGN_OR_RETURN(
      const TargetSpec *target,
      chooseCpuTarget(*pack, CpuHost::detect(), options.target, options.warn));
  std::unique_ptr<CpuExecutable> executable(
      new CpuExecutable(std::move(pack), *target));
  MAMBA_RETURN_IF_ERROR(executable->loadCode());
  MAMBA_ASSIGN_OR_RETURN(
      executable->threads_,
      ThreadPool::create(options.threads, executable->scratchBytes_));
  if (options.counts)
    executable->profile_ = std::make_unique<CpuProfile>(
        executable->manifest(), *target, executable->threads_->threads());
  return executable;
}

Status CpuExecutable::loadCode() {
  MAMBA_ASSIGN_OR_RETURN(std::vector<uint8_t> code, pack().code(target().code));
  std::string context =
      inQuotes(pack().path()) + ": target " + inQuotes(target().name);
  Result<ElfImage> image = ElfImage::load(code, target().arch);
  if (!image.ok())
    return image.status().withContext(context);
  image_ = *std::move(image);
  for (const KernelSpec &kernel : target().kernels) {
    Result<MambaKernel> entry = image_.kernel(kernel.entry);
    if (!entry.ok())
      return entry.status().withContext(context + ": kernel " +
                                        inQuotes(kernel.symbol));
    kernels_.push_back(*entry);
  }
  return {};
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

Status CpuExecutable::prepareWeights(WeightSource *source,
                                     const Progress &progress) {
  MAMBA_RETURN_IF_ERROR(weights_.bind(manifest(), target(), source));
  WeightProgress bytes(manifest(), target(), progress);
  bytes.finishMapped();
  MAMBA_RETURN_IF_ERROR(runRecipe(source, bytes));
  weights_.dropRecipeCopies(manifest(), target());
  return {};
}

Status CpuExecutable::runRecipe(WeightSource *source,
                                WeightProgress &progress) {
  packed_.release();
  MAMBA_ASSIGN_OR_RETURN(
      packed_, Memory::allocate(target().packedBytes, "packed weights"));
  MAMBA_ASSIGN_OR_RETURN(Memory scratch,
                         Memory::allocate(scratchBytes_, "scratch memory"));
  if (poisonsMemory())
    poison(packed_, packed_.size());
  static constexpr int64_t kNoSequences[] = {0, 0};
  std::vector<void *> buffers;
  for (const Dispatch &dispatch : target().recipe) {
    buffers.clear();
    for (const ArgRef &arg : dispatch.args)
      buffers.push_back(const_cast<void *>(address(arg)));
    MambaKernelArgs args = {};
    args.rows = dispatch.rows.value;
    args.seqStart = kNoSequences;
    args.buffers = buffers.data();
    ThreadPool::Job job = {kernels_[dispatch.kernel], &args,
                           static_cast<uint32_t>(dispatch.grid.tiles(0, 0))};
    threads_->run({&job, 1}, scratch.data());
    progress.finish(dispatch);
    for (const ArgRef &arg : dispatch.args)
      if (arg.space == ArgSpace::Weight)
        source->rest(weights_.bytes(manifest(), arg.number));
  }
  return packed_.makeReadOnly();
}

Result<std::unique_ptr<Context>> CpuExecutable::makeContext(uint64_t slots) {
  MAMBA_ASSIGN_OR_RETURN(std::unique_ptr<CpuContext> context,
                         CpuContext::create(*this, slots));
  return std::unique_ptr<Context>(std::move(context));
}

//===----------------------------------------------------------------------===//

Status CpuExecutable::selfTest(const Progress &progress) {
  MAMBA_ASSIGN_OR_RETURN(Memory scratch,
                         Memory::allocate(scratchBytes_, "scratch memory"));
  auto runKernel = [&](uint32_t kernel, const GoldenRun &run) -> Status {
    std::vector<void *> addresses;
    for (const GoldenBuffer &buffer : run.buffers)
      addresses.push_back(buffer.data());
    MambaKernelArgs args = {};
    args.rows = run.golden.rows;
    args.sequences = run.golden.lengths.size();
    args.seqStart = run.seqStart.data();
    args.slot = run.golden.slots.data();
    args.position = run.golden.positions.data();
    args.buffers = addresses.data();
    ThreadPool::Job job = {kernels_[kernel], &args,
                           static_cast<uint32_t>(run.tiles())};
    threads_->run({&job, 1}, scratch.data());
    return {};
  };
  return runSelfTest(pack(), target(), runKernel, progress);
}

Result<std::string> CpuExecutable::profile(const std::string &chip,
                                           ProfileForm form) const {
  if (!profile_)
    return nothingWasCounted();
  if (!chip.empty())
    return invalidArgument("chip " + inQuotes(chip) +
                           " is for device 'sim', the cpu's profile is measured");
  return form == ProfileForm::Json ? profile_->json() : profile_->table();
}

void CpuExecutable::clearProfile() {
  if (profile_)
    profile_->clear();
}

using HostTask = const std::function<void(uint32_t)>;

/// A tile of the host's work; the only buffer is its task.
static void runTask(const MambaKernelArgs *args, uint32_t tile) {
  FloatMode mode(FloatMode::kOrdinary);
  (*static_cast<HostTask *>(args->buffers[0]))(tile);
}

void CpuExecutable::runOnThreads(
    uint32_t count, const std::function<void(uint32_t index)> &task) {
  void *buffers[] = {const_cast<void *>(static_cast<const void *>(&task))};
  MambaKernelArgs args = {};
  args.buffers = buffers;
  ThreadPool::Job job = {runTask, &args, count};
  threads_->run({&job, 1}, nullptr);
}

void mamba::poison(const Memory &memory, uint64_t bytes) {
  if (bytes != 0)
    std::memset(memory.data(), 0xff, bytes);
}

bool mamba::poisonsMemory() {
#ifdef NDEBUG
  const char *value = std::getenv("MAMBA_POISON");
  return value && std::strcmp(value, "1") == 0;
#else
  return true;
#endif
}
