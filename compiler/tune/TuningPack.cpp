#include "compiler/tune/TuningPack.h"

#include "compiler/codegen/Codegen.h"
#include "compiler/pack/Jobs.h"
#include "compiler/pack/TargetBuild.h"
#include "compiler/tune/Alone.h"
#include "compiler/tune/Plan.h"
#include "compiler/tune/PredictGpu.h"
#include "compiler/tune/PredictSweep.h"
#include "compiler/tune/Sweep.h"
#include "passes/target/ScheduleDatabase.h"
#include "runtime/support/File.h"
#include "runtime/support/Quote.h"
#include "runtime/support/Version.h"

#include "llvm/Config/llvm-config.h"

#include <memory>
#include <mutex>
#include <set>

using namespace mlir;

namespace mamba {
namespace {

/// A candidate, compiled.
struct Variant {
  Schedule schedule;
  double predictedUs = 0;
  std::unique_ptr<TargetBuild> build;
  std::optional<GpuLaunch> launch; // where a GPU's time can be predicted
  std::string failure; // empty: none
};

struct Kernel {
  const std::string *target;
  TunedKernel tuned;
  std::vector<Variant> variants;
  GoldenTest tests[2]; // of a ragged batch and of the step of timing
};

class TuningBuilder {
public:
  TuningBuilder(const BuildOptions &options, size_t most)
      : options(options), most(most),
        jobs({options.jobs, options.stop, options.quit, options.progress}),
        cache(options.cache, jobs) {}
  Status run();

private:
  Status plan();
  Status compile();
  Status computeTests(Kernel &kernel);
  Status computeTest(const std::string &meaning, Kernel &kernel, int test);
  void compileVariant(Kernel &kernel, Variant &variant);
  Status add(Kernel &kernel);
  Status write();
  /// From any thread.
  void note(const std::string &line) {
    std::lock_guard lock(noting);
    options.note(line);
  }

