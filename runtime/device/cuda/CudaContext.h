// State pools, arena and tensors of one user of a GPU.
#pragma once

#include "runtime/device/Arena.h"
#include "runtime/device/Pools.h"
#include "runtime/device/cuda/CudaExecutable.h"
#include "runtime/device/cuda/StepGraphs.h"

namespace mamba::cuda {

class CudaContext final : public Context {
public:
  /// `executable` has its weights and outlives the context. The GPU's context
  /// need not be current, here and below.
  static Result<std::unique_ptr<CudaContext>> create(CudaExecutable &executable,
                                                     uint64_t slots);

  Status run(uint32_t entry, const Batch &batch, bool invariant,
             std::span<const void *const> inputs,
             std::span<void *const> outputs) override;

  uint64_t slots() const override { return pools_.slots(); }
  Status readState(uint32_t state, uint32_t slot, void *to) const override;
  Status writeState(uint32_t state, uint32_t slot, const void *from) override;
  Status clearSlot(uint32_t slot) override;
  Status copySlot(uint32_t from, uint32_t to) override;

private:
  /// Where things are in step memory: on the GPU, and up to the outputs in the
  /// same places in pinned memory.
  struct StepPlan {
    uint64_t slot, inputs, outputs, arenas; // seqStart is at 0
    uint64_t pinnedBytes, bytes;
    ArenaPlan arena;
  };

  explicit CudaContext(CudaExecutable &executable)
      : executable_(executable), graphs_(executable.gpu()) {}
  Status allocate(uint64_t slots);
  Result<StepPlan> makePlan(const Program &program, const EntrySpec &entry,
                            const Batch &batch);
  Status reserve(const StepPlan &plan);
  void fill(const StepPlan &plan, const Batch &batch,
            std::span<const void *const> inputs);
  Status queue(const Program &program, const StepPlan &plan,
               const Batch &batch);
  CUdeviceptr address(const ArgRef &arg, const EntrySpec &entry,
                      const StepPlan &plan) const;
  Status runStep(uint32_t program, const Batch &batch,
                 std::span<const void *const> inputs,
                 std::span<void *const> outputs);
  CUdeviceptr stateAddress(size_t state, uint32_t slot) const {
    return poolMemory_.address() + pools_.offset(state) +
           slot * pools_.slotBytes(state);
  }

  CudaExecutable &executable_; // Borrowed; outlives the context.
  BatchChecker checker_;
  PoolLayout pools_; // by executable_.states()
  DeviceMemory poolMemory_;
  PinnedMemory stateStaging_; // One slot of the largest pool.
  TensorPlan tensors_;        // Of the step that runs.
  DeviceMemory stepMemory_;
  PinnedMemory pinned_;
  ArenaPolicy stepPolicy_, pinnedPolicy_;
  uint64_t generation_ = 0; // Of the addresses of the two.
  std::vector<CUdeviceptr> args_;
  StepGraphs graphs_;
  Stream stream_; // Ends first: what is queued uses the rest.
};

} // namespace mamba::cuda
