// What the executables of all devices share: a pack's target with its states
// and programs, and when weights and contexts may come.
#pragma once

#include "runtime/device/Device.h"
#include "runtime/device/Step.h"

#include <memory>
#include <vector>

namespace mamba {

class TargetExecutable : public Executable {
public:
  const Pack &pack() const final { return *pack_; }
  const TargetSpec &target() const final { return target_; }
  const std::vector<StateSpec> &states() const final { return states_; }
  Status loadWeights(std::shared_ptr<WeightSource> source,
                     const Progress &progress) final;
  Result<std::unique_ptr<Context>> createContext(uint64_t slots) final;
  Result<ModelCheck> checkModel() final;

  // For contexts.
  const Manifest &manifest() const { return pack_->manifest(); }
  const ProgramTable &programs() const { return programs_; }
  /// The index in states() of a state of one of manifest()'s entries.
  size_t stateOf(const EntrySpec &entry, uint64_t index) const {
    return stateOf_[&entry - manifest().entries.data()][index];
  }

protected:
  /// `target` is the pack's.
  TargetExecutable(std::shared_ptr<const Pack> pack, const TargetSpec &target);

  /// Of profile(), without DeviceOptions::counts.
  static Status nothingWasCounted();
  /// Binds and runs the recipe, anew after a failure. `source` is null if there
  /// is none, and else stays after success.
  virtual Status prepareWeights(WeightSource *source,
                                const Progress &progress) = 0;
  /// The weights are there: whether the device computes with them what it
  /// shall. After a failure they count as not loaded.
  virtual Status checkLoaded(WeightSource *) { return {}; }
  /// The weights are there and the number of slots is fine.
  virtual Result<std::unique_ptr<Context>> makeContext(uint64_t slots) = 0;

private:
  std::shared_ptr<const Pack> pack_;
  const TargetSpec &target_; // Of pack_.
  std::vector<StateSpec> states_;
  std::vector<std::vector<size_t>> stateOf_; // by entry and its states
  ProgramTable programs_;
  bool hasWeights_ = false;
  std::shared_ptr<WeightSource> source_;
};

} // namespace mamba
