#include "compiler/pack/TargetBuild.h"

#include "compiler/codegen/Assemble.h"
#include "compiler/codegen/Codegen.h"
#include "compiler/codegen/Cuda.h"
#include "compiler/pack/FirstError.h"
#include "compiler/pack/Jobs.h"
#include "compiler/pack/PlanToManifest.h"
#include "runtime/pack/Cubin.h"
#include "runtime/support/Quote.h"

#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"

#include <algorithm>

using namespace mlir;

namespace mamba {

PipelineOptions pipelineOptions(const BuildOptions &options, const std::string &target) {
  bool isCpu = target.starts_with("cpu:");
  return {.target = target,
          .batchInvariant = options.batchInvariant,
          .scanSlices = isCpu ? options.scanSlices : 0,
          .scanBlock = isCpu ? options.scanBlock : 0,
          .overlap = options.overlap,
          .weights = options.weights,
          .activations = options.activations,
          .knownSchedules = options.knownSchedules,
          .scheduleFile = options.scheduleFile};
}

std::string describeTarget(const Target &target) {
  return target.name + " " + target.arch + " " + llvm::join(target.features, ",") + "\n";
}

void addTest(PackContent &content, KernelSpec &kernel, const GoldenTest &test, const Grid &grid) {
  GoldenCase golden = *test.golden;
  golden.grid = grid;
  if (grid.of.kind == RowKind::T)
    golden.grid.of = {RowKind::Constant, golden.rows};
  std::string blob = content.addGolden(test.samples);
  for (GoldenOutput &output : golden.outputs)
    output.blob = blob;
  kernel.golden.push_back(std::move(golden));
}

static std::span<const uint8_t> bytesOf(const std::string &text) {
  return std::span(reinterpret_cast<const uint8_t *>(text.data()), text.size());
}

Status TargetBuild::parse(const std::string &text) {
  context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  FirstError error(*context);
  std::string unknown;
  FailureOr<Target> parsed = parseTarget(name, unknown);
  if (failed(parsed))
    return invalidArgument(unknown);
  target = *parsed;
  module = parseSourceString<ModuleOp>(text, context.get());
  return module ? Status() : error.status("the module for " + name + " cannot be read");
}

Status TargetBuild::plan(const std::string &imported) {
  MAMBA_RETURN_IF_ERROR(parse(imported));
  FirstError error(*context);
  if (failed(runPipeline(*module, pipelineOptions(options, name), Phase::Kernels)))
    return error.status("compiling for " + name + " failed");
  return split();
}

Status TargetBuild::take(const std::string &generated) {
  MAMBA_RETURN_IF_ERROR(parse(generated));
  return split();
}

Status TargetBuild::split() {
  MAMBA_RETURN_IF_ERROR(addTarget(manifest, *module, target));
  units = splitKernels(*module);
  for (auto planned : module->getOps<plan::KernelOp>()) {
    texts.push_back(goldenText(planned));
    grids_.push_back(gridOf(planned.getGridAttr(), {RowKind::T, 1}));
  }
  compiled.resize(units.size());
  known.resize(units.size());
  return {};
}

Status TargetBuild::compileKernel(size_t index) {
  bool found = false;
  MAMBA_ASSIGN_OR_RETURN(std::vector<uint8_t> bytes,
                         cache.get("kernel", describeTarget(target) + units[index].text,
                                   [&] { return compileUnit(units[index], registry); }, &found));
  compiled[index].assign(bytes.begin(), bytes.end());
  known[index] = found;
  return {};
}

Status TargetBuild::finish() {
  MAMBA_RETURN_IF_ERROR(target.isGpu() ? finishGpu() : finishCpu());
  size_t found = std::count(known.begin(), known.end(), true);
  summary = name + ": " + std::to_string(units.size()) +
            (units.size() == 1 ? " kernel" : " kernels") +
            (found ? ", " + std::to_string(found) + " from the cache" : "");
  module = {};
  context.reset();
  units.clear();
  compiled.clear();
  return {};
}

void TargetBuild::giveCode(PackContent &content, TargetSpec &spec) {
  spec.code = content.addBlob("code", std::move(code));
  if (cubin)
    spec.cubin = content.addBlob("cubin", std::move(*cubin));
  if (cuda)
    spec.cuda = content.addBlob("cuda", std::move(*cuda));
}

Result<StoredBlob> TargetBuild::store(std::span<const uint8_t> bytes) const {
  auto compress = [&]() -> Result<std::vector<uint8_t>> {
    MAMBA_ASSIGN_OR_RETURN(StoredBlob blob, compressBlob(bytes));
    return std::move(blob.bytes);
  };
  std::string key(bytes.begin(), bytes.end());
  MAMBA_ASSIGN_OR_RETURN(std::vector<uint8_t> stored, cache.get("stored", key, compress));
  return StoredBlob{std::move(stored), bytes.size()};
}

Status TargetBuild::finishCpu() {
  std::string error;
  auto files = jobs.keepFiles();
  FailureOr<SharedObject> linked = linkObjects(compiled, error);
  files.unlock();
  if (failed(linked))
    return internalError("target " + inQuotes(name) + ": " + error);
  for (KernelSpec &kernel : manifest.targets[0].kernels) {
    auto entry = linked->entries.find(kernel.symbol);
    if (entry == linked->entries.end())
      return internalError("kernel " + inQuotes(kernel.symbol) + " has no code");
    kernel.entry = entry->second;
  }
  MAMBA_ASSIGN_OR_RETURN(code, store(linked->elf));
  return {};
}

Result<std::string> TargetBuild::cudaSource(const std::string &ptx) {
  std::string key = describeTarget(target) + ptx;
  for (const KernelUnit &unit : units)
    key += unit.text;
  MAMBA_ASSIGN_OR_RETURN(
      std::vector<uint8_t> text, cache.get("cuda", key, [&]() -> Result<std::vector<uint8_t>> {
        FirstError error(*context);
        FailureOr<std::string> source = emitCuda(*module, ptx);
        if (failed(source))
          return error.status("writing CUDA C++ for " + name + " failed");
        return std::vector<uint8_t>(source->begin(), source->end());
      }));
  return std::string(text.begin(), text.end());
}

/// Notes what the assembler gave each kernel.
static Status noteResources(TargetSpec &target, std::span<const uint8_t> cubin) {
  MAMBA_ASSIGN_OR_RETURN(Cubin read, readCubin(cubin, "the cubin of " + target.name));
  for (KernelSpec &spec : target.kernels)
    for (const CubinKernel &kernel : read.kernels)
      if (kernel.name == spec.symbol)
        spec.launch->registers = kernel.registers;
  return {};
}

Status TargetBuild::addMachineCode(const std::string &ptx) {
  auto assemble = [&]() -> Result<std::vector<uint8_t>> {
    auto files = jobs.keepFiles();
    std::string refusal;
    FailureOr<Assembly> assembly = assemblePtx(ptx, target.arch, refusal);
    if (failed(assembly))
      return internalError("target " + inQuotes(name) + ": " + refusal);
    if (assembly->cubin.empty())
      remarks.push_back("no machine code for " + name + ": " + assembly->assembler +
                        ", the driver will assemble the PTX");
    return std::move(assembly->cubin);
  };
  std::string version = assemblerVersion();
  std::string key = version + " " + target.arch + "\n" + ptx;
  auto made = version.empty() ? assemble() : cache.get("cubin", key, assemble);
  MAMBA_ASSIGN_OR_RETURN(std::vector<uint8_t> elf, std::move(made));
  if (elf.empty())
    return {};
  MAMBA_RETURN_IF_ERROR(noteResources(manifest.targets[0], elf));
  MAMBA_ASSIGN_OR_RETURN(cubin, store(elf));
  return {};
}

Status TargetBuild::finishGpu() {
  std::string ptx = joinPtx(compiled);
  if (options.cudaSource) {
    MAMBA_ASSIGN_OR_RETURN(std::string source, cudaSource(ptx));
    MAMBA_ASSIGN_OR_RETURN(cuda, store(bytesOf(source)));
  }
  MAMBA_ASSIGN_OR_RETURN(code, store(bytesOf(ptx)));
  return addMachineCode(ptx);
}

} // namespace mamba
