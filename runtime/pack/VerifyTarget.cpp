// What FORMAT.md promises of a target: its code, kernels and dispatches.
#include "runtime/pack/VerifyParts.h"

#include "runtime/support/Quote.h"

#include <algorithm>
#include <cstdlib>

using namespace mamba;

/// Keeps products of rows and blocks within 64 bits.
static constexpr uint64_t kMaxGridBlock = uint64_t(1) << 32;

Status mamba::verifyIndex(const char *what, uint64_t index, uint64_t size) {
  if (index < size)
    return {};
  return invalidData(std::string(what) + " " + text(index) +
                     " is out of range, there are " + text(size));
}

static Status verifyBelow(const char *what, uint64_t offset, uint64_t size) {
  if (offset < size)
    return {};
  return invalidData(std::string(what) + " offset " + text(offset) +
                     " is outside of its " + text(size) + " bytes");
}

Status mamba::verifyGrid(const Grid &grid, uint64_t rows) {
  if (grid.block == 0 || grid.times == 0)
    return invalidData("the grid's block and times must be at least 1, got " +
                       text(grid.block) + " and " + text(grid.times));
  if (grid.block > kMaxGridBlock)
    return invalidData("the grid's block " + text(grid.block) +
                       " is more than " + text(kMaxGridBlock));
  if (rows > grid.maxRows())
    return invalidData("the grid of " + text(rows) + " rows, block " +
                       text(grid.block) + ", times " + text(grid.times) +
                       " has more than " + text(kMaxTiles) + " tiles");
  return {};
}

/// "sm_80", "sm_90a".
static bool isChip(std::string_view arch) {
  if (arch.substr(0, 3) != "sm_")
    return false;
  size_t end = arch.find_first_not_of("0123456789", 3);
  size_t digits = std::min(end, arch.size()) - 3;
  return (digits == 2 || digits == 3) &&
         (end == arch.npos ||
          (end + 1 == arch.size() && arch[end] >= 'a' && arch[end] <= 'z'));
}

namespace {

/// Verifies one target; remembers how many arguments each kernel takes.
class TargetVerifier {
public:
  TargetVerifier(const Manifest &manifest, const TargetSpec &target, const BlobTable &blobs)
      : manifest_(manifest), target_(target), blobs_(blobs),
        argCounts_(target.kernels.size()) {}

  Status verify() {
    if (target_.device.empty())
      return invalidData("the device has an empty name");
    MAMBA_RETURN_IF_ERROR(verifyCode("code", target_.code));
    if (isCuda() && !isChip(target_.arch))
      return invalidData("the arch of a cuda target must be like \"sm_80\", "
                         "got " +
                         inQuotes(target_.arch));
    if (target_.cubin && !isCuda())
      return invalidData("only cuda targets have a cubin");
    if (target_.cubin)
      MAMBA_RETURN_IF_ERROR(verifyCode("cubin", *target_.cubin));
    if (target_.cuda && !isCuda())
      return invalidData("only cuda targets have CUDA C++");
    if (target_.cuda)
      MAMBA_RETURN_IF_ERROR(verifyCode("CUDA C++", *target_.cuda));
    MAMBA_RETURN_IF_ERROR(verifyKernels());
    for (size_t i = 0; i < target_.recipe.size(); ++i)
      MAMBA_RETURN_IF_ERROR(verifyDispatch(target_.recipe[i], nullptr)
                                .withContext("recipe dispatch " + text(i)));
    for (size_t i = 0; i < target_.programs.size(); ++i)
      MAMBA_RETURN_IF_ERROR(
          verifyProgram(target_.programs[i]).withContext("program " + text(i)));
    return {};
  }

private:
  bool isCuda() const { return target_.device == "cuda"; }
  Status verifyCode(const char *what, const std::string &name);
  Status verifyKernels();
  Status verifyLaunch(const KernelSpec &kernel);
  Status verifyProgram(const Program &program);
  Status verifyDispatch(const Dispatch &dispatch, const Program *program);
  Status verifyVariants(const Dispatch &dispatch, const Program *program);
  Status verifyArg(const ArgRef &arg, const Program *program);
  Status verifyArgCount(uint64_t kernel, size_t count);

  const Manifest &manifest_;
  const TargetSpec &target_;
  const BlobTable &blobs_;
  std::vector<std::optional<size_t>> argCounts_;
};

} // namespace

