// State pools and steps of one user of a GPU.
#pragma once

#include "runtime/device/cuda/CudaPools.h"
#include "runtime/device/cuda/CudaSteps.h"

namespace mamba::cuda {

class CudaContext final : public Context {
public:
  /// `executable` has its weights and outlives the context. The GPU's context
  /// need not be current, here and below.
  static Result<std::unique_ptr<CudaContext>> create(CudaExecutable &executable,
                                                     uint64_t slots);

  Status run(uint32_t entry, const Batch &batch, bool invariant,
             std::span<const void *const> inputs,
             std::span<void *const> outputs) override {
    return steps_.run({entry, batch, invariant, inputs, outputs});
  }
  StepQueue *queue() override { return &steps_; }

  uint64_t slots() const override { return pools_.layout.slots(); }
  Status readState(uint32_t state, uint32_t slot, void *to) const override;
  Status writeState(uint32_t state, uint32_t slot, const void *from) override;
  Status clearSlot(uint32_t slot) override;
  Status copySlot(uint32_t from, uint32_t to) override;

private:
  explicit CudaContext(CudaExecutable &executable)
      : executable_(executable), steps_(executable, pools_, stream_) {}
  Status allocate(uint64_t slots);

  CudaExecutable &executable_; // Borrowed; outlives the context.
  CudaPools pools_;            // by executable_.states()
  PinnedMemory stateStaging_;  // One slot of the largest pool.
  CudaSteps steps_;
  Stream stream_; // Ends first: what is queued uses the rest.
};

} // namespace mamba::cuda
