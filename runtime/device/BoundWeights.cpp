#include "runtime/device/BoundWeights.h"

#include "runtime/support/Quote.h"

#include <algorithm>
#include <cstring>

using namespace mamba;

static void noteWeights(const std::vector<Dispatch> &dispatches,
                        std::vector<bool> &isRead) {
  for (const Dispatch &dispatch : dispatches)
    for (const ArgRef &arg : dispatch.args)
      if (arg.space == ArgSpace::Weight)
        isRead[arg.number] = true;
}

std::vector<bool> mamba::weightsReadByPrograms(const Manifest &manifest,
                                               const TargetSpec &target) {
  std::vector<bool> isRead(manifest.checkpoint.size());
  for (const Program &program : target.programs)
    noteWeights(program.dispatches, isRead);
  return isRead;
}

std::vector<bool> mamba::weightsReadBy(const Manifest &manifest,
                                       const TargetSpec &target) {
  std::vector<bool> isRead = weightsReadByPrograms(manifest, target);
  noteWeights(target.recipe, isRead);
  return isRead;
}

Status BoundWeights::bind(const Manifest &manifest, const TargetSpec &target,
                          WeightSource *source) {
  std::vector<bool> isRead = weightsReadBy(manifest, target);
  weights_.assign(isRead.size(), nullptr);
  copies_.clear();
  copies_.resize(isRead.size());
  for (size_t i = 0; i < isRead.size(); ++i) {
    if (!isRead[i])
      continue;
    if (!source)
      return invalidArgument("the pack's weights are not given, load its "
                             "checkpoint");
    MAMBA_RETURN_IF_ERROR(bindOne(*source, manifest.checkpoint[i], i));
  }
  return {};
}

Status BoundWeights::bindOne(WeightSource &source, const WeightSpec &spec,
                             size_t index) {
  MAMBA_ASSIGN_OR_RETURN(std::span<const uint8_t> bytes, source.find(spec));
  // Verified with the manifest: the shape has a size.
  uint64_t expected = tensorBytes(spec.dtype, spec.shape).value_or(0);
  if (bytes.size() != expected)
    return invalidData("weight " + inQuotes(spec.name) + " must have " +
                       std::to_string(expected) + " bytes, got " +
                       std::to_string(bytes.size()));
  weights_[index] = bytes.data();
  uint64_t alignment = std::max(1u, dtypeBytes(spec.dtype));
  if (reinterpret_cast<uintptr_t>(bytes.data()) % alignment == 0)
    return {};
  MAMBA_ASSIGN_OR_RETURN(copies_[index],
                         Memory::allocate(expected, "a misaligned weight"));
  std::memcpy(copies_[index].data(), bytes.data(), expected);
  weights_[index] = copies_[index].data();
  return {};
}

std::span<const uint8_t> BoundWeights::bytes(const Manifest &manifest,
                                             size_t index) const {
  const WeightSpec &spec = manifest.checkpoint[index];
  return {weights_[index], tensorBytes(spec.dtype, spec.shape).value_or(0)};
}

void BoundWeights::dropRecipeCopies(const Manifest &manifest,
                                    const TargetSpec &target) {
  std::vector<bool> isRead = weightsReadByPrograms(manifest, target);
  for (size_t i = 0; i < copies_.size(); ++i)
    if (!isRead[i] && copies_[i].size() != 0) {
      copies_[i].release();
      weights_[i] = nullptr;
    }
}
