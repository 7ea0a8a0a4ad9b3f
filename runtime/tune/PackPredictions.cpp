#include "runtime/tune/PackPredictions.h"

#include "runtime/device/Device.h"
#include "runtime/predict/Code.h"
#include "runtime/support/File.h"
#include "runtime/support/Quote.h"
#include "runtime/tune/Candidate.h"

namespace mamba::tune {

/// Compares its numbers with the reference, of a small batch: that of timing would take long.
static Status checkInSimulator(const Pack &pack, const VariantName &name) {
  MAMBA_ASSIGN_OR_RETURN(std::shared_ptr<const Pack> one,
                         pack.variantToCheck(name.kernel, name.variant));
  DeviceOptions options;
  options.threads = 1;
  options.target = one->manifest().targets.front().name;
  MAMBA_ASSIGN_OR_RETURN(std::unique_ptr<Executable> executable,
                         loadOnDevice(one, "sim", options));
  return executable->selfTest(nullptr);
}

Status predictVariant(const std::vector<std::string> &arguments) {
  if (arguments.size() != 3)
    return invalidArgument("a chip, a variant and a file are missing");
  MAMBA_ASSIGN_OR_RETURN(const sim::Chip *chip, sim::chipNamed(arguments[0]));
  std::optional<VariantName> name = VariantName::parse(arguments[1]);
  if (!name)
    return invalidArgument(inQuotes(arguments[1]) + " is no variant of a tuning pack");
  predict::StepKind step = stepOfFile(arguments[2]);
  MAMBA_ASSIGN_OR_RETURN(std::shared_ptr<const Pack> pack, Pack::open(name->pack));
  MAMBA_ASSIGN_OR_RETURN(std::shared_ptr<const Pack> one,
                         pack->variant(name->kernel, name->variant));
  const TuningSpec &tuning = pack->manifest().tuning[name->kernel];
  const VariantSpec &variant = tuning.variants[name->variant];
  if (!variant.prediction)
    return unavailable("its pack does not say how it is launched");
  if (step == predict::StepKind::First)
    MAMBA_RETURN_IF_ERROR(checkInSimulator(*pack, *name));
  MAMBA_ASSIGN_OR_RETURN(predict::Code code, predict::readCode(*one, variant.target));
  MAMBA_ASSIGN_OR_RETURN(
      predict::Figures figures,
      predict::predictStep(code, *tuning.launch, *variant.prediction, step, *chip));
  return writeFileAtomically(arguments[2], figures.json());
}

std::vector<std::string> PackPredictions::schedules(size_t index) const {
  std::vector<std::string> texts;
  for (const CandidateResult &candidate : source_.kernel(index).candidates)
    texts.push_back(candidate.schedule);
  return texts;
}

} // namespace mamba::tune
