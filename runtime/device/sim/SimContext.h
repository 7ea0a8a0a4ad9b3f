// Arena, state pools and tensors of one user of a simulated executable.
#pragma once

#include "runtime/device/Arena.h"
#include "runtime/device/Pools.h"
#include "runtime/device/sim/SimExecutable.h"

namespace mamba {

class SimContext final : public Context {
public:
  /// `executable` has its weights and outlives the context.
  static Result<std::unique_ptr<SimContext>> create(SimExecutable &executable,
                                                    uint64_t slots);
  ~SimContext() override;

  Status run(uint32_t entry, const Batch &batch, bool invariant,
             std::span<const void *const> inputs,
             std::span<void *const> outputs) override;

  uint64_t slots() const override { return pools_.layout().slots(); }
  Status readState(uint32_t state, uint32_t slot, void *to) const override {
    return pools_.read(state, slot, to);
  }
  Status writeState(uint32_t state, uint32_t slot, const void *from) override {
    return pools_.write(state, slot, from);
  }
  Status clearSlot(uint32_t slot) override { return pools_.clear(slot); }
  Status copySlot(uint32_t from, uint32_t to) override {
    return pools_.copy(from, to);
  }

private:
  /// The caller's tensors on the device, as they are for the time of a step.
  struct Tensor {
    uint8_t *data; // in tensors_
    uint64_t bytes;
    SimMapping mapping;
  };

  explicit SimContext(SimExecutable &executable) : executable_(executable) {}
  Status mapPools();
  Status mapArenas(const Program &program, const ArenaPlan &plan);
  Status placeTensors(const EntrySpec &entry, const Batch &batch);
  Status mapTensors(const EntrySpec &entry);
  Status runProgram(const Program &program, const Batch &batch);
  /// The step wrote all of an output.
  Status checkOutput(const TensorSpec &spec, const Tensor &output) const;
  uint64_t address(const ArgRef &arg, const EntrySpec &entry,
                   const ArenaPlan &plan) const;

  SimExecutable &executable_; // Borrowed; outlives the context.
  BatchChecker checker_;
  HostPools pools_; // by executable_.states()
  std::vector<SimMapping> poolMappings_;
  Memory arena_;
  ArenaPolicy arenaPolicy_;
  SimMapping arenaT_, arenaS_, arenaC_;
  Memory tensorMemory_;
  ArenaPolicy tensorPolicy_;
  TensorPlan plan_;
  std::vector<Tensor> inputs_, outputs_; // Empty between steps.
};

} // namespace mamba
