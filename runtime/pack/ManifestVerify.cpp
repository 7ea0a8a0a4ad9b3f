// What FORMAT.md promises of a manifest, checked once at load.
#include "runtime/pack/Check.h"
#include "runtime/pack/Manifest.h"

#include "runtime/support/CheckedMath.h"
#include "runtime/support/Quote.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <unordered_set>

using namespace mamba;

/// The largest buffer of a self-test; bytes.
static constexpr uint64_t kMaxGoldenBytes = uint64_t(1) << 34;

/// Keeps products of rows and blocks within 64 bits.
static constexpr uint64_t kMaxGridBlock = uint64_t(1) << 32;

static std::string text(uint64_t number) { return std::to_string(number); }

/// A set that refuses the empty name and the second of two equal ones.
class Names {
public:
  explicit Names(const char *what) : what_(what) {}
  Status add(const std::string &name) {
    if (name.empty())
      return invalidData(std::string("a ") + what_ + " has an empty name");
    if (!seen_.insert(name).second)
      return invalidData(inQuotes(name) + " names more than one " + what_);
    return {};
  }

private:
  const char *what_;
  std::unordered_set<std::string_view> seen_; // Borrowed from the manifest.
};

static Status verifyShape(DType dtype, const std::vector<int64_t> &shape) {
  std::optional<uint64_t> bytes = tensorBytes(dtype, shape);
  if (!bytes || *bytes > kMaxManifestSize)
    return invalidData(
        "shape " + formatShape(shape) + " of " + std::string(dtypeName(dtype)) +
        " is not a tensor of at most " + text(kMaxManifestSize) + " bytes");
  return {};
}