Status TargetVerifier::verifyCode(const char *what, const std::string &name) {
  auto code = blobs_.find(name);
  if (code == blobs_.end())
    return invalidData(std::string(what) + " " + inQuotes(name) +
                       " is not a blob");
  if (code->second->rawBytes > kMaxCodeBytes)
    return invalidData(std::string(what) + " " + inQuotes(name) + " has " +
                       text(code->second->rawBytes) + " bytes, more than " +
                       text(kMaxCodeBytes));
  return {};
}

Status TargetVerifier::verifyLaunch(const KernelSpec &kernel) {
  if (kernel.launch.has_value() != isCuda())
    return invalidData(isCuda() ? "'launch' is missing, cuda kernels need it"
                                : "only cuda kernels have a launch");
  if (!isCuda())
    return {};
  if (kernel.entry != 0 || kernel.scratch != 0)
    return invalidData("entry and scratch of a cuda kernel must be 0, got " +
                       text(kernel.entry) + " and " + text(kernel.scratch));
  const LaunchSpec &launch = *kernel.launch;
  if (launch.threads == 0 || launch.threads > kMaxBlockThreads ||
      launch.threads % kWarpThreads != 0)
    return invalidData("the threads of a block must be a multiple of " +
                       text(kWarpThreads) + " up to " + text(kMaxBlockThreads) +
                       ", got " + text(launch.threads));
  if (launch.shared > kMaxStaticShared)
    return invalidData(text(launch.shared) + " bytes of shared memory are " +
                       "more than " + text(kMaxStaticShared));
  if (launch.registers > kMaxThreadRegisters)
    return invalidData(text(*launch.registers) + " registers are more than " +
                       text(kMaxThreadRegisters));
  constexpr unsigned long kFirstOverlap = 90; // a chip
  if (launch.overlap &&
      std::strtoul(target_.arch.c_str() + 3, nullptr, 10) < kFirstOverlap)
    return invalidData("launches overlap from sm_90 on, the target is for " +
                       inQuotes(target_.arch));
  return {};
}

Status TargetVerifier::verifyKernels() {
  Names symbols("kernel");
  for (size_t i = 0; i < target_.kernels.size(); ++i) {
    const KernelSpec &kernel = target_.kernels[i];
    MAMBA_RETURN_IF_ERROR(symbols.add(kernel.symbol));
    if (kernel.scratch > kMaxScratchBytes)
      return invalidData("kernel " + inQuotes(kernel.symbol) + ": " +
                         text(kernel.scratch) + " bytes of scratch are more " +
                         "than " + text(kMaxScratchBytes));
    MAMBA_RETURN_IF_ERROR(
        verifyLaunch(kernel).withContext("kernel " + inQuotes(kernel.symbol)));
    for (size_t c = 0; c < kernel.golden.size(); ++c) {
      Status status = verifyGolden(kernel.golden[c], blobs_);
      if (status.ok())
        status = verifyArgCount(i, kernel.golden[c].args.size());
      MAMBA_RETURN_IF_ERROR(status.withContext(
          "kernel " + inQuotes(kernel.symbol) + ": golden case " + text(c)));
    }
  }
  return {};
}

Status TargetVerifier::verifyProgram(const Program &program) {
  MAMBA_RETURN_IF_ERROR(
      verifyIndex("entry", program.entry, manifest_.entries.size()));
  const StepBounds &bounds = program.bounds;
  if (bounds.maxLength == 0u || bounds.maxTokens == 0u || bounds.minTokens == 0u ||
      bounds.maxSequences == 0u)
    return invalidData("max_length, max_tokens, min_tokens and max_sequences must be null or "
                       "at least 1");
  if (program.slices == 0u)
    return invalidData("slices must be null or at least 1");
  if (bounds.minTokens.value_or(0) > bounds.maxTokens.value_or(UINT64_MAX))
    return invalidData("min_tokens " + text(*bounds.minTokens) + " is more than max_tokens " +
                       text(*bounds.maxTokens));
  if (std::max({program.arenaT, program.arenaS, program.arenaC}) >
      kMaxManifestSize)
    return invalidData("an arena has more than " + text(kMaxManifestSize) +
                       " bytes");
  for (size_t i = 0; i < program.dispatches.size(); ++i)
    MAMBA_RETURN_IF_ERROR(verifyDispatch(program.dispatches[i], &program)
                              .withContext("dispatch " + text(i)));
  return {};
}

