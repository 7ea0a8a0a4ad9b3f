#include "runtime/device/cuda/CudaContext.h"

#include "runtime/support/CheckedMath.h"
#include "runtime/support/Quote.h"

#include <algorithm>
#include <cstring>

using namespace mamba;
using namespace mamba::cuda;

//===----------------------------------------------------------------------===//
// Before the first step
//===----------------------------------------------------------------------===//

Result<std::unique_ptr<CudaContext>>
CudaContext::create(CudaExecutable &executable, uint64_t slots) {
  Current current(*executable.gpu());
  MAMBA_RETURN_IF_ERROR(current.status());
  std::unique_ptr<CudaContext> context(new CudaContext(executable));
  MAMBA_RETURN_IF_ERROR(context->allocate(slots));
  return context;
}

Status CudaContext::allocate(uint64_t slots) {
  const std::shared_ptr<const Gpu> &gpu = executable_.gpu();
  MAMBA_ASSIGN_OR_RETURN(checker_, BatchChecker::create(slots));
  MAMBA_ASSIGN_OR_RETURN(pools_,
                         PoolLayout::create(executable_.states(), slots));
  std::string what = "the states of " + std::to_string(slots) +
                     " slots, take fewer slots";
  MAMBA_ASSIGN_OR_RETURN(
      poolMemory_, DeviceMemory::allocate(gpu, pools_.bytes(), what.c_str()));
  uint64_t largest = 0;
  for (size_t i = 0; i < pools_.size(); ++i)
    largest = std::max(largest, pools_.slotBytes(i));
  MAMBA_ASSIGN_OR_RETURN(
      stateStaging_,
      PinnedMemory::allocate(gpu, largest, "the ways of states"));
  MAMBA_ASSIGN_OR_RETURN(stream_, Stream::create(gpu));
  MAMBA_RETURN_IF_ERROR(stream_.clear(poolMemory_.address(), pools_.bytes()));
  return stream_.wait();
}

//===----------------------------------------------------------------------===//
// States
//===----------------------------------------------------------------------===//

Status CudaContext::readState(uint32_t state, uint32_t slot, void *to) const {
  MAMBA_RETURN_IF_ERROR(pools_.checkState(state, slot));
  Current current(*executable_.gpu());
  MAMBA_RETURN_IF_ERROR(current.status());
  uint64_t bytes = pools_.slotBytes(state);
  MAMBA_RETURN_IF_ERROR(stream_.copyToHost(stateStaging_.data(),
                                           stateAddress(state, slot), bytes));
  MAMBA_RETURN_IF_ERROR(stream_.wait());
  if (bytes != 0)
    std::memcpy(to, stateStaging_.data(), bytes);
  return {};
}

Status CudaContext::writeState(uint32_t state, uint32_t slot,
                               const void *from) {
  MAMBA_RETURN_IF_ERROR(pools_.checkState(state, slot));
  Current current(*executable_.gpu());
  MAMBA_RETURN_IF_ERROR(current.status());
  uint64_t bytes = pools_.slotBytes(state);
  if (bytes != 0)
    std::memcpy(stateStaging_.data(), from, bytes);
  MAMBA_RETURN_IF_ERROR(stream_.copyToDevice(stateAddress(state, slot),
                                             stateStaging_.data(), bytes));
  return stream_.wait();
}

Status CudaContext::clearSlot(uint32_t slot) {
  MAMBA_RETURN_IF_ERROR(pools_.checkSlot(slot));
  Current current(*executable_.gpu());
  MAMBA_RETURN_IF_ERROR(current.status());
  for (size_t i = 0; i < pools_.size(); ++i)
    MAMBA_RETURN_IF_ERROR(
        stream_.clear(stateAddress(i, slot), pools_.slotBytes(i)));
  return stream_.wait();
}

