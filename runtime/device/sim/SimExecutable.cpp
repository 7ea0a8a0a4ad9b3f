#include "runtime/device/sim/SimExecutable.h"

#include "runtime/device/Processors.h"
#include "runtime/device/SelfTest.h"
#include "runtime/device/WeightProgress.h"
#include "runtime/device/sim/PtxMix.h"
#include "runtime/device/sim/SimContext.h"
#include "runtime/device/sim/SimTargets.h"
#include "runtime/support/Quote.h"

#include <cstdlib>
#include <optional>
#include <utility>

using namespace mamba;

/// Parameters before a kernel's arguments, and what each takes; FORMAT.md.
static constexpr size_t kStepParams = 4;
static constexpr uint32_t kParamBytes = 8;

//===----------------------------------------------------------------------===//
// Mappings
//===----------------------------------------------------------------------===//

Result<SimMapping> SimMapping::make(sim::GlobalMemory &memory, void *host,
                                    uint64_t bytes, std::string name,
                                    bool isWritten) {
  SimMapping mapping;
  MAMBA_ASSIGN_OR_RETURN(
      mapping.address_, memory.map(host, bytes, std::move(name), isWritten));
  mapping.memory_ = &memory;
  return mapping;
}

Result<SimMapping> SimMapping::makeReadOnly(sim::GlobalMemory &memory,
                                            const void *host, uint64_t bytes,
                                            std::string name) {
  SimMapping mapping;
  MAMBA_ASSIGN_OR_RETURN(mapping.address_,
                         memory.mapReadOnly(host, bytes, std::move(name)));
  mapping.memory_ = &memory;
  return mapping;
}

SimMapping::~SimMapping() {
  if (memory_)
    memory_->release(address_);
}

void SimMapping::swap(SimMapping &other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(address_, other.address_);
}

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

Result<std::unique_ptr<Executable>>
mamba::loadOnSim(std::shared_ptr<const Pack> pack,
                 const DeviceOptions &options) {
  MAMBA_ASSIGN_OR_RETURN(std::unique_ptr<SimExecutable> executable,
                         SimExecutable::load(std::move(pack), options));
  return std::unique_ptr<Executable>(std::move(executable));
}

SimExecutable::SimExecutable(std::shared_ptr<const Pack> pack,
                             const TargetSpec &target)
    : TargetExecutable(std::move(pack), target) {}

Result<std::unique_ptr<SimExecutable>>
SimExecutable::load(std::shared_ptr<const Pack> pack,
                    const DeviceOptions &options) {
  MAMBA_RETURN_IF_ERROR(checkThreads(options.threads));
  MAMBA_ASSIGN_OR_RETURN(
      const TargetSpec *target,
      options.target.empty()
          ? chooseSimTarget(*pack, std::getenv("MAMBA_SIM_TARGET"))
          : findSimTarget(*pack, options.target));
  MAMBA_ASSIGN_OR_RETURN(sim::Checks checks,
                         parseSimChecks(std::getenv("MAMBA_SIM_CHECKS")));
  std::unique_ptr<SimExecutable> executable(
      new SimExecutable(std::move(pack), *target));
  executable->checks_ = checks;
  executable->counts_ = options.counts;
  executable->threads_ =
      options.threads ? options.threads : availableProcessors();
  Status status = executable->loadModule();
  if (status.ok() && options.counts)
    status = executable->describeKernels();
  if (!status.ok())
    return status.withContext(inQuotes(executable->pack().path()) +
                              ": target " + inQuotes(target->name));
  return executable;
}

/// How many arguments the target's dispatches and golden cases give each
/// kernel; none where nothing runs it. Verified: it is always the same.
static std::vector<std::optional<size_t>> countArgs(const TargetSpec &target) {
  std::vector<std::optional<size_t>> counts(target.kernels.size());
  auto note = [&](const std::vector<Dispatch> &dispatches) {
    for (const Dispatch &dispatch : dispatches) {
      counts[dispatch.kernel] = dispatch.args.size();
      for (const DispatchVariant &variant : dispatch.variants)
        counts[variant.kernel] = dispatch.args.size();
    }
  };
  note(target.recipe);
  for (const Program &program : target.programs)
    note(program.dispatches);
  for (size_t i = 0; i < target.kernels.size(); ++i)
    for (const GoldenCase &golden : target.kernels[i].golden)
      counts[i] = golden.args.size();
  return counts;
}