/// The most rows of the grid's dimension that a step is promised to have;
/// `program` is null for a recipe.
static uint64_t promisedRows(const Grid &grid, const Program *program,
                             uint64_t maxSequences) {
  if (grid.of.kind == RowKind::Constant)
    return grid.of.value;
  if (grid.of.kind == RowKind::S)
    return std::min({kGuaranteedRows, maxSequences,
                     program ? program->bounds.maxSequences.value_or(kGuaranteedRows)
                             : kGuaranteedRows});
  return std::min(kGuaranteedRows, program ? program->bounds.maxTokens.value_or(kGuaranteedRows)
                                           : kGuaranteedRows);
}

/// `program` is null for a recipe.
Status TargetVerifier::verifyDispatch(const Dispatch &dispatch,
                                      const Program *program) {
  MAMBA_RETURN_IF_ERROR(
      verifyIndex("kernel", dispatch.kernel, target_.kernels.size()));
  MAMBA_RETURN_IF_ERROR(verifyGrid(
      dispatch.grid, promisedRows(dispatch.grid, program, kGuaranteedRows)));
  if (!program && (dispatch.rows.kind != RowKind::Constant ||
                   dispatch.grid.of.kind != RowKind::Constant ||
                   !dispatch.variants.empty()))
    return invalidData("a recipe has neither T nor S");
  MAMBA_RETURN_IF_ERROR(verifyVariants(dispatch, program));
  MAMBA_RETURN_IF_ERROR(verifyArgCount(dispatch.kernel, dispatch.args.size()));
  for (size_t i = 0; i < dispatch.args.size(); ++i)
    MAMBA_RETURN_IF_ERROR(verifyArg(dispatch.args[i], program)
                              .withContext("argument " + text(i)));
  return {};
}

Status TargetVerifier::verifyVariants(const Dispatch &dispatch,
                                      const Program *program) {
  uint64_t before = 0;
  for (size_t i = 0; i < dispatch.variants.size(); ++i) {
    const DispatchVariant &variant = dispatch.variants[i];
    auto verify = [&]() -> Status {
      if (variant.maxSequences <= before)
        return invalidData("max_sequences " + text(variant.maxSequences) +
                           " must be more than " + text(before) +
                           ", the one before");
      MAMBA_RETURN_IF_ERROR(
          verifyIndex("kernel", variant.kernel, target_.kernels.size()));
      MAMBA_RETURN_IF_ERROR(verifyGrid(
          variant.grid,
          promisedRows(variant.grid, program, variant.maxSequences)));
      return verifyArgCount(variant.kernel, dispatch.args.size());
    };
    MAMBA_RETURN_IF_ERROR(verify().withContext("variant " + text(i)));
    before = variant.maxSequences;
  }
  return {};
}

Status TargetVerifier::verifyArgCount(uint64_t kernel, size_t count) {
  if (count > kMaxDispatchArgs)
    return invalidData(text(count) + " arguments are more than the " +
                       text(kMaxDispatchArgs) + " allowed");
  std::optional<size_t> &expected = argCounts_[kernel];
  if (expected && *expected != count)
    return invalidData("kernel " + inQuotes(target_.kernels[kernel].symbol) +
                       " gets " + text(count) + " arguments here and " +
                       text(*expected) + " elsewhere");
  expected = count;
  return {};
}

Status TargetVerifier::verifyArg(const ArgRef &arg, const Program *program) {
  if (arg.space == ArgSpace::Weight)
    return verifyIndex("weight", arg.number, manifest_.checkpoint.size());
  if (arg.space == ArgSpace::Packed)
    return verifyBelow("packed", arg.number, target_.packedBytes);
  if (!program)
    return invalidData("a recipe takes weights and packed weights only");
  const EntrySpec &entry = manifest_.entries[program->entry];
  if (arg.space == ArgSpace::In)
    return verifyIndex("input", arg.number, entry.inputs.size());
  if (arg.space == ArgSpace::Out)
    return verifyIndex("output", arg.number, entry.outputs.size());
  if (arg.space == ArgSpace::State)
    return verifyIndex("state", arg.number, entry.states.size());
  if (arg.space == ArgSpace::C)
    return verifyBelow("arena C", arg.number, program->arenaC);
  bool isT = arg.space == ArgSpace::T;
  if (arg.number % kArenaAlignment != 0)
    return invalidData(std::string(isT ? "arena T" : "arena S") + " offset " +
                       text(arg.number) + " is not a multiple of " +
                       text(kArenaAlignment));
  return isT ? verifyBelow("arena T", arg.number, program->arenaT)
             : verifyBelow("arena S", arg.number, program->arenaS);
}

Status mamba::verifyTarget(const Manifest &manifest, const TargetSpec &target,
                           const BlobTable &blobs) {
  return TargetVerifier(manifest, target, blobs).verify();
}
