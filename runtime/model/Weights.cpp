#include "runtime/model/Weights.h"
#include "runtime/support/Checkpoint.h"
#include "runtime/support/HubCache.h"
#include "runtime/support/Quote.h"

#include <bit>
#include <cstring>
#include <map>
#include <memory>

namespace mamba {

namespace {

std::string describe(DType dtype, std::span<const int64_t> shape) {
  return std::string(dtypeName(dtype)) + " " + formatShape(shape);
}

/// Checks a found tensor and hands out its bytes, aligned to its elements.
class AlignedWeights : public WeightSource {
protected:
  Result<std::span<const uint8_t>> check(const WeightSpec &spec,
                                         const TensorView *found,
                                         const std::string &where) {
    if (!found)
      return notFound("no tensor " + inQuotes(spec.name) + " in " + where +
                      "; the pack expects " + describe(spec.dtype, spec.shape));
    if (found->dtype != spec.dtype || found->shape != spec.shape)
      return invalidData("tensor " + inQuotes(spec.name) + " of " + where +
                         " does not fit the pack: expected " +
                         describe(spec.dtype, spec.shape) + ", found " +
                         describe(found->dtype, found->shape));
    unsigned element = std::max(1u, dtypeBytes(spec.dtype));
    if (std::bit_cast<uintptr_t>(found->data) % element == 0)
      return std::span(found->data, found->bytes);

    // A file may hold tensors at odd offsets. Memory from new[] is aligned for
    // every element type.
    auto &copy = copies_[spec.name];
    if (!copy) {
      copy = std::make_unique<uint8_t[]>(found->bytes);
      std::memcpy(copy.get(), found->data, found->bytes);
    }
    return std::span<const uint8_t>(copy.get(), found->bytes);
  }

private:
  std::map<std::string, std::unique_ptr<uint8_t[]>> copies_;
};

class FolderWeights final : public AlignedWeights {
public:
  explicit FolderWeights(Checkpoint checkpoint)
      : checkpoint_(std::move(checkpoint)) {}
  Result<std::span<const uint8_t>> find(const WeightSpec &spec) override {
    return check(spec, checkpoint_.find(spec.name),
                 inQuotes(checkpoint_.path()));
  }
  void rest(std::span<const uint8_t> bytes) override {
    checkpoint_.rest(bytes);
  }

private:
  Checkpoint checkpoint_;
};

class PackWeights final : public AlignedWeights {
public:
  explicit PackWeights(std::shared_ptr<const Pack> pack)
      : pack_(std::move(pack)) {}
  Result<std::span<const uint8_t>> find(const WeightSpec &spec) override {
    const TensorView *&found = checked_[spec.name];
    if (!found) {
      MAMBA_ASSIGN_OR_RETURN(found, pack_->checkedWeight(spec.name));
    }
    return check(spec, found, "the weights embedded in " + inQuotes(pack_->path()));
  }
  void rest(std::span<const uint8_t> bytes) override { pack_->rest(bytes); }

private:
  std::shared_ptr<const Pack> pack_;
  std::map<std::string, const TensorView *> checked_; // Of pack_.
};

} // namespace

Result<std::shared_ptr<WeightSource>>
weightsOfFolder(const std::string &folder) {
  MAMBA_ASSIGN_OR_RETURN(std::string found, findCheckpointFolder(folder));
  MAMBA_ASSIGN_OR_RETURN(Checkpoint checkpoint, openCheckpoint(found));
  return std::shared_ptr<WeightSource>(
      std::make_shared<FolderWeights>(std::move(checkpoint)));
}

std::shared_ptr<WeightSource> weightsOfPack(std::shared_ptr<const Pack> pack) {
  return std::make_shared<PackWeights>(std::move(pack));
}

} // namespace mamba
