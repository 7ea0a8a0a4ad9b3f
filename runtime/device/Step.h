// What every device checks and chooses before it runs a step.
#pragma once

#include "runtime/device/Device.h"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace mamba {

/// The distinct states of all entries, by id, in order of first use.
std::vector<StateSpec> collectStates(const Manifest &manifest);

/// Whether a context can have so many slots.
Status checkSlots(uint64_t slots);

/// The failure of a step that has begun: memory that is short then is no harmless
/// one.
Status notOutOfMemory(const Status &status);

/// Bytes of a tensor of this batch; none if they do not fit.
std::optional<uint64_t> stepBytes(const TensorSpec &tensor, const Batch &batch);

/// The caller's tensors are as many as the entry's, and no input is missing that
/// is not carried.
Status checkTensors(const EntrySpec &entry, const Batch &batch,
                    std::span<const void *const> inputs,
                    std::span<void *const> outputs,
                    std::optional<uint32_t> carried = std::nullopt);

/// The step's null inputs can be the carried output of a step of the same batch.
Status checkCarried(const EntrySpec &entry, const StepQueue::Step &step);

/// Checks batches against a number of slots without allocating.
class BatchChecker {
public:
  static Result<BatchChecker> create(uint64_t slots);

  /// seqStart starts at 0 and never falls, slots are in range and distinct,
  /// sizes agree. The message names the first offending sequence.
  Status check(const Batch &batch);

private:
  struct Free {
    void operator()(void *memory) const { std::free(memory); }
  };

  uint64_t slots_ = 0;
  // By slot, the check that met it last. Owned.
  std::unique_ptr<uint32_t[], Free> seen_;
  uint32_t checks_ = 0;
};

/// The programs of a target by entry, with their limits.
class ProgramTable {
public:
  ProgramTable(const Manifest &manifest, const TargetSpec &target);

  /// The index of the first program of `entry` that fits the checked batch.
  Result<uint32_t> choose(uint32_t entry, const Batch &batch,
                          bool invariant) const;

private:
  struct Limits {
    uint64_t tokens, sequences; // More make a grid too large.
    void takeIn(const Grid &grid, uint64_t maxSequences);
  };
  Status tooLarge(uint32_t program, const Batch &batch) const;
  Status noneFits(uint32_t entry, const Batch &batch, uint64_t longest,
                  bool invariant) const;

  const Manifest &manifest_; // Borrowed; outlives this.
  const TargetSpec &target_; // Borrowed; outlives this.
  std::vector<std::vector<uint32_t>> byEntry_;
  std::vector<Limits> limits_;
};

} // namespace mamba