Status SimExecutable::loadModule() {
  MAMBA_ASSIGN_OR_RETURN(std::vector<uint8_t> code, pack().code(target().code));
  std::string_view ptx(reinterpret_cast<const char *>(code.data()),
                       code.size());
  MAMBA_ASSIGN_OR_RETURN(module_, sim::Module::load(ptx, target().code));
  if (module_->target() != target().arch)
    return invalidData("its PTX is for " + inQuotes(module_->target()) +
                       ", the pack says " + inQuotes(target().arch));
  std::vector<std::optional<size_t>> argCounts = countArgs(target());
  for (size_t i = 0; i < target().kernels.size(); ++i) {
    const KernelSpec &kernel = target().kernels[i];
    int index = module_->find(kernel.symbol);
    if (index < 0)
      return invalidData("its PTX has no kernel " + inQuotes(kernel.symbol));
    kernels_.push_back(static_cast<uint32_t>(index));
    if (argCounts[i])
      MAMBA_RETURN_IF_ERROR(
          bindKernel(kernel, *argCounts[i])
              .withContext("kernel " + inQuotes(kernel.symbol)));
  }
  return {};
}

/// The kernel's PTX takes what the pack says.
Status SimExecutable::bindKernel(const KernelSpec &kernel, size_t args) {
  const sim::Module::Kernel &found = module_->kernels()[kernels_.back()];
  size_t params = kStepParams + args;
  bool fits = found.paramOffsets.size() == params &&
              found.paramBytes == params * kParamBytes;
  for (size_t i = 0; fits && i < params; ++i)
    fits = found.paramOffsets[i] == i * kParamBytes;
  if (!fits)
    return invalidData("its PTX has " +
                       std::to_string(found.paramOffsets.size()) +
                       " parameters of " + std::to_string(found.paramBytes) +
                       " bytes, the pack gives " + std::to_string(params) +
                       " of 8 bytes each");
  for (size_t i = 0; i < params; ++i)
    if (found.paramSizes[i] != kParamBytes)
      return invalidData("parameter " + std::to_string(i) + " of its PTX has " +
                         std::to_string(found.paramSizes[i]) +
                         " bytes, the pack gives 8");
  if (kernel.launch->threads > found.maxThreads)
    return invalidData("its PTX is for blocks of at most " +
                       std::to_string(found.maxThreads) +
                       " threads, the pack has " +
                       std::to_string(kernel.launch->threads));
  if (kernel.launch->shared < found.sharedBytes)
    return invalidData("its PTX has " + std::to_string(found.sharedBytes) +
                       " bytes of shared memory, the pack says " +
                       std::to_string(kernel.launch->shared));
  return {};
}

/// Makes profile_.
Status SimExecutable::describeKernels() {
  std::vector<uint8_t> code;
  Cubin cubin;
  if (target().cubin) {
    MAMBA_ASSIGN_OR_RETURN(code, pack().code(*target().cubin));
    MAMBA_ASSIGN_OR_RETURN(cubin, readCubin(code, *target().cubin));
  }
  std::vector<sim::Profile::Kernel> kernels;
  for (size_t i = 0; i < target().kernels.size(); ++i) {
    const KernelSpec &spec = target().kernels[i];
    sim::Profile::Kernel kernel = {spec.symbol, spec.launch->threads,
                                   spec.launch->registers.value_or(0),
                                   spec.launch->shared,
                                   sim::mixOfPtx(*module_, kernels_[i]), {}};
    for (const CubinKernel &found : cubin.kernels)
      if (found.name == spec.symbol)
        kernel.machine = sim::mixOfCode(found.code, cubin.chip);
    kernels.push_back(std::move(kernel));
  }
  profile_ = sim::Profile(std::move(kernels));
  return {};
}

Result<std::string> SimExecutable::profile(const std::string &chip,
                                           ProfileForm form) const {
  if (!counts_)
    return nothingWasCounted();
  MAMBA_ASSIGN_OR_RETURN(const sim::Chip *found,
                         sim::chipNamed(chip.empty() ? target().arch : chip));
  auto held = lock();
  return form == ProfileForm::Json ? profile_.json(*found)
                                   : profile_.table(*found);
}

void SimExecutable::clearProfile() {
  auto held = lock();
  profile_ = sim::Profile(profile_.kernels());
}

