#include "compiler/pack/BuildPack.h"

#include "compiler/codegen/Codegen.h"
#include "compiler/import/Import.h"
#include "compiler/pack/BuildCache.h"
#include "compiler/pack/FirstError.h"
#include "compiler/pack/Golden.h"
#include "compiler/pack/Jobs.h"
#include "compiler/pack/ModelCheckJob.h"
#include "compiler/pack/PlanToManifest.h"
#include "compiler/pack/TargetBuild.h"
#include "compiler/pipeline/Pipeline.h"
#include "runtime/model/tokenizer/Tokenizer.h"
#include "runtime/pack/GenerationConfig.h"
#include "runtime/pack/JoinTargets.h"
#include "runtime/pack/PackWriter.h"
#include "runtime/support/Checkpoint.h"
#include "runtime/support/File.h"
#include "runtime/support/HubCache.h"
#include "runtime/support/Quote.h"
#include "runtime/support/Sha256.h"
#include "runtime/support/Version.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Config/llvm-config.h"

#include <filesystem>
#include <map>
#include <mutex>
#include <set>

using namespace mlir;
namespace fs = std::filesystem;

namespace mamba {
namespace {

class Builder {
public:
  explicit Builder(const BuildOptions &options)
      : options(options), jobs(jobOptions(options)), cache(options.cache, jobs) {}
  Status run();

private:
  static JobOptions jobOptions(const BuildOptions &options) {
    return {options.jobs, options.stop, options.quit, options.progress};
  }
  /// From any thread.
  void note(const std::string &line) {
    std::lock_guard lock(noting);
    options.note(line);
  }
  Status checkTargets();
  Status checkFiles();
  Status load();
  Status readSource();
  Status plan();
  void describeModel();
  Status compile();
  Status finish();
  Status write();