Status CudaContext::copySlot(uint32_t from, uint32_t to) {
  MAMBA_RETURN_IF_ERROR(pools_.checkSlot(from));
  MAMBA_RETURN_IF_ERROR(pools_.checkSlot(to));
  Current current(*executable_.gpu());
  MAMBA_RETURN_IF_ERROR(current.status());
  for (size_t i = 0; i < pools_.size(); ++i)
    MAMBA_RETURN_IF_ERROR(stream_.copyOnDevice(
        stateAddress(i, to), stateAddress(i, from), pools_.slotBytes(i)));
  return stream_.wait();
}

//===----------------------------------------------------------------------===//
// A step
//===----------------------------------------------------------------------===//

Result<CudaContext::StepPlan>
CudaContext::makePlan(const Program &program, const EntrySpec &entry,
                      const Batch &batch) {
  MAMBA_RETURN_IF_ERROR(tensors_.place(entry, batch));
  MAMBA_ASSIGN_OR_RETURN(ArenaPlan arena, ArenaPlan::of(program, batch));
  auto align = [](uint64_t bytes) {
    return checkedAlignUp(bytes, kTensorAlignment);
  };
  StepPlan plan = {};
  plan.arena = arena;
  plan.slot = *align(batch.seqStart.size_bytes());
  plan.inputs = *align(plan.slot + batch.slot.size_bytes());
  auto outputs = checkedAdd(plan.inputs, tensors_.inputBytes);
  auto arenas = checkedAdd(plan.inputs, tensors_.bytes);
  auto bytes = arenas ? checkedAdd(*arenas, arena.bytes) : arenas;
  if (!outputs || !bytes)
    return outOfMemory("a step of " + std::to_string(batch.tokens()) +
                       " tokens needs more memory than there can be, feed it "
                       "in pieces");
  plan.outputs = *outputs;
  plan.arenas = plan.pinnedBytes = *arenas;
  plan.bytes = *bytes;
  return plan;
}

Status CudaContext::reserve(const StepPlan &plan) {
  const std::shared_ptr<const Gpu> &gpu = executable_.gpu();
  constexpr const char *kWhat = "the activations of a step, feed less at once";
  if (stepPolicy_.replaces(stepMemory_.size(), plan.bytes)) {
    ++generation_;
    stepMemory_.release();
    MAMBA_ASSIGN_OR_RETURN(stepMemory_,
                           DeviceMemory::allocate(gpu, plan.bytes, kWhat));
  }
  if (pinnedPolicy_.replaces(pinned_.size(), plan.pinnedBytes)) {
    ++generation_;
    pinned_.release();
    MAMBA_ASSIGN_OR_RETURN(
        pinned_, PinnedMemory::allocate(gpu, plan.pinnedBytes, kWhat));
  }
  return {};
}

void CudaContext::fill(const StepPlan &plan, const Batch &batch,
                       std::span<const void *const> inputs) {
  uint8_t *to = pinned_.data();
  std::memcpy(to, batch.seqStart.data(), batch.seqStart.size_bytes());
  if (!batch.slot.empty())
    std::memcpy(to + plan.slot, batch.slot.data(), batch.slot.size_bytes());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const TensorPlan::Place &place = tensors_.inputs[i];
    if (place.bytes != 0)
      std::memcpy(to + plan.inputs + place.offset, inputs[i], place.bytes);
  }
}

CUdeviceptr CudaContext::address(const ArgRef &arg, const EntrySpec &entry,
                                 const StepPlan &plan) const {
  CUdeviceptr base = stepMemory_.address();
  switch (arg.space) {
  case ArgSpace::In:
    return base + plan.inputs + tensors_.inputs[arg.number].offset;
  case ArgSpace::Out:
    return base + plan.inputs + tensors_.outputs[arg.number].offset;
  case ArgSpace::State:
    return stateAddress(executable_.stateOf(entry, arg.number), 0);
  case ArgSpace::Weight:
  case ArgSpace::Packed:
    return executable_.address(arg);
  case ArgSpace::T:
  case ArgSpace::S:
  case ArgSpace::C:
    return base + plan.arenas + plan.arena.offset(arg);
  }
  return 0;
}

