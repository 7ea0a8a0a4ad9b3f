// What FORMAT.md promises of tuning packs.
#include "runtime/pack/VerifyParts.h"

#include "runtime/support/CheckedMath.h"
#include "runtime/support/Quote.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

using namespace mamba;

/// The most sequences of a step that is predicted, and the longest one.
static constexpr uint64_t kMaxStep = kGuaranteedRows;

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

/// What it is launched on agrees with what its self-tests give it.
static Status verifyLaunchShape(const LaunchShape &launch, const TargetSpec &target) {
  if (target.device != "cuda")
    return invalidData("'launch' is for kernels of cuda targets");
  size_t args = target.kernels[0].golden.back().args.size();
  if (launch.args.size() != args)
    return invalidData("'launch' has " + text(launch.args.size()) +
                       " arguments, the kernel's golden cases " + text(args));
  for (size_t i = 0; i < args; ++i)
    if (launch.args[i].below > INT32_MAX)
      return invalidData("'launch': argument " + text(i) + ": " + text(launch.args[i].below) +
                         " rows are more than an I32 counts");
  return {};
}

static Status verifyPrediction(const PredictionSpec &prediction, const LaunchShape &launch) {
  if (prediction.steps.empty() || prediction.steps.size() > 2)
    return invalidData("a prediction has one step or two, got " + text(prediction.steps.size()));
  for (const StepSpec &step : prediction.steps) {
    if (step.sequences == 0 || step.sequences > kMaxStep || step.length == 0 ||
        step.length > kMaxStep)
      return invalidData("a step has from 1 to " + text(kMaxStep) + " sequences of 1 to " +
                         text(kMaxStep) + " tokens, got " + text(step.sequences) + " of " +
                         text(step.length));
    MAMBA_RETURN_IF_ERROR(
        verifyGrid(prediction.grid, prediction.grid.of.of(step.tokens(), step.sequences)));
    uint64_t left = kMaxManifestSize;
    for (const LaunchArg &arg : launch.args) {
      std::optional<uint64_t> bytes =
          checkedMul(arg.bytes, RowCount{arg.rows, 1}.of(step.tokens(), step.sequences));
      if (!bytes || *bytes > left)
        return invalidData("the arguments of a step have more than " + text(kMaxManifestSize) +
                           " bytes");
      left -= *bytes;
    }
  }
  return {};
}

static Status verifyVariants(const Manifest &manifest, const TuningSpec &tuning,
                             const BlobTable &blobs) {
  Names schedules("variant");
  for (const VariantSpec &variant : tuning.variants) {
    MAMBA_RETURN_IF_ERROR(schedules.add(variant.schedule));
    auto verify = [&]() -> Status {
      if (!areFields({variant.schedule}) || !std::isfinite(variant.predictedUs) ||
          variant.predictedUs < 0)
        return invalidData("a variant has a schedule, and a time of at least 0");
      MAMBA_RETURN_IF_ERROR(verifyTarget(manifest, variant.target, blobs));
      if (variant.prediction.has_value() != tuning.launch.has_value())
        return invalidData("'prediction' is for variants of kernels with 'launch', which all "
                           "have one");
      if (variant.prediction)
        MAMBA_RETURN_IF_ERROR(verifyPrediction(*variant.prediction, *tuning.launch));
      return verifyVariant(variant, tuning.variants.front());
    };
    MAMBA_RETURN_IF_ERROR(verify().withContext("variant " + inQuotes(variant.schedule)));
  }
  if (tuning.launch)
    return verifyLaunchShape(*tuning.launch, tuning.variants.front().target);
  return {};
}

Status mamba::verifyTuning(const Manifest &manifest, const BlobTable &blobs) {
  std::set<std::pair<std::string_view, std::string_view>> seen; // target and key
  for (const TuningSpec &tuning : manifest.tuning) {
    auto verify = [&]() -> Status {
      if (!manifest.targets.empty() || !manifest.entries.empty() || manifest.check)
        return invalidData("a pack that has kernels to be tuned has no entries, "
                           "targets or check");
      if (!areFields({tuning.key, tuning.target}) || tuning.variants.empty())
        return invalidData("a kernel to be tuned has a key, a target and variants");
      if (!seen.emplace(tuning.variants.front().target.name, tuning.key).second)
        return invalidData("two kernels of a target have this key");
      return verifyVariants(manifest, tuning, blobs);
    };
    MAMBA_RETURN_IF_ERROR(verify().withContext("kernel " + inQuotes(tuning.key) + " for " +
                                               inQuotes(tuning.target)));
  }
  return {};
}