  const BuildOptions &options;
  DialectRegistry registry;
  Jobs jobs;
  BuildCache cache;
  std::mutex noting;
  std::string input;    // the folder or file that options.input stands for
  std::string imported; // the module as text, with its locations
  std::string source;   // folder of the checkpoint, empty without one
  DictionaryAttr model; // of the context, what the importer noted
  std::set<std::string> weightTable; // the module's: name, type and shape of each
  std::unique_ptr<MLIRContext> context;
  PackContent content;
  std::optional<Checkpoint> checkpoint; // to be embedded
  std::vector<std::unique_ptr<TargetBuild>> targets;
  std::map<std::string, GoldenTest> tests; // by meaning
  std::optional<ModelCheckJob> check;
};

} // namespace

Status checkTarget(const std::string &name) {
  std::string error;
  return failed(parseTarget(name, error)) ? invalidArgument(error) : Status();
}

std::vector<std::string> allTargets() { return knownTargetNames(); }

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
Status Builder::checkFiles() {
  MAMBA_ASSIGN_OR_RETURN(input, findCheckpointFolder(options.input));
  std::error_code ignored;
  if (!fs::exists(input, ignored))
    return notFound("there is no " + inQuotes(input) +
                    ": name the folder of a checkpoint, or an .mlir file");
  return checkWritable(options.output);
}

Status Builder::load() {
  context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  OwningOpRef<ModuleOp> module;
  std::error_code ignored;
  if (fs::is_directory(input, ignored)) {
    ImportOptions import;
    import.warn = [this](const std::string &line) { note(line); };
    std::string error;
    auto result = importCheckpoint(input, import, *context, error);
    if (failed(result))
      return invalidData(error);
    module = std::move(*result);
  } else {
    FirstError error(*context);
    module = parseSourceFile<ModuleOp>(input, context.get());
    if (!module)
      return error.status("cannot read " + inQuotes(input));
  }
  if (module->getOps<func::FuncOp>().empty())
    return invalidData(inQuotes(input) + " holds no function over ssm ops");
  if (auto folder = (*module)->getAttrOfType<StringAttr>("ssm.source"))
    source = folder.str();
  model = (*module)->getAttrOfType<DictionaryAttr>("ssm.model");
  module->walk([&](ssm::WeightOp weight) {
    RankedTensorType type = weight.getValue().getType();
    weightTable.insert("\n" + weight.getName().str() + " " +
                   std::string(dtypeName(dtypeOf(type.getElementType()))) + " " +
                   formatShape(type.getShape().vec()));
  });
  llvm::raw_string_ostream os(imported);
  module->print(os, OpPrintingFlags().enableDebugInfo());
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

/// A pack takes what its runtime will read.
static Status checkTokenizer(const std::string &text, const std::string &what) {
  Status status = Tokenizer::fromJson(text, what).status();
  if (status.ok() || status.code() == StatusCode::OutOfMemory)
    return status;
  return Status(status.code(),
                status.message() + "; without this file the pack takes token ids only");
}

Status Builder::readSource() {
  if (!source.empty()) {
    MAMBA_RETURN_IF_ERROR(readText(source + "/config.json", content.configJson));
    std::string tokenizer = source + "/tokenizer.json";
    MAMBA_RETURN_IF_ERROR(readText(tokenizer, content.tokenizerJson));
    if (content.tokenizerJson)
      MAMBA_RETURN_IF_ERROR(checkTokenizer(*content.tokenizerJson, inQuotes(tokenizer)));
    std::string generation = source + "/generation_config.json";
    MAMBA_RETURN_IF_ERROR(readText(generation, content.generationJson));
    if (content.generationJson)
      MAMBA_RETURN_IF_ERROR(
          parseGenerationConfig(*content.generationJson, inQuotes(generation)).status());
  }
  if (!options.embedWeights)
    return {};
  if (source.empty())
    return invalidArgument(inQuotes(options.input) + " does not say where its weights are: embed "
                           "them when building from the checkpoint's folder");
  MAMBA_ASSIGN_OR_RETURN(checkpoint, openCheckpoint(source));
  return {};
}

/// Every target's plan and kernels, and one manifest for all of them.
Status Builder::plan() {
  std::vector<Jobs::Job> stage;
  for (const std::string &name : options.targets) {
    targets.push_back(std::make_unique<TargetBuild>(options, registry, cache, jobs, name));
    stage.push_back([this, name, target = targets.back().get()] {
      note("compiling for " + name);
      return target->plan(imported);
    });
  }
  MAMBA_RETURN_IF_ERROR(jobs.run(std::move(stage), 0, 10));
  // By name, whichever targets there are: packs of one model can then be compared.
  std::map<std::string, WeightSpec> weights;
  for (const auto &target : targets)
    for (const WeightSpec &weight : target->manifest.checkpoint)
      weights.emplace(weight.name, weight);
  for (auto &[name, weight] : weights)
    content.manifest.checkpoint.push_back(std::move(weight));
  for (const auto &target : targets) {
    MAMBA_RETURN_IF_ERROR(
        joinTarget(content.manifest, target->manifest, target->manifest.targets[0])
            .withContext("the targets do not go together"));
    for (const std::string &meaning : target->meanings())
      tests.try_emplace(meaning);
  }
  describeModel();
  return {};
}

/// Of the model, what the importer noted; the signature is over config and
/// table of weights, of all that the module has, whichever a target reads.
void Builder::describeModel() {
  if (!model)
    return;
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
  std::string text = content.configJson.value_or("");
  for (const std::string &line : weightTable)
    text += line;
  spec.signature = sha256Hex(text);
  content.manifest.model = std::move(spec);
}

/// Every kernel, every self-test that differs, and the end-to-end check, which is
/// the longest.
Status Builder::compile() {
  std::vector<Jobs::Job> stage;
  check.emplace(options, registry, cache, content.manifest, imported, source);
  stage.push_back([this] { return check->run([this](const std::string &line) { note(line); }); });
  for (auto &[meaning, test] : tests)
    stage.push_back([&meaning = meaning, &test = test, this] {
      auto read = [&](const std::vector<uint8_t> &bytes) {
        std::optional<GoldenTest> found = readGoldenTest(bytes);
        if (found)
          test = std::move(*found);
        return found.has_value();
      };
      return cache.get("golden", meaning, read, [&]() -> Result<std::vector<uint8_t>> {
        MAMBA_ASSIGN_OR_RETURN(GoldenTest made, computeGolden(meaning, registry));
        return writeGoldenTest(made);
      });
    });
  for (const auto &target : targets)
    for (size_t i = 0; i < target->kernels(); ++i)
      stage.push_back([target = target.get(), i] { return target->compileKernel(i); });
  return jobs.run(std::move(stage), 10, 70);
}

/// Whether a CPU scans in slices of time.
static bool hasSlices(const Manifest &manifest) {
  for (const TargetSpec &target : manifest.targets)
    for (const Program &program : target.programs)
      if (target.device == "cpu" && program.slices)
        return true;
  return false;
}

Status Builder::finish() {
  std::vector<Jobs::Job> stage;
  for (const auto &target : targets)
    stage.push_back([target = target.get()] { return target->finish(); });
  MAMBA_RETURN_IF_ERROR(jobs.run(std::move(stage), 70, 100));
  for (size_t i = 0; i < targets.size(); ++i) {
    TargetSpec &spec = content.manifest.targets[i];
    TargetBuild &target = *targets[i];
    for (const std::string &remark : target.remarks)
      note(remark);
    note(target.summary);
    target.giveCode(content, spec);
    const TargetSpec &finished = target.manifest.targets[0];
    for (size_t k = 0; k < spec.kernels.size(); ++k) {
      spec.kernels[k].entry = finished.kernels[k].entry;
      spec.kernels[k].launch = finished.kernels[k].launch;
      const GoldenTest &test = tests.at(target.meanings()[k]);
      if (test.golden)
        addTest(content, spec.kernels[k], test, target.grids()[k]);
      else
        note("no self-test of kernel " + inQuotes(spec.kernels[k].symbol) + ": " + test.why);
    }
  }
  if (options.scanSlices && !hasSlices(content.manifest))
    note("--scan-slices changed nothing: no cpu target has a scan to cut into slices");
  return {};
}

Status Builder::write() {
  if (check->check) {
    check->check->blob = content.addGolden(check->samples);
    content.manifest.check = check->check;
  } else {
    note("no end-to-end check: " + check->why);
  }
  if (options.embedWeights)
    MAMBA_RETURN_IF_ERROR(content.embedWeights(*checkpoint));
  return jobs.finish([&] { return writePack(content, options.output, options.stop); });
}

Status Builder::run() {
  registerCompiler(registry);
  registerCodegen(registry);
  MAMBA_RETURN_IF_ERROR(checkTargets());
  MAMBA_RETURN_IF_ERROR(checkFiles());
  note("reading " + options.input);
  MAMBA_RETURN_IF_ERROR(load());
  MAMBA_RETURN_IF_ERROR(readSource());
  content.manifest.source = source;
  content.manifest.weights = options.weights;
  content.manifest.activations = options.activations;
  content.manifest.compiler = "mamba " MAMBA_VERSION ", LLVM " LLVM_VERSION_STRING;
  MAMBA_RETURN_IF_ERROR(plan());
  MAMBA_RETURN_IF_ERROR(compile());
  MAMBA_RETURN_IF_ERROR(finish());
  MAMBA_RETURN_IF_ERROR(write());
  note("wrote " + options.output);
  return {};
}

Status buildPack(const BuildOptions &options) { return Builder(options).run(); }

} // namespace mamba
