#include "runtime/device/cpu/CpuContext.h"

#include "runtime/support/CheckedMath.h"
#include "runtime/support/Quote.h"

#include <algorithm>
#include <cstring>

using namespace mamba;

//===----------------------------------------------------------------------===//
// Before the first step
//===----------------------------------------------------------------------===//

Result<std::unique_ptr<CpuContext>>
CpuContext::create(CpuExecutable &executable, uint64_t slots) {
  std::unique_ptr<CpuContext> context(new CpuContext(executable));
  MAMBA_ASSIGN_OR_RETURN(context->pools_,
                         HostPools::allocate(executable.states(), slots));
  MAMBA_ASSIGN_OR_RETURN(context->checker_, BatchChecker::create(slots));
  MAMBA_ASSIGN_OR_RETURN(
      context->scratch_,
      Memory::allocate(executable.scratchBytes(), "scratch memory"));
  size_t maxOutputs = 0;
  for (const EntrySpec &entry : executable.manifest().entries)
    maxOutputs = std::max(maxOutputs, entry.outputs.size());
  context->outputs_.resize(maxOutputs);
  for (const Program &program : executable.target().programs)
    context->prepare(program);
  context->poisons_ = poisonsMemory();
  return context;
}

void CpuContext::prepare(const Program &program) {
  Prepared prepared;
  const EntrySpec &entry = executable_.manifest().entries[program.entry];
  for (const Dispatch &dispatch : program.dispatches)
    for (const ArgRef &arg : dispatch.args) {
      Binding binding = {static_cast<uint32_t>(prepared.buffers.size()), arg};
      void *address = nullptr;
      switch (arg.space) {
      case ArgSpace::In:
      case ArgSpace::Out:
        prepared.tensors.push_back(binding);
        break;
      case ArgSpace::T:
      case ArgSpace::S:
      case ArgSpace::C:
        prepared.arenas.push_back(binding);
        break;
      case ArgSpace::State:
        address = pools_.data(executable_.stateOf(entry, arg.number));
        break;
      case ArgSpace::Weight:
      case ArgSpace::Packed:
        address = const_cast<void *>(executable_.address(arg));
        break;
      }
      prepared.buffers.push_back(address);
    }
  size_t first = 0;
  prepared.args.resize(program.dispatches.size());
  for (size_t i = 0; i < program.dispatches.size(); ++i) {
    const Dispatch &dispatch = program.dispatches[i];
    prepared.args[i].buffers = prepared.buffers.data() + first;
    first += dispatch.args.size();
    prepared.jobs.push_back(
        {executable_.kernel(dispatch.kernel), &prepared.args[i], 0});
  }
  // Moving vectors keeps the addresses of their elements.
  prepared_.push_back(std::move(prepared));
}

//===----------------------------------------------------------------------===//
// A step
//===----------------------------------------------------------------------===//

/// Sets outputs_; null outputs get their place in discarded_.
Status CpuContext::placeOutputs(const EntrySpec &entry, const Batch &batch,
                                std::span<void *const> outputs) {
  std::copy(outputs.begin(), outputs.end(), outputs_.begin());
  if (std::find(outputs.begin(), outputs.end(), nullptr) == outputs.end())
    return {};
  uint64_t total = 0;
  for (int pass = 0; pass < 2; ++pass) {
    uint64_t offset = 0;
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (outputs[i])
        continue;
      if (pass == 1)
        outputs_[i] = discarded_.data() + offset;
      auto bytes = stepBytes(entry.outputs[i], batch);
      auto aligned = bytes ? checkedAlignUp(*bytes, kArenaAlignment) : bytes;
      auto end = aligned ? checkedAdd(offset, *aligned) : aligned;
      if (!end)
        return outOfMemory("output " + inQuotes(entry.outputs[i].name) +
                           " is larger than memory can be");
      offset = *end;
    }
    total = offset;
    if (pass == 0 && total > discarded_.size()) {
      discarded_.release();
      MAMBA_ASSIGN_OR_RETURN(
          discarded_, Memory::allocate(total, "outputs that nobody asked for"));
    }
  }
  return {};
}

Status CpuContext::reserveArena(uint64_t bytes) {
  if (!arenaPolicy_.replaces(arena_.size(), bytes))
    return {};
  arena_.release();
  MAMBA_ASSIGN_OR_RETURN(
      arena_,
      Memory::allocate(bytes, "the activations of a step, feed less at once"));
  return {};
}

void CpuContext::bindArenas(Prepared &prepared, const ArenaPlan &plan) {
  if (prepared.arena == arena_.data() && prepared.tokens == plan.tokens &&
      prepared.sequences == plan.sequences)
    return;
  prepared.arena = arena_.data();
  prepared.tokens = plan.tokens;
  prepared.sequences = plan.sequences;
  for (const Binding &binding : prepared.arenas)
    prepared.buffers[binding.buffer] = arena_.data() + plan.offset(binding.arg);
}

Status CpuContext::run(uint32_t entry, const Batch &batch, bool invariant,
                       std::span<const void *const> inputs,
                       std::span<void *const> outputs) {
  MAMBA_RETURN_IF_ERROR(checker_.check(batch));
  MAMBA_ASSIGN_OR_RETURN(
      uint32_t index, executable_.programs().choose(entry, batch, invariant));
  const EntrySpec &spec = executable_.manifest().entries[entry];
  Status status = checkTensors(spec, batch, inputs, outputs);
  if (status.ok())
    status = placeOutputs(spec, batch, outputs);
  if (!status.ok())
    return status.withContext("entry " + inQuotes(spec.name));

  const Program &program = executable_.target().programs[index];
  MAMBA_ASSIGN_OR_RETURN(ArenaPlan plan, ArenaPlan::of(program, batch));
  MAMBA_RETURN_IF_ERROR(reserveArena(plan.bytes));
  if (poisons_)
    poison(arena_, plan.bytes);

  Prepared &prepared = prepared_[index];
  bindArenas(prepared, plan);
  for (const Binding &binding : prepared.tensors)
    prepared.buffers[binding.buffer] =
        binding.arg.space == ArgSpace::In
            ? const_cast<void *>(inputs[binding.arg.number])
            : outputs_[binding.arg.number];
  uint64_t tokens = batch.tokens(), sequences = batch.sequences();
  for (size_t i = 0; i < prepared.jobs.size(); ++i) {
    const Dispatch &dispatch = program.dispatches[i];
    MambaKernelArgs &args = prepared.args[i];
    args.rows = dispatch.rows.of(tokens, sequences);
    args.sequences = sequences;
    args.seqStart = batch.seqStart.data();
    args.slot = batch.slot.data();
    args.position = batch.position.data();
    Dispatch::Choice choice = dispatch.choose(sequences);
    prepared.jobs[i].kernel = executable_.kernel(choice.kernel);
    prepared.jobs[i].tiles = choice.grid.tiles(tokens, sequences);
  }
  if (CpuProfile *profile = executable_.profiler()) {
    times_.assign(prepared.jobs.size(), {});
    executable_.threads().run(prepared.jobs, scratch_.data(), times_);
    profile->add(index, batch, times_);
    return {};
  }
  executable_.threads().run(prepared.jobs, scratch_.data());
  return {};
}
