#include "runtime/device/cpu/CpuExecutable.h"

#include "runtime/device/cpu/CpuContext.h"
#include "runtime/device/cpu/CpuTargets.h"
#include "runtime/support/Quote.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>

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
    : pack_(std::move(pack)), target_(target),
      states_(collectStates(pack_->manifest())),
      programs_(pack_->manifest(), target) {
  for (const KernelSpec &kernel : target.kernels)
    scratchBytes_ = std::max(scratchBytes_, kernel.scratch);
}

Result<std::unique_ptr<CpuExecutable>>
CpuExecutable::load(std::shared_ptr<const Pack> pack,
                    const DeviceOptions &options) {
  CpuFeatures features = CpuFeatures::detect();
  MAMBA_ASSIGN_OR_RETURN(const TargetSpec *target,
                         chooseCpuTarget(*pack, features, hostArch()));
  if (needsAmx(*target)) {
    if (Status granted = requestAmx(); !granted.ok()) {
      features.dropAmx();
      auto other = chooseCpuTarget(*pack, features, hostArch());
      if (!other.ok())
        return granted.withContext("target " + inQuotes(target->name));
      target = *other;
    }
  }
  std::unique_ptr<CpuExecutable> executable(
      new CpuExecutable(std::move(pack), *target));
  MAMBA_RETURN_IF_ERROR(executable->loadCode());
  MAMBA_ASSIGN_OR_RETURN(
      executable->threads_,
      ThreadPool::create(options.threads, executable->scratchBytes_));
  return executable;
}

Status CpuExecutable::loadCode() {
  MAMBA_ASSIGN_OR_RETURN(std::vector<uint8_t> code, pack_->code(target_.code));
  std::string context =
      inQuotes(pack_->path()) + ": target " + inQuotes(target_.name);
  Result<ElfImage> image = ElfImage::load(code, target_.arch);
  if (!image.ok())
    return image.status().withContext(context);
  image_ = *std::move(image);
  for (const KernelSpec &kernel : target_.kernels) {
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

/// Calls use(index) for every weight that the dispatches read.
template <typename Use>
static void forEachWeight(const std::vector<Dispatch> &dispatches, Use use) {
  for (const Dispatch &dispatch : dispatches)
    for (const ArgRef &arg : dispatch.args)
      if (arg.space == ArgSpace::Weight)
        use(arg.number);
}

Status CpuExecutable::loadWeights(std::shared_ptr<WeightSource> source,
                                  const Progress &progress) {
  if (hasWeights_)
    return invalidArgument("the weights are loaded already");
  std::vector<bool> isUsed(manifest().checkpoint.size());
  auto use = [&](uint64_t index) { isUsed[index] = true; };
  forEachWeight(target_.recipe, use);
  for (const Program &program : target_.programs)
    forEachWeight(program.dispatches, use);

  weights_.assign(isUsed.size(), nullptr);
  copies_.clear();
  copies_.resize(isUsed.size());
  for (uint32_t i = 0; i < isUsed.size(); ++i) {
    if (!isUsed[i])
      continue;
    if (!source)
      return invalidArgument("the pack's weights are not given, load its "
                             "checkpoint");
    MAMBA_RETURN_IF_ERROR(bindWeight(*source, i));
  }
  MAMBA_RETURN_IF_ERROR(runRecipe(progress));
  dropUnusedCopies();
  source_ = std::move(source);
  hasWeights_ = true;
  return {};
}

Status CpuExecutable::bindWeight(WeightSource &source, uint32_t index) {
  const WeightSpec &spec = manifest().checkpoint[index];
  MAMBA_ASSIGN_OR_RETURN(std::span<const uint8_t> bytes, source.find(spec));
  // Verified with the manifest: the shape has a size.
  uint64_t expected = tensorBytes(spec.dtype, spec.shape).value_or(0);
  if (bytes.size() != expected)
    return invalidData("weight " + inQuotes(spec.name) + " must have " +
                       std::to_string(expected) + " bytes, got " +
                       std::to_string(bytes.size()));
  weights_[index] = bytes.data();
  uint64_t alignment = std::max(1u, dtypeBytes(spec.dtype));
  if (reinterpret_cast<uintptr_t>(bytes.data()) % alignment == 0)
    return {};
  MAMBA_ASSIGN_OR_RETURN(copies_[index],
                         Memory::allocate(expected, "a misaligned weight"));
  std::memcpy(copies_[index].data(), bytes.data(), expected);
  weights_[index] = copies_[index].data();
  return {};
}

Status CpuExecutable::runRecipe(const Progress &progress) {
  packed_.release();
  MAMBA_ASSIGN_OR_RETURN(
      packed_, Memory::allocate(target_.packedBytes, "packed weights"));
  MAMBA_ASSIGN_OR_RETURN(Memory scratch,
                         Memory::allocate(scratchBytes_, "scratch memory"));
  if (poisonsMemory())
    poison(packed_, packed_.size());
  static constexpr int64_t kNoSequences[] = {0, 0};
  std::vector<void *> buffers;
  for (size_t i = 0; i < target_.recipe.size(); ++i) {
    const Dispatch &dispatch = target_.recipe[i];
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
    if (progress)
      progress(i + 1, target_.recipe.size());
  }
  return packed_.makeReadOnly();
}

/// Frees the copies that only the recipe has read.
void CpuExecutable::dropUnusedCopies() {
  std::vector<bool> isUsed(copies_.size());
  for (const Program &program : target_.programs)
    forEachWeight(program.dispatches,
                  [&](uint64_t index) { isUsed[index] = true; });
  for (size_t i = 0; i < copies_.size(); ++i)
    if (!isUsed[i] && copies_[i].size() != 0) {
      copies_[i].release();
      weights_[i] = nullptr;
    }
}

Result<std::unique_ptr<Context>> CpuExecutable::createContext(uint64_t slots) {
  // A pack that has nothing to load needs no call of loadWeights.
  if (!hasWeights_ && manifest().checkpoint.empty())
    MAMBA_RETURN_IF_ERROR(loadWeights(nullptr, nullptr));
  if (!hasWeights_)
    return invalidArgument("the weights are not loaded yet, call loadWeights "
                           "before createContext");
  if (slots == 0 || slots > std::numeric_limits<int32_t>::max())
    return invalidArgument("a context needs 1 to " +
                           std::to_string(std::numeric_limits<int32_t>::max()) +
                           " slots, asked for " + std::to_string(slots));
  MAMBA_ASSIGN_OR_RETURN(std::unique_ptr<CpuContext> context,
                         CpuContext::create(*this, slots));
  return std::unique_ptr<Context>(std::move(context));
}

//===----------------------------------------------------------------------===//

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