/// Batch and inputs to the GPU, and the program's kernels.
Status CudaContext::queue(const Program &program, const StepPlan &plan,
                          const Batch &batch) {
  MAMBA_RETURN_IF_ERROR(stream_.copyToDevice(stepMemory_.address(),
                                             pinned_.data(), plan.outputs));
  const EntrySpec &entry = executable_.manifest().entries[program.entry];
  uint64_t tokens = batch.tokens(), sequences = batch.sequences();
  for (size_t i = 0; i < program.dispatches.size(); ++i) {
    const Dispatch &dispatch = program.dispatches[i];
    args_.clear();
    for (const ArgRef &arg : dispatch.args)
      args_.push_back(address(arg, entry, plan));
    Dispatch::Choice choice = dispatch.choose(sequences);
    CudaExecutable::Step step = {dispatch.rows.of(tokens, sequences), sequences,
                                 stepMemory_.address(),
                                 stepMemory_.address() + plan.slot};
    Status status =
        executable_.launch(stream_, choice.kernel,
                           choice.grid.tiles(tokens, sequences), step, args_);
    if (!status.ok())
      return status.withContext("program " + inQuotes(program.className) +
                                ", dispatch " + std::to_string(i));
  }
  return {};
}

/// Whether a step is likely to come again: a token for each sequence. What is
/// launched follows from the program and the two numbers alone.
static bool repeats(const Batch &batch) {
  return batch.sequences() != 0 && batch.tokens() == batch.sequences();
}

Status CudaContext::runStep(uint32_t index, const Batch &batch,
                            std::span<const void *const> inputs,
                            std::span<void *const> outputs) {
  const Program &program = executable_.target().programs[index];
  const EntrySpec &entry = executable_.manifest().entries[program.entry];
  MAMBA_ASSIGN_OR_RETURN(StepPlan plan, makePlan(program, entry, batch));
  MAMBA_RETURN_IF_ERROR(reserve(plan));
  fill(plan, batch, inputs);
  auto queueAll = [&]() -> Status {
    if (executable_.usesGraphs() && repeats(batch))
      MAMBA_RETURN_IF_ERROR(
          graphs_.run(stream_, {index, batch.sequences()}, generation_,
                      [&] { return queue(program, plan, batch); }));
    else
      MAMBA_RETURN_IF_ERROR(queue(program, plan, batch));
    for (size_t i = 0; i < outputs.size(); ++i) {
      uint64_t offset = plan.inputs + tensors_.outputs[i].offset;
      if (outputs[i])
        MAMBA_RETURN_IF_ERROR(stream_.copyToHost(pinned_.data() + offset,
                                                 stepMemory_.address() + offset,
                                                 tensors_.outputs[i].bytes));
    }
    return {};
  };
  Status queued = queueAll();
  // Also after a failure: what is queued uses the memory of the step.
  Status finished = stream_.wait();
  MAMBA_RETURN_IF_ERROR(queued);
  MAMBA_RETURN_IF_ERROR(
      finished.withContext("program " + inQuotes(program.className)));
  for (size_t i = 0; i < outputs.size(); ++i) {
    const TensorPlan::Place &place = tensors_.outputs[i];
    if (outputs[i] && place.bytes != 0)
      std::memcpy(outputs[i], pinned_.data() + plan.inputs + place.offset,
                  place.bytes);
  }
  return {};
}

Status CudaContext::run(uint32_t entry, const Batch &batch, bool invariant,
                        std::span<const void *const> inputs,
                        std::span<void *const> outputs) {
  MAMBA_RETURN_IF_ERROR(checker_.check(batch));
  MAMBA_ASSIGN_OR_RETURN(
      uint32_t index, executable_.programs().choose(entry, batch, invariant));
  const EntrySpec &spec = executable_.manifest().entries[entry];
  Current current(*executable_.gpu());
  Status status = current.status();
  if (status.ok())
    status = checkTensors(spec, batch, inputs, outputs);
  if (status.ok())
    status = runStep(index, batch, inputs, outputs);
  return status.withContext("entry " + inQuotes(spec.name));
}
