#include "compiler/pack/BuildPack.h"

#include "compiler/codegen/Assemble.h"
#include "compiler/codegen/Codegen.h"
#include "compiler/codegen/Cuda.h"
#include "compiler/import/Import.h"
#include "compiler/pack/Golden.h"
#include "compiler/pack/ModelCheck.h"
#include "compiler/pack/PackWriter.h"
#include "compiler/pack/PlanToManifest.h"
#include "compiler/pipeline/Pipeline.h"
#include "runtime/pack/Cubin.h"
#include "runtime/support/Checkpoint.h"
#include "runtime/support/File.h"
#include "runtime/support/Quote.h"
#include "runtime/support/Sha256.h"
#include "runtime/support/Version.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Config/llvm-config.h"

#include <filesystem>
#include <set>

using namespace mlir;
namespace fs = std::filesystem;

namespace mamba {
namespace {

/// The first error that MLIR reports, as one line.
class FirstError {
public:
  explicit FirstError(MLIRContext &context)
      : handler(&context, [this](Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() == DiagnosticSeverity::Error && text.empty())
            text = describe(diagnostic);
          return success();
        }) {}

  Status status(const std::string &fallback) const {
    return invalidData(text.empty() ? fallback : text);
  }

private:
  static std::string describe(Diagnostic &diagnostic) {
    std::string line = StringRef(diagnostic.str()).split('\n').first.str();
    if (auto place = diagnostic.getLocation()->findInstanceOf<FileLineColLoc>())
      line = place.getFilename().str() + ":" + std::to_string(place.getLine()) + ":" +
             std::to_string(place.getColumn()) + ": " + line;
    return line;
  }

  std::string text;
  ScopedDiagnosticHandler handler;
};

class Builder {
public:
  explicit Builder(const BuildOptions &options) : options(options) {}
  Status run();

private:
  Status checkTargets();
  Status checkFiles() const;
  Status load();
  Status readSource();
  Status describeModel();
  Status compile(const std::string &name);
  Status addCheck();
  Status computeCheck();
  Status addCpuCode(ModuleOp plan, const Target &target, const FirstError &error);
  Status addGpuCode(ModuleOp plan, ModuleOp asWritten, const Target &target,
                    const FirstError &error);

  const BuildOptions &options;
  DialectRegistry registry;
  std::unique_ptr<MLIRContext> context;
  OwningOpRef<ModuleOp> module;
  std::string source; // folder of the checkpoint, empty without one
  PackContent content;
  std::optional<Checkpoint> checkpoint;
};

} // namespace

Status checkTarget(const std::string &name) {
  std::string error;
  return failed(parseTarget(name, error)) ? invalidArgument(error) : Status();
}

static PipelineOptions pipelineOptions(const BuildOptions &options, const std::string &target) {
  return {.target = target,
          .batchInvariant = options.batchInvariant,
          .overlap = options.overlap,
          .weights = options.weights,
          .activations = options.activations};
}

Status Builder::checkTargets() {
  std::set<std::string> names;
  for (const std::string &name : options.targets) {
    MAMBA_RETURN_IF_ERROR(checkTarget(name));
    if (!names.insert(name).second)
      return invalidArgument("target " + inQuotes(name) + " is named twice");
  }
  if (names.empty())
    return invalidArgument("no target: use --target=cpu:native, for example");
  return {};
}

/// What can be known of the files before the work begins.
Status Builder::checkFiles() const {
  std::error_code ignored;
  if (!fs::exists(options.input, ignored))
    return notFound("there is no " + inQuotes(options.input) +
                    ": name the folder of a checkpoint, or an .mlir file");
  return checkWritable(options.output);
}

Status Builder::load() {
  std::error_code ignored;
  if (fs::is_directory(options.input, ignored)) {
    ImportOptions import;
    import.warn = options.note;
    std::string error;
    auto imported = importCheckpoint(options.input, import, *context, error);
    if (failed(imported))
      return invalidData(error);
    module = std::move(*imported);
  } else {
    FirstError error(*context);
    module = parseSourceFile<ModuleOp>(options.input, context.get());
    if (!module)
      return error.status("cannot read " + inQuotes(options.input));
  }
  if (module->getOps<func::FuncOp>().empty())
    return invalidData(inQuotes(options.input) + " holds no function over ssm ops");
  if (auto folder = (*module)->getAttrOfType<StringAttr>("ssm.source"))
    source = folder.str();
  return {};
}

