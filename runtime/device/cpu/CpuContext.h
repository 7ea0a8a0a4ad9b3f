// Arena, state pools and prepared programs of one user of an executable.
#pragma once

#include "runtime/device/Arena.h"
#include "runtime/device/Pools.h"
#include "runtime/device/cpu/CpuExecutable.h"

namespace mamba {

class CpuContext final : public Context {
public:
  /// `executable` has its weights and outlives the context.
  static Result<std::unique_ptr<CpuContext>> create(CpuExecutable &executable,
                                                    uint64_t slots);

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
  /// A buffer whose address changes from step to step.
  struct Binding {
    uint32_t buffer; // in buffers
    ArgRef arg;
  };
  /// A program with all that can be known before a step.
  struct Prepared {
    std::vector<void *> buffers;  // of all dispatches
    std::vector<Binding> arenas;  // T, S and C
    std::vector<Binding> tensors; // In and Out
    std::vector<MambaKernelArgs> args;
    std::vector<ThreadPool::Job> jobs; // point into args
    // What the arenas' bindings were made for.
    uint64_t tokens = 0, sequences = 0;
    const uint8_t *arena = nullptr;
  };

  explicit CpuContext(CpuExecutable &executable) : executable_(executable) {}
  void prepare(const Program &program);
  Status placeOutputs(const EntrySpec &entry, const Batch &batch,
                      std::span<void *const> outputs);
  Status reserveArena(uint64_t bytes);
  void bindArenas(Prepared &prepared, const ArenaPlan &plan);

  CpuExecutable &executable_; // Borrowed; outlives the context.
  BatchChecker checker_;
  HostPools pools_;                // by executable_.states()
  std::vector<Prepared> prepared_; // by program
  Memory scratch_;                 // Of the thread that calls run().
  Memory arena_;
  ArenaPolicy arenaPolicy_;
  Memory discarded_;            // What outputs without a buffer are written to.
  std::vector<void *> outputs_; // By output, where they go in this step.
  std::vector<ThreadPool::JobTime> times_; // Of a step that is profiled.
  bool poisons_ = false;
};

} // namespace mamba
