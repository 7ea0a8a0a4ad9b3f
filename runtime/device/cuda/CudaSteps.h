// The steps of a context: their memory, and how they are queued and replayed.
#pragma once

#include "runtime/device/Arena.h"
#include "runtime/device/cuda/CudaExecutable.h"
#include "runtime/device/cuda/CudaPools.h"
#include "runtime/device/cuda/StepGraphs.h"

#include <array>

namespace mamba::cuda {

/// Calls are made with the GPU's context current, unless it says otherwise.
class CudaSteps final : public StepQueue {
public:
  /// All three outlive this.
  CudaSteps(CudaExecutable &executable, const CudaPools &pools,
            const Stream &stream)
      : executable_(executable), pools_(pools), stream_(stream),
        graphs_(executable.gpu()) {}
  Status allocate();

  // The context need not be current.
  Status submit(const Step &step) override;
  Status wait() override;
  Status fetch(uint32_t output, void *to) override;

  /// A step by itself, from its inputs to its outputs.
  Status run(const Step &step);

private:
  /// Where things are in step memory: on the GPU, and up to the arenas in the
  /// same places in pinned memory.
  struct StepPlan {
    uint32_t program = 0;
    uint64_t slot = 0, inputs = 0, outputs = 0, arenas = 0; // seqStart is at 0
    uint64_t bytes = 0;
    ArenaPlan arena = {};
  };
  /// The host's side of a queued step.
  struct Flight {
    PinnedMemory pinned;
    ArenaPolicy policy;
    Event ended;
    StepPlan plan;
    TensorPlan tensors;
    std::vector<void *> outputs;
  };

  Flight &flight(uint64_t step) { return flights_[step % kDepth]; }
  Result<uint32_t> choose(const Step &step);
  Status prepare(uint32_t index, const Step &step, Flight &flight);
  Status checkCarry(const Step &step, const Flight &flight);
  Result<StepPlan> makePlan(const Program &program, const EntrySpec &entry,
                            const Batch &batch, TensorPlan &tensors) const;
  Status reserve(const Step &step, Flight &flight);
  void fill(const Flight &flight, const Step &step) const;
  Status enqueue(const Step &step, Flight &flight);
  Status launchAll(const Flight &flight, const Step &step);
  Status finish(Flight &flight);
  void drop();
  CUdeviceptr address(const ArgRef &arg, const EntrySpec &entry,
                      const Flight &flight) const;

  CudaExecutable &executable_;
  const CudaPools &pools_;
  const Stream &stream_;
  BatchChecker checker_;
  DeviceMemory memory_; // One step's: they run one after the other.
  ArenaPolicy policy_;
  uint64_t generation_ = 0; // Of memory_'s address.
  std::array<Flight, kDepth> flights_; // by number of the step
  uint64_t submitted_ = 0, waited_ = 0;
  bool hasNewest_ = false; // memory_ holds the outputs of the newest step.
  std::vector<CUdeviceptr> args_;
  StepGraphs graphs_;
};

} // namespace mamba::cuda