Status SimExecutable::launch(uint32_t kernel, uint64_t tiles, const Step &step,
                             std::span<const uint64_t> args,
                             bool isOfProgram) {
  if (tiles == 0)
    return {};
  std::vector<uint64_t> params = {step.rows, step.sequences, step.seqStart,
                                  step.slot};
  params.insert(params.end(), args.begin(), args.end());
  sim::Launch launch;
  launch.kernel = kernels_[kernel];
  launch.grid[0] = static_cast<uint32_t>(tiles);
  const LaunchSpec &spec = *target().kernels[kernel].launch;
  launch.block[0] = spec.threads;
  if (isOfProgram && spec.overlap)
    launch.overlapsSince = settled_;
  launch.params = {reinterpret_cast<const uint8_t *>(params.data()),
                   params.size() * kParamBytes};
  sim::Counts counts;
  MAMBA_RETURN_IF_ERROR(sim::run(*module_, launch, memory_, checks_, threads_,
                                 counts_ ? &counts : nullptr));
  if (counts_)
    profile_.add(kernel, tiles, counts);
  return {};
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

Status SimExecutable::prepareWeights(WeightSource *source,
                                     const Progress &progress) {
  auto held = lock();
  weightMappings_.clear();
  packedMapping_ = SimMapping();
  MAMBA_RETURN_IF_ERROR(weights_.bind(manifest(), target(), source));
  MAMBA_RETURN_IF_ERROR(mapWeights());
  WeightProgress bytes(manifest(), target(), progress);
  bytes.finishMapped();
  MAMBA_RETURN_IF_ERROR(runRecipe(bytes));
  std::vector<bool> isRead = weightsReadByPrograms(manifest(), target());
  for (size_t i = 0; i < isRead.size(); ++i)
    if (!isRead[i])
      weightMappings_[i] = SimMapping();
  weights_.dropRecipeCopies(manifest(), target());
  settled_ = memory_.time();
  return {};
}

Status SimExecutable::mapWeights() {
  weightMappings_.resize(weights_.size());
  for (size_t i = 0; i < weights_.size(); ++i) {
    if (!weights_.data(i))
      continue;
    const WeightSpec &spec = manifest().checkpoint[i];
    MAMBA_ASSIGN_OR_RETURN(
        weightMappings_[i],
        SimMapping::makeReadOnly(
            memory_, weights_.data(i),
            tensorBytes(spec.dtype, spec.shape).value_or(0),
            "weight '" + spec.name + "'"));
  }
  packed_.release();
  MAMBA_ASSIGN_OR_RETURN(
      packed_, Memory::allocate(target().packedBytes, "packed weights"));
  MAMBA_ASSIGN_OR_RETURN(packedMapping_,
                         SimMapping::make(memory_, packed_.data(),
                                          packed_.size(), "packed weights",
                                          false));
  return {};
}

Status SimExecutable::runRecipe(WeightProgress &progress) {
  static constexpr int64_t kZero = 0;
  MAMBA_ASSIGN_OR_RETURN(
      SimMapping zero,
      SimMapping::makeReadOnly(memory_, &kZero, sizeof(kZero),
                               "the 0 of a recipe"));
  std::vector<uint64_t> args;
  for (size_t i = 0; i < target().recipe.size(); ++i) {
    const Dispatch &dispatch = target().recipe[i];
    args.clear();
    for (const ArgRef &arg : dispatch.args)
      args.push_back(address(arg));
    Step step = {dispatch.rows.value, 0, zero.address(), zero.address()};
    MAMBA_RETURN_IF_ERROR(
        launch(dispatch.kernel, dispatch.grid.tiles(0, 0), step, args)
            .withContext("recipe dispatch " + std::to_string(i)));
    progress.finish(dispatch);
  }
  memory_.makeReadOnly(packedMapping_.address());
  return packed_.makeReadOnly();
}

Result<std::unique_ptr<Context>> SimExecutable::makeContext(uint64_t slots) {
  MAMBA_ASSIGN_OR_RETURN(std::unique_ptr<SimContext> context,
                         SimContext::create(*this, slots));
  return std::unique_ptr<Context>(std::move(context));
}

//===----------------------------------------------------------------------===//

Status SimExecutable::runGolden(uint32_t kernel, const GoldenRun &run) {
  std::vector<SimMapping> mappings(run.buffers.size() + 2);
  std::vector<uint64_t> args;
  for (size_t i = 0; i < run.buffers.size(); ++i) {
    const GoldenBuffer &buffer = run.buffers[i];
    MAMBA_ASSIGN_OR_RETURN(
        mappings[i],
        SimMapping::make(memory_, buffer.data(), buffer.bytes(),
                         "argument " + std::to_string(i), !buffer.isPoison()));
    args.push_back(mappings[i].address());
  }
  std::span<const int32_t> slots = run.golden.slots;
  SimMapping &seqStart = mappings[args.size()], &slot = mappings.back();
  MAMBA_ASSIGN_OR_RETURN(
      seqStart, SimMapping::makeReadOnly(memory_, run.seqStart.data(),
                                         run.seqStart.size() * sizeof(int64_t),
                                         "seqStart"));
  MAMBA_ASSIGN_OR_RETURN(slot, SimMapping::makeReadOnly(memory_, slots.data(),
                                                        slots.size_bytes(),
                                                        "slot"));
  Step step = {run.golden.rows, run.golden.lengths.size(), seqStart.address(),
               slot.address()};
  return launch(kernel, run.tiles(), step, args);
}

Status SimExecutable::selfTest(const Progress &progress) {
  auto held = lock();
  return runSelfTest(
      pack(), target(),
      [this](uint32_t kernel, const GoldenRun &run) {
        return runGolden(kernel, run);
      },
      progress);
}
