#include "compiler/tune/Plan.h"

#include "compiler/import/Import.h"
#include "compiler/pack/FirstError.h"
#include "compiler/pipeline/Pipeline.h"
#include "runtime/support/HubCache.h"
#include "runtime/support/Quote.h"

#include "mlir/Parser/Parser.h"

#include <filesystem>

using namespace mlir;

namespace mamba {

static FailureOr<OwningOpRef<ModuleOp>> read(const std::string &input, MLIRContext &context,
                                             std::string &error) {
  Result<std::string> found = findCheckpointFolder(input);
  if (!found.ok()) {
    error = found.status().message();
    return failure();
  }
  const std::string &path = *found;
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    return importCheckpoint(path, {}, context, error);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(path, &context);
  if (!module)
    return failure();
  return module;
}

Result<std::vector<TunedKernel>> planKernels(const TuneInput &input) {
  std::string refusal;
  FailureOr<Target> target = parseTarget(input.target, refusal);
  if (failed(target))
    return invalidArgument(refusal);
  DialectRegistry registry;
  registerCompiler(registry);
  MLIRContext context(registry);
  FirstError problem(context);
  std::string error;
  FailureOr<OwningOpRef<ModuleOp>> module = read(input.input, context, error);
  if (failed(module))
    return error.empty() ? problem.status("cannot read " + inQuotes(input.input))
                         : invalidData(error);
  PipelineOptions options;
  options.target = input.target;
  options.weights = input.weights;
  options.activations = input.activations;
  options.batchInvariant = input.batchInvariant;
  options.knownSchedules = false;
  if (failed(runPipeline(**module, options, Phase::Fused)))
    return problem.status("compiling for " + input.target + " failed");
  return tunedKernels(**module, *target, input.step);
}

} // namespace mamba