/// A small file of the checkpoint, if there is one.
static Status readText(const std::string &path, std::optional<std::string> &text) {
  std::error_code ignored;
  if (!fs::exists(path, ignored))
    return {};
  MAMBA_ASSIGN_OR_RETURN(text, readFile(path, /*maxBytes=*/64 << 20));
  return {};
}

Status Builder::readSource() {
  if (!source.empty()) {
    MAMBA_RETURN_IF_ERROR(readText(source + "/config.json", content.configJson));
    MAMBA_RETURN_IF_ERROR(readText(source + "/tokenizer.json", content.tokenizerJson));
  }
  if (!options.embedWeights)
    return {};
  if (source.empty())
    return invalidArgument(inQuotes(options.input) + " does not say where its weights are: embed "
                           "them when building from the checkpoint's folder");
  MAMBA_ASSIGN_OR_RETURN(checkpoint, openCheckpoint(source));
  return {};
}

/// Of the model, what the importer noted; the signature is over config and
/// table of weights.
Status Builder::describeModel() {
  auto model = (*module)->getAttrOfType<DictionaryAttr>("ssm.model");
  if (!model)
    return {};
  auto number = [&](StringRef name) {
    auto value = model.getAs<IntegerAttr>(name);
    return value ? uint64_t(value.getInt()) : 0;
  };
  ModelSpec spec;
  if (auto architecture = model.getAs<StringAttr>("architecture"))
    spec.architecture = architecture.str();
  spec.vocabSize = number("vocab_size");
  spec.validVocabSize = number("valid_vocab_size");
  spec.layers = number("layers");
  std::set<std::string> table;
  for (const WeightSpec &weight : content.manifest.checkpoint)
    table.insert("\n" + weight.name + " " + std::string(dtypeName(weight.dtype)) + " " +
                 formatShape(weight.shape));
  std::string text = content.configJson.value_or("");
  for (const std::string &line : table)
    text += line;
  spec.signature = sha256Hex(text);
  content.manifest.model = std::move(spec);
  return {};
}

