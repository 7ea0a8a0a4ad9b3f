#include "compiler/pack/ModelCheckJob.h"

#include "compiler/pack/FirstError.h"
#include "compiler/pack/TargetBuild.h"
#include "runtime/support/Quote.h"
#include "runtime/support/Sha256.h"

#include "mlir/Parser/Parser.h"

#include <cstring>

using namespace mlir;

namespace mamba {

Result<RoundedRows> ModelCheckJob::rows(ModuleOp module) const {
  std::vector<PipelineOptions> targets;
  for (const std::string &target : options.targets)
    targets.push_back(pipelineOptions(options, target));
  return roundRows(module, targets);
}

/// All that the values depend on: every byte of the weights, where the check's
/// fingerprint is of a sample, and what became of the rows, which is all that
/// targets, databases and other options do to them.
Result<std::string> ModelCheckJob::key(const RoundedRows &rounded,
                                       const Checkpoint &checkpoint) const {
  std::string text =
      options.weights + " " + options.activations + "\n" + imported + "\n";
  for (const std::string &program : rounded.programs)
    text += program + "\n";
  for (const EntrySpec &entry : manifest.entries)
    text += entry.name + "\n";
  Sha256 sha;
  for (const WeightSpec &weight : manifest.checkpoint) {
    MAMBA_ASSIGN_OR_RETURN(const TensorView *view, checkpoint.get(weight.name));
    text += weight.name + " " + std::to_string(view->bytes) + "\n";
    sha.update(view->data, view->bytes);
  }
  return text + toHex(sha.finish());
}

/// The tolerance, then the samples.
static std::vector<uint8_t> toBytes(const ModelCheckValues &values) {
  std::vector<uint8_t> bytes(sizeof(double) + values.samples.size() * sizeof(float));
  std::memcpy(bytes.data(), &values.tolerance, sizeof(double));
  std::memcpy(bytes.data() + sizeof(double), values.samples.data(), bytes.size() - sizeof(double));
  return bytes;
}

Status ModelCheckJob::compute(const std::function<void(const std::string &)> &note) {
  if (options.check == BuildOptions::Check::Off)
    return unavailable("--check=off");
  if (!manifest.model)
    return unavailable(inQuotes(options.input) + " is no whole model");
  uint64_t products = modelCheckProducts(manifest);
  if (options.check == BuildOptions::Check::Auto && products > options.cheapCheck)
    return unavailable("the reference would take up to " + std::to_string(products / 1'000'000) +
                       " million products, --check=on makes it nevertheless");
  if (source.empty())
    return notFound(inQuotes(options.input) + " does not say where its weights are");
  MAMBA_ASSIGN_OR_RETURN(Checkpoint checkpoint, openCheckpoint(source));
  note("computing the end-to-end check");
  MAMBA_ASSIGN_OR_RETURN(CheckSpec spec, describeModelCheck(manifest, checkpoint));
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  FirstError error(context);
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(imported, &context);
  if (!module)
    return error.status("the module cannot be read again");
  auto explain = [&](const Status &status) {
    return status.code() == StatusCode::Internal ? error.status(status.message()) : status;
  };
  Result<RoundedRows> rounded = rows(*module);
  if (!rounded.ok())
    return explain(rounded.status());
  MAMBA_ASSIGN_OR_RETURN(std::string text, key(*rounded, checkpoint));
  auto read = [&](const std::vector<uint8_t> &bytes) {
    if (bytes.size() < sizeof(double) || (bytes.size() - sizeof(double)) % sizeof(float))
      return false;
    std::memcpy(&spec.tolerance, bytes.data(), sizeof(double));
    samples.resize((bytes.size() - sizeof(double)) / sizeof(float));
    std::memcpy(samples.data(), bytes.data() + sizeof(double), bytes.size() - sizeof(double));
    return true;
  };
  auto make = [&]() -> Result<std::vector<uint8_t>> {
    auto values = computeModelCheck(manifest, spec, *module,
                                    pipelineOptions(options, options.targets.front()), *rounded,
                                    checkpoint);
    if (!values.ok())
      return explain(values.status());
    return toBytes(*values);
  };
  MAMBA_RETURN_IF_ERROR(cache.get("check", text, read, make));
  check = std::move(spec);
  return {};
}

Status ModelCheckJob::run(const std::function<void(const std::string &)> &note) {
  Status status = compute(note);
  if (status.ok() || status.code() == StatusCode::Internal ||
      options.check == BuildOptions::Check::On)
    return status.withContext("the end-to-end check");
  why = status.message();
  return {};
}

} // namespace mamba