  const BuildOptions &options;
  const size_t most;
  DialectRegistry registry;
  Jobs jobs;
  BuildCache cache;
  std::mutex noting;
  std::vector<std::vector<TunedKernel>> planned; // of each target
  std::vector<std::unique_ptr<Kernel>> kernels;
  PackContent content;
  std::set<std::string> remarks;
};

} // namespace

Status TuningBuilder::plan() {
  planned.resize(options.targets.size());
  std::vector<Jobs::Job> stage;
  for (size_t i = 0; i < options.targets.size(); ++i)
    stage.push_back([this, i]() -> Status {
      note("planning for " + options.targets[i]);
      TuneInput input;
      input.input = options.input;
      input.target = options.targets[i];
      input.weights = options.weights;
      input.activations = options.activations;
      input.batchInvariant = options.batchInvariant;
      MAMBA_ASSIGN_OR_RETURN(planned[i], planKernels(input));
      return {};
    });
  MAMBA_RETURN_IF_ERROR(jobs.run(std::move(stage), 0, 5));
  for (size_t i = 0; i < options.targets.size(); ++i)
    for (TunedKernel &tuned : planned[i]) {
      auto kernel = std::make_unique<Kernel>();
      kernel->target = &options.targets[i];
      for (size_t place : chooseCandidates(tuned, most)) {
        Variant variant;
        variant.schedule = tuned.candidates[place];
        variant.predictedUs = tuned.predictedUs.empty() ? 0 : tuned.predictedUs[place];
        kernel->variants.push_back(std::move(variant));
      }
      kernel->tuned = std::move(tuned);
      if (kernel->variants.size() > 1)
        kernels.push_back(std::move(kernel));
    }
  return kernels.empty() ? invalidData("no kernel of " + inQuotes(options.input) +
                                       " has schedules to choose from")
                         : Status();
}

Status TuningBuilder::computeTest(const std::string &meaning, Kernel &kernel, int test) {
  std::vector<int64_t> lengths = test ? kernel.tuned.lengths : std::vector<int64_t>();
  std::string key = meaning;
  for (int64_t length : lengths)
    key += " " + std::to_string(length);
  auto read = [&](const std::vector<uint8_t> &bytes) {
    std::optional<GoldenTest> found = readGoldenTest(bytes);
    if (found)
      kernel.tests[test] = std::move(*found);
    return found.has_value();
  };
  return cache.get("golden", key, read, [&]() -> Result<std::vector<uint8_t>> {
    MAMBA_ASSIGN_OR_RETURN(GoldenTest made, computeGolden(meaning, registry, lengths));
    return writeGoldenTest(made);
  });
}

Status TuningBuilder::computeTests(Kernel &kernel) {
  Alone alone;
  MAMBA_RETURN_IF_ERROR(
      alone.generate({kernel.tuned.module, *kernel.target, kernel.tuned.lengths, ""}, nullptr));
  std::string meaning = goldenText(alone.planned);
  for (int test : {0, 1})
    MAMBA_RETURN_IF_ERROR(computeTest(meaning, kernel, test));
  return {};
}

static bool isPredicted(const Kernel &kernel) {
  return kernel.target->starts_with("cuda:") && isPredictable(kernel.tuned);
}

/// Of a sequence of the step that it is predicted at, as in a sweep over the model.
static int64_t predictedLength(const TunedKernel &tuned) {
  bool isLong = tuned.tokens != TokenClass::Few && tuned.lengths.front() > 1;
  return isLong ? kPredictedTokens : tuned.lengths.front();
}

/// One that does not compile is left out, with the reason.
void TuningBuilder::compileVariant(Kernel &kernel, Variant &variant) {
  auto compile = [&]() -> Status {
    std::string generated;
    {
      Alone alone;
      MAMBA_RETURN_IF_ERROR(
          alone.generate({kernel.tuned.module, *kernel.target, kernel.tuned.lengths, ""},
                         &variant.schedule));
      llvm::raw_string_ostream os(generated);
      alone.module->print(os);
      if (isPredicted(kernel)) {
        MAMBA_ASSIGN_OR_RETURN(variant.launch, launchOf(alone, kernel.tuned.module,
                                                        predictedLength(kernel.tuned)));
      }
    }
    variant.build =
        std::make_unique<TargetBuild>(options, registry, cache, jobs, *kernel.target);
    MAMBA_RETURN_IF_ERROR(variant.build->take(generated));
    MAMBA_RETURN_IF_ERROR(variant.build->compileKernel(0));
    return variant.build->finish();
  };
  variant.failure = compile().message();
}

Status TuningBuilder::compile() {
  size_t count = 0;
  std::vector<Jobs::Job> stage;
  for (auto &kernel : kernels) {
    stage.push_back([this, &kernel = *kernel] { return computeTests(kernel); });
    count += kernel->variants.size();
    for (Variant &variant : kernel->variants)
      stage.push_back([this, &kernel = *kernel, &variant] {
        compileVariant(kernel, variant);
        return Status();
      });
  }
  note(std::to_string(count) + " variants of " + std::to_string(kernels.size()) + " kernels");
  return jobs.run(std::move(stage), 5, 95);
}

Status TuningBuilder::add(Kernel &kernel) {
  std::string key = kernel.tuned.key.text();
  for (const GoldenTest &test : kernel.tests)
    if (!test.golden) {
      note("no variants of " + key + ": it cannot be checked: " + test.why);
      return {};
    }
  if (!kernel.variants.front().failure.empty())
    return invalidData(key + ": " + kernel.variants.front().failure);
  std::string refusal;
  FailureOr<Target> target = parseTarget(*kernel.target, refusal);
  if (failed(target))
    return invalidArgument(refusal);
  TuningSpec spec;
  spec.key = key;
  spec.target = databaseTarget(*target);
  if (spec.target.empty())
    return unavailable("target " + inQuotes(*kernel.target) +
                       " has no database, this processor lacks what x86-64-v3 has");
  for (Variant &variant : kernel.variants) {
    if (!variant.failure.empty()) {
      note("left out of " + key + ": " + variant.schedule.text() + ": " + variant.failure);
      continue;
    }
    remarks.insert(variant.build->remarks.begin(), variant.build->remarks.end());
    TargetSpec one = std::move(variant.build->manifest.targets[0]);
    variant.build->giveCode(content, one);
    for (const GoldenTest &test : kernel.tests)
      addTest(content, one.kernels[0], test, variant.build->grids()[0]);
    VariantSpec added = {variant.schedule.text(), variant.predictedUs, std::move(one)};
    if (variant.launch) {
      added.prediction = std::move(variant.launch->prediction);
      spec.launch = std::move(variant.launch->shape);
    }
    spec.variants.push_back(std::move(added));
    variant.build.reset();
  }
  content.manifest.tuning.push_back(std::move(spec));
  return {};
}

Status TuningBuilder::write() {
  for (const auto &kernel : kernels)
    MAMBA_RETURN_IF_ERROR(add(*kernel));
  for (const std::string &remark : remarks)
    note(remark);
  return jobs.finish([&] { return writePack(content, options.output, options.stop); });
}

Status TuningBuilder::run() {
  registerCompiler(registry);
  registerCodegen(registry);
  MAMBA_RETURN_IF_ERROR(checkWritable(options.output));
  content.manifest.compiler = "mamba " MAMBA_VERSION ", LLVM " LLVM_VERSION_STRING;
  content.manifest.weights = options.weights;
  content.manifest.activations = options.activations;
  MAMBA_RETURN_IF_ERROR(plan());
  MAMBA_RETURN_IF_ERROR(compile());
  MAMBA_RETURN_IF_ERROR(write());
  note("wrote " + options.output);
  return {};
}

Status buildTuningPack(const BuildOptions &options, size_t variants) {
  return TuningBuilder(options, variants).run();
}

} // namespace mamba
