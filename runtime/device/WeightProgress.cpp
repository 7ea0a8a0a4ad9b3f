#include "runtime/device/WeightProgress.h"

#include "runtime/device/BoundWeights.h"

using namespace mamba;

/// Verified with the manifest: the shape has a size.
static uint64_t bytesOf(const WeightSpec &spec) {
  return tensorBytes(spec.dtype, spec.shape).value_or(0);
}

WeightProgress::WeightProgress(const Manifest &manifest,
                               const TargetSpec &target, const Progress &report)
    : manifest_(manifest), target_(target), report_(report),
      isOpen_(weightsReadBy(manifest, target)) {
  for (size_t i = 0; i < isOpen_.size(); ++i)
    if (isOpen_[i])
      total_ += bytesOf(manifest.checkpoint[i]);
}

void WeightProgress::finish(size_t weight) {
  uint64_t bytes = bytesOf(manifest_.checkpoint[weight]);
  if (!isOpen_[weight] || bytes == 0)
    return;
  isOpen_[weight] = false;
  done_ += bytes;
  if (report_)
    report_(done_, total_);
}

void WeightProgress::finishMapped() {
  std::vector<bool> isMapped = weightsReadByPrograms(manifest_, target_);
  for (size_t i = 0; i < isMapped.size(); ++i)
    if (isMapped[i])
      finish(i);
}

void WeightProgress::finish(const Dispatch &dispatch) {
  for (const ArgRef &arg : dispatch.args)
    if (arg.space == ArgSpace::Weight)
      finish(arg.number);
}