Status Builder::addCpuCode(ModuleOp plan, const Target &target, const FirstError &error) {
  FailureOr<SharedObject> code = emitSharedObject(plan);
  if (failed(code))
    return error.status("generating code for " + target.name + " failed");
  MAMBA_RETURN_IF_ERROR(addTarget(content.manifest, plan, target, code->entries));
  return content.addCode(code->elf);
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

/// `asWritten` has the kernels before they are legalised.
Status Builder::addGpuCode(ModuleOp plan, ModuleOp asWritten, const Target &target,
                           const FirstError &error) {
  FailureOr<std::string> ptx = emitPtx(plan);
  if (failed(ptx))
    return error.status("generating code for " + target.name + " failed");
  FailureOr<std::string> cuda = std::string();
  if (options.cudaSource)
    cuda = emitCuda(asWritten, *ptx);
  if (failed(cuda))
    return error.status("writing CUDA C++ for " + target.name + " failed");
  MAMBA_RETURN_IF_ERROR(addTarget(content.manifest, plan, target, {}));
  auto bytes = [](const std::string &text) {
    return std::span(reinterpret_cast<const uint8_t *>(text.data()), text.size());
  };
  MAMBA_RETURN_IF_ERROR(content.addCode(bytes(*ptx)));
  if (options.cudaSource)
    MAMBA_RETURN_IF_ERROR(content.addCuda(bytes(*cuda)));
  std::string refusal;
  FailureOr<Assembly> assembly = assemblePtx(*ptx, target.arch, refusal);
  if (failed(assembly))
    return internalError("target " + inQuotes(target.name) + ": " + refusal);
  if (assembly->cubin.empty()) {
    options.note("no machine code for " + target.name + ": " + assembly->assembler +
                 ", the driver will assemble the PTX");
    return {};
  }
  MAMBA_RETURN_IF_ERROR(noteResources(content.manifest.targets.back(), assembly->cubin));
  return content.addCubin(assembly->cubin);
}

Status Builder::compile(const std::string &name) {
  options.note("compiling for " + name);
  FirstError error(*context);
  OwningOpRef<ModuleOp> clone = module->clone();
  PipelineOptions pipeline = pipelineOptions(options, name);
  std::string unknown;
  FailureOr<Target> target = parseTarget(name, unknown);
  if (failed(target))
    return invalidArgument(unknown);
  if (failed(runPipeline(*clone, pipeline, Phase::Kernels)))
    return error.status("compiling for " + name + " failed");
  OwningOpRef<ModuleOp> asWritten = target->isGpu() ? clone->clone() : OwningOpRef<ModuleOp>();
  if (failed(legalizeKernels(*clone)))
    return error.status("compiling for " + name + " failed");
  if (target->isGpu())
    MAMBA_RETURN_IF_ERROR(addGpuCode(*clone, *asWritten, *target, error));
  else
    MAMBA_RETURN_IF_ERROR(addCpuCode(*clone, *target, error));

  options.note("computing the self-test of " + name);
  auto golden = addGoldenCases(content.manifest.targets.back(), *clone, content.nextGolden(),
                               options.note);
  if (!golden.ok())
    return golden.status().code() == StatusCode::Internal ? error.status(golden.status().message())
                                                          : golden.status();
  return content.addGolden(std::move(*golden));
}

/// Unless it must be there, a check that cannot be is left out, and said so.
Status Builder::addCheck() {
  using Check = BuildOptions::Check;
  Status status = options.check == Check::Off ? unavailable("--check=off") : computeCheck();
  if (status.ok() || status.code() == StatusCode::Internal || options.check == Check::On)
    return status.withContext("the end-to-end check");
  options.note("no end-to-end check: " + status.message());
  return {};
}

Status Builder::computeCheck() {
  if (!content.manifest.model)
    return unavailable(inQuotes(options.input) + " is no whole model");
  uint64_t products = modelCheckProducts(content.manifest);
  if (options.check == BuildOptions::Check::Auto && products > options.cheapCheck)
    return unavailable("the reference would take up to " + std::to_string(products / 1'000'000) +
                       " million products, --check=on makes it nevertheless");
  if (source.empty())
    return notFound(inQuotes(options.input) + " does not say where its weights are");
  if (!checkpoint) {
    MAMBA_ASSIGN_OR_RETURN(checkpoint, openCheckpoint(source));
  }
  options.note("computing the end-to-end check");
  FirstError error(*context);
  auto samples = addModelCheck(content.manifest, *module, pipelineOptions(options, options.targets.front()),
                               *checkpoint, content.nextGolden());
  if (!samples.ok())
    return samples.status().code() == StatusCode::Internal
               ? error.status(samples.status().message())
               : samples.status();
  return content.addGolden(std::move(*samples));
}

Status Builder::run() {
  registerCompiler(registry);
  registerCodegen(registry);
  MAMBA_RETURN_IF_ERROR(checkTargets());
  MAMBA_RETURN_IF_ERROR(checkFiles());
  context = std::make_unique<MLIRContext>(registry);
  context->loadAllAvailableDialects();
  options.note("reading " + options.input);
  MAMBA_RETURN_IF_ERROR(load());
  MAMBA_RETURN_IF_ERROR(readSource());
  content.manifest.source = source;
  content.manifest.weights = options.weights;
  content.manifest.activations = options.activations;
  content.manifest.compiler = "mamba " MAMBA_VERSION ", LLVM " LLVM_VERSION_STRING;
  for (const std::string &name : options.targets)
    MAMBA_RETURN_IF_ERROR(compile(name));
  MAMBA_RETURN_IF_ERROR(describeModel());
  MAMBA_RETURN_IF_ERROR(addCheck());
  if (options.embedWeights)
    MAMBA_RETURN_IF_ERROR(content.embedWeights(*checkpoint));
  MAMBA_RETURN_IF_ERROR(writePack(content, options.output));
  options.note("wrote " + options.output);
  return {};
}

Status buildPack(const BuildOptions &options) { return Builder(options).run(); }

} // namespace mamba
