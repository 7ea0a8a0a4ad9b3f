// Arena, state pools and prepared programs of one user of an executable.
#pragma once

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

  uint64_t slots() const override { return slots_; }
  Status readState(uint32_t state, uint32_t slot, void *to) const override;
  Status writeState(uint32_t state, uint32_t slot, const void *from) override;
  Status clearSlot(uint32_t slot) override;
  Status copySlot(uint32_t from, uint32_t to) override;

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
  struct Pool {
    uint8_t *data; // In pools_.
    uint64_t slotBytes;
  };
  /// Where the three arenas lie in the one block of memory.
  struct ArenaPlan {
    uint64_t s, c, bytes; // T's starts at 0
  };

  CpuContext(CpuExecutable &executable, uint64_t slots)
      : executable_(executable), slots_(slots) {}
  Status allocatePools();
  void prepare(const Program &program);
  Status checkTensors(const EntrySpec &entry, const Batch &batch,
                      std::span<const void *const> inputs,
                      std::span<void *const> outputs);
  Result<ArenaPlan> planArena(const Program &program, const Batch &batch) const;
  Status reserveArena(uint64_t bytes);
  void bindArenas(Prepared &prepared, const ArenaPlan &plan,
                  const Batch &batch);
  Status checkSlot(uint32_t slot) const;
  Status checkState(uint32_t state, uint32_t slot) const;

  CpuExecutable &executable_; // Borrowed; outlives the context.
  uint64_t slots_;
  BatchChecker checker_;
  Memory pools_;
  std::vector<Pool> poolOf_;       // by executable_.states()
  std::vector<Prepared> prepared_; // by program
  Memory scratch_;                 // Of the thread that calls run().
  Memory arena_;
  unsigned smallSteps_ = 0;     // In a row that used little of the arena.
  Memory discarded_;            // What outputs without a buffer are written to.
  std::vector<void *> outputs_; // By output, where they go in this step.
  bool poisons_ = false;
};

} // namespace mamba