static Status verifyIndex(const char *what, uint64_t index, uint64_t size) {
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

//===----------------------------------------------------------------------===//
// Entries and blobs
//===----------------------------------------------------------------------===//

static Status verifyEntry(const EntrySpec &entry) {
  Names inputs("input"), outputs("output"), ids("state");
  for (const auto *tensors : {&entry.inputs, &entry.outputs})
    for (const TensorSpec &tensor : *tensors) {
      MAMBA_RETURN_IF_ERROR(
          (tensors == &entry.inputs ? inputs : outputs).add(tensor.name));
      MAMBA_RETURN_IF_ERROR(
          verifyShape(tensor.dtype, tensor.shape)
              .withContext("tensor " + inQuotes(tensor.name)));
      if (tensor.below != 0 && tensor.dtype != DType::I32)
        return invalidData("tensor " + inQuotes(tensor.name) +
                           ": 'below' needs dtype I32, got " +
                           std::string(dtypeName(tensor.dtype)));
    }
  for (const StateSpec &state : entry.states) {
    MAMBA_RETURN_IF_ERROR(ids.add(state.id));
    MAMBA_RETURN_IF_ERROR(inputs.add(state.input));
    MAMBA_RETURN_IF_ERROR(outputs.add(state.output));
    std::string context = "state " + inQuotes(state.id);
    MAMBA_RETURN_IF_ERROR(
        verifyShape(state.dtype, state.shape).withContext(context));
    if (state.transposed && state.shape.size() < 2)
      return invalidData(context + ": a transposed state needs two " +
                         "dimensions, got shape " + formatShape(state.shape));
  }
  return {};
}

static Status verifyEntries(const Manifest &manifest) {
  Names names("entry");
  std::map<std::string_view, const StateSpec *> pools;
  for (const EntrySpec &entry : manifest.entries) {
    MAMBA_RETURN_IF_ERROR(names.add(entry.name));
    std::string context = "entry " + inQuotes(entry.name);
    MAMBA_RETURN_IF_ERROR(verifyEntry(entry).withContext(context));
    for (const StateSpec &state : entry.states) {
      const StateSpec &pool = *pools.emplace(state.id, &state).first->second;
      if (pool.dtype != state.dtype || pool.shape != state.shape ||
          pool.transposed != state.transposed)
        return invalidData(context + ": state " + inQuotes(state.id) +
                           " differs from the one of that name in an " +
                           "entry before");
    }
  }
  return {};
}

static Status verifyModel(const ModelSpec &model) {
  if (model.vocabSize == 0 || model.validVocabSize > model.vocabSize)
    return invalidData("model: valid_vocab_size " + text(model.validVocabSize) +
                       " does not fit vocab_size " + text(model.vocabSize));
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

//===----------------------------------------------------------------------===//
// Dispatches
//===----------------------------------------------------------------------===//

/// At most kMaxTiles for `rows` rows of the grid's dimension.
static Status verifyGrid(const Grid &grid, uint64_t rows) {
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

namespace {

/// Verifies one target; remembers how many arguments each kernel takes.
class TargetVerifier {
public:
  TargetVerifier(const Manifest &manifest, const TargetSpec &target,
                 const std::map<std::string_view, const BlobSpec *> &blobs)
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
  Status verifyGolden(const GoldenCase &golden);
  Status verifyGoldenArg(const GoldenArg &arg);
  Status verifyGoldenOutput(const GoldenCase &golden,
                            const GoldenOutput &output);

  const Manifest &manifest_;
  const TargetSpec &target_;
  const std::map<std::string_view, const BlobSpec *> &blobs_;
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
      Status status = verifyGolden(kernel.golden[c]);
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

//===----------------------------------------------------------------------===//
// Golden cases
//===----------------------------------------------------------------------===//

static bool isFloat(DType dtype) {
  return dtype == DType::F32 || dtype == DType::BF16 || dtype == DType::F16;
}

static bool isGoldenType(DType dtype) {
  return isFloat(dtype) || dtype == DType::U8 || dtype == DType::I8 ||
         dtype == DType::I32 || dtype == DType::I64;
}

Status TargetVerifier::verifyGolden(const GoldenCase &golden) {
  size_t sequences = golden.lengths.size();
  if (golden.slots.size() != sequences || golden.positions.size() != sequences)
    return invalidData("lengths, slots and positions must be as many, got " +
                       text(sequences) + ", " + text(golden.slots.size()) +
                       " and " + text(golden.positions.size()));
  std::vector<int32_t> slots = golden.slots;
  std::sort(slots.begin(), slots.end());
  if (std::adjacent_find(slots.begin(), slots.end()) != slots.end())
    return invalidData("two sequences have the same slot");
  if (!slots.empty() &&
      (slots[0] < 0 || uint64_t(slots.back()) >= kGuaranteedRows))
    return invalidData("slots must be below " + text(kGuaranteedRows));
  uint64_t tokens = 0;
  for (int64_t length : golden.lengths)
    tokens += std::min<uint64_t>(length, kGuaranteedRows + 1);
  if (tokens > kGuaranteedRows || sequences > kGuaranteedRows)
    return invalidData("lengths exceed " + text(kGuaranteedRows) + " tokens");
  for (int64_t position : golden.positions)
    if (position < 0)
      return invalidData("position " + std::to_string(position) +
                         " is negative");
  MAMBA_RETURN_IF_ERROR(
      verifyGrid(golden.grid, golden.grid.of.of(tokens, sequences)));
  for (size_t i = 0; i < golden.args.size(); ++i)
    MAMBA_RETURN_IF_ERROR(
        verifyGoldenArg(golden.args[i]).withContext("argument " + text(i)));
  if (golden.outputs.empty())
    return invalidData("there is no output to compare");
  for (size_t i = 0; i < golden.outputs.size(); ++i)
    MAMBA_RETURN_IF_ERROR(verifyGoldenOutput(golden, golden.outputs[i])
                              .withContext("output " + text(i)));
  if (!std::isfinite(golden.tolerance) || golden.tolerance < 0)
    return invalidData("the tolerance must be a finite number of at least 0");
  return {};
}

Status TargetVerifier::verifyGoldenArg(const GoldenArg &arg) {
  std::string dtype(dtypeName(arg.dtype));
  if (!isGoldenType(arg.dtype))
    return invalidData("a self-test has no values of dtype " + dtype);
  if (arg.count > kMaxGoldenBytes / dtypeBytes(arg.dtype))
    return invalidData(text(arg.count) + " elements of " + dtype +
                       " are more than " + text(kMaxGoldenBytes) + " bytes");
  if (arg.fill == GoldenArg::Fill::Index && arg.bound == 0)
    return invalidData("the bound of an index must be at least 1");
  if (arg.fill != GoldenArg::Fill::Uniform)
    return {};
  constexpr double kMax = std::numeric_limits<float>::max();
  if (!isFloat(arg.dtype))
    return invalidData("uniform values need a floating-point dtype, got " +
                       dtype);
  if (!(arg.lo >= -kMax && arg.lo <= arg.hi && arg.hi <= kMax))
    return invalidData("uniform bounds must be finite and rising");
  return {};
}

Status TargetVerifier::verifyGoldenOutput(const GoldenCase &golden,
                                          const GoldenOutput &output) {
  MAMBA_RETURN_IF_ERROR(
      verifyIndex("argument", output.arg, golden.args.size()));
  if (output.count == 0 || output.stride == 0)
    return invalidData("count and stride must be at least 1");
  std::optional<uint64_t> last = checkedMul(output.count - 1, output.stride);
  if (!last || *last >= golden.args[output.arg].count)
    return invalidData(text(output.count) + " samples of stride " +
                       text(output.stride) + " leave an argument of " +
                       text(golden.args[output.arg].count) + " elements");
  auto blob = blobs_.find(output.blob);
  if (blob == blobs_.end())
    return invalidData(inQuotes(output.blob) + " is not a blob");
  std::optional<uint64_t> end = checkedAdd(output.offset, output.count);
  if (!end || *end > blob->second->rawBytes / sizeof(float))
    return invalidData("samples from " + text(output.offset) + " leave blob " +
                       inQuotes(output.blob) + " of " +
                       text(blob->second->rawBytes) + " bytes");
  return {};
}

//===----------------------------------------------------------------------===//
// Tuning packs
//===----------------------------------------------------------------------===//

/// Whether the texts are fields of a database's line.
static bool areFields(std::initializer_list<std::string_view> texts) {
  return std::all_of(texts.begin(), texts.end(), [](std::string_view text) {
    return !text.empty() && text.find('|') == text.npos &&
           std::none_of(text.begin(), text.end(), [](char c) {
             return static_cast<unsigned char>(c) < ' ' || c == 0x7f;
           });
  });
}

/// One kernel that can be checked and timed, like the ones before it.
static Status verifyVariant(const VariantSpec &variant, const VariantSpec &first) {
  const TargetSpec &target = variant.target;
  if (target.name != first.target.name || target.kernels.size() != 1 ||
      !target.recipe.empty() || !target.programs.empty())
    return invalidData("a variant is one kernel of " +
                       inQuotes(first.target.name) + " and nothing else");
  const KernelSpec &kernel = target.kernels[0];
  if (kernel.golden.size() < 2)
    return invalidData("a variant has two golden cases, got " +
                       text(kernel.golden.size()));
  const GoldenCase &mine = kernel.golden.back(),
                   &others = first.target.kernels[0].golden.back();
  auto isSame = [](const GoldenArg &a, const GoldenArg &b) {
    return a.dtype == b.dtype && a.count == b.count && a.fill == b.fill;
  };
  if (mine.lengths != others.lengths ||
      !std::equal(mine.args.begin(), mine.args.end(), others.args.begin(),
                  others.args.end(), isSame))
    return invalidData("its last golden case is not that of the other variants");
  return {};
}

static Status
verifyTuning(const Manifest &manifest, const TuningSpec &tuning,
             const std::map<std::string_view, const BlobSpec *> &blobs) {
  if (!manifest.targets.empty() || !manifest.entries.empty() || manifest.check)
    return invalidData("a pack that has kernels to be tuned has no entries, "
                       "targets or check");
  if (!areFields({tuning.key, tuning.target}) || tuning.variants.empty())
    return invalidData("a kernel to be tuned has a key, a target and variants");
  Names schedules("variant");
  for (const VariantSpec &variant : tuning.variants) {
    MAMBA_RETURN_IF_ERROR(schedules.add(variant.schedule));
    auto verify = [&]() -> Status {
      if (!areFields({variant.schedule}) || !std::isfinite(variant.predictedUs) ||
          variant.predictedUs < 0)
        return invalidData("a variant has a schedule, and a time of at least 0");
      MAMBA_RETURN_IF_ERROR(
          TargetVerifier(manifest, variant.target, blobs).verify());
      return verifyVariant(variant, tuning.variants.front());
    };
    MAMBA_RETURN_IF_ERROR(
        verify().withContext("variant " + inQuotes(variant.schedule)));
  }
  return {};
}

//===----------------------------------------------------------------------===//

/// The names of precisions; `what` holds the key's value.
static Status verifyPrecision(const char *key, const std::string &what,
                              std::initializer_list<std::string_view> known) {
  if (std::find(known.begin(), known.end(), what) != known.end())
    return {};
  return invalidData("unknown precision " + inQuotes(what) + " of " + key +
                     ", a newer mamba may know it");
}

Status mamba::verifyManifest(const Manifest &manifest) {
  MAMBA_RETURN_IF_ERROR(verifyPrecision(
      "weights", manifest.weights, {"f32", "bf16", "f16", "int8", "int4"}));
  MAMBA_RETURN_IF_ERROR(verifyPrecision("activations", manifest.activations,
                                        {"f32", "bf16", "f16", "int8"}));
  if (manifest.model)
    MAMBA_RETURN_IF_ERROR(verifyModel(*manifest.model));
  Names weights("checkpoint weight"), blobNames("blob"), targets("target");
  for (const WeightSpec &weight : manifest.checkpoint) {
    MAMBA_RETURN_IF_ERROR(weights.add(weight.name));
    MAMBA_RETURN_IF_ERROR(
        verifyShape(weight.dtype, weight.shape)
            .withContext("checkpoint weight " + inQuotes(weight.name)));
  }
  MAMBA_RETURN_IF_ERROR(verifyEntries(manifest));
  std::map<std::string_view, const BlobSpec *> blobs;
  for (const BlobSpec &blob : manifest.blobs) {
    MAMBA_RETURN_IF_ERROR(blobNames.add(blob.name));
    blobs.emplace(blob.name, &blob);
    if (!isSha256Hex(blob.sha256))
      return invalidData("blob " + inQuotes(blob.name) +
                         ": 'sha256' must be 64 lower-case hexadecimal digits");
  }
  for (const TargetSpec &target : manifest.targets) {
    MAMBA_RETURN_IF_ERROR(targets.add(target.name));
    MAMBA_RETURN_IF_ERROR(TargetVerifier(manifest, target, blobs)
                              .verify()
                              .withContext("target " + inQuotes(target.name)));
  }
  for (const TuningSpec &tuning : manifest.tuning)
    MAMBA_RETURN_IF_ERROR(verifyTuning(manifest, tuning, blobs)
                              .withContext("kernel " + inQuotes(tuning.key) +
                                           " for " + inQuotes(tuning.target)));
  if (manifest.check)
    MAMBA_RETURN_IF_ERROR(
        verifyCheck(manifest, *manifest.check).withContext("check"));
  return {};
}
