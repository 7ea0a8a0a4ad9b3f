// The kernels of a tuning pack for one target, as a sweep's source.
#pragma once

#include "runtime/pack/Pack.h"
#include "runtime/tune/Sweep.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace mamba::tune {

/// The first argument of a process that checks a variant, which then takes the device
/// and what Candidate::open takes.
inline constexpr const char *kCheckVerb = "@check";
Status checkVariant(const std::vector<std::string> &arguments);

class PackSource final : public SweepSource {
public:
  /// The target's kernels, by its name in the pack; of an empty one those of the target
  /// that the device would run. Without a device it is cpu, or cuda of a pack for GPUs
  /// alone. Fails if the target does not run there. On a GPU every variant has as many
  /// candidates as its code has forms: see formsOf. On sim it has the kernels whose time
  /// can be predicted for `chip`, or without one for the first chip known of the target.
  static Result<PackSource> open(const std::string &path, const std::string &target,
                                 const std::string &device, const std::string &chip = "");

  /// As records name it.
  const std::string &target() const { return target_; }
  const std::string &device() const { return device_; }
  const std::string &compiler() const { return pack_->manifest().compiler; }
  /// Of all that is in the pack.
  std::string digest() const;
  /// What the candidates are timed on or predicted for: the processor's or the GPU's name.
  const std::string &chip() const { return chip_; }
  /// For a record: those of the processor, none of a GPU.
  int64_t threads(unsigned asked) const;

  /// Leaves only those whose key, with the number of its candidates, is wanted.
  void keep(const std::function<bool(const std::string &, size_t)> &wanted);

  size_t kernels() const override { return kernels_.size(); }
  KernelResult kernel(size_t index) const override;
  Result<Arguments> prepare(size_t, const std::string &) const override { return Arguments{}; }
  Arguments trial(size_t index, size_t candidate, const std::string &folder) const override;
  std::string made(size_t index, size_t candidate, const std::string &folder) const override;

private:
  struct Trial {
    size_t variant;
    std::string form; // see formsOf; empty on a processor
  };
  struct Kernel {
    size_t place; // in the manifest
    std::vector<Trial> trials;
  };

  PackSource() = default;
  Result<const TargetSpec *> chooseTarget(const Pack &targets, const std::string &wanted,
                                          const std::string &chip);
  const TuningSpec &spec(size_t index) const {
    return pack_->manifest().tuning[kernels_[index].place];
  }

  std::shared_ptr<const Pack> pack_;
  std::string path_, target_, device_, chip_;
  unsigned gpuChip_ = 0; // 90 for sm_90; 0: none is here
  std::vector<Kernel> kernels_;
};

/// The forms in which a GPU of a chip can have the code of a target with one kernel: first
/// whatever it takes by itself, empty; PTX, if that is a cubin; and where NVRTC is at hand
/// the C++, also with three quarters and a half of the registers that it has, if these are
/// more than 64.
std::vector<std::string> formsOf(const TargetSpec &target, unsigned chip, bool hasNvrtc);

} // namespace mamba::tune
