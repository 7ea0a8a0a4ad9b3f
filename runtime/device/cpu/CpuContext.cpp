#include "runtime/device/cpu/CpuContext.h"

#include "runtime/support/CheckedMath.h"
#include "runtime/support/Quote.h"

#include <algorithm>
#include <cstring>

using namespace mamba;

/// A larger arena is given back when steps need far less of it for long.
static constexpr uint64_t kKeptArenaBytes = uint64_t(64) << 20;
static constexpr uint64_t kMuchLarger = 8;
static constexpr unsigned kSmallSteps = 256;

static std::string text(uint64_t number) { return std::to_string(number); }

//===----------------------------------------------------------------------===//
// Before the first step
//===----------------------------------------------------------------------===//

Result<std::unique_ptr<CpuContext>>
CpuContext::create(CpuExecutable &executable, uint64_t slots) {
  std::unique_ptr<CpuContext> context(new CpuContext(executable, slots));
  MAMBA_RETURN_IF_ERROR(context->allocatePools());
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

Status CpuContext::allocatePools() {
  std::vector<uint64_t> offsets;
  uint64_t total = 0;
  for (const StateSpec &state : executable_.states()) {
    // Verified with the manifest: the shape has a size.
    uint64_t slotBytes = tensorBytes(state.dtype, state.shape).value_or(0);
    auto bytes = checkedMul(slotBytes, slots_);
    auto end = bytes ? checkedAdd(total, *bytes) : std::nullopt;
    auto next = end ? checkedAlignUp(*end, kArenaAlignment) : std::nullopt;
    if (!next)
      return outOfMemory("the states of " + text(slots_) +
                         " slots are larger than memory can be");
    offsets.push_back(total);
    poolOf_.push_back({nullptr, slotBytes});
    total = *next;
  }
  MAMBA_ASSIGN_OR_RETURN(
      pools_, Memory::allocate(total, ("the states of " + text(slots_) +
                                       " slots, take fewer slots")
                                          .c_str()));
  for (size_t i = 0; i < offsets.size(); ++i)
    poolOf_[i].data = pools_.data() + offsets[i];
  return {};
}

void CpuContext::prepare(const Program &program) {
  Prepared prepared;
  const EntrySpec &entry = executable_.manifest().entries[program.entry];
  const std::vector<StateSpec> &states = executable_.states();
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
      case ArgSpace::State: {
        const std::string &id = entry.states[arg.number].id;
        for (size_t i = 0; i < states.size(); ++i)
          if (states[i].id == id)
            address = poolOf_[i].data;
        break;
      }
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

/// Bytes of a tensor of this batch; none if they do not fit.
static std::optional<uint64_t> bytesOf(const TensorSpec &tensor,
                                       const Batch &batch) {
  uint64_t rows = tensor.rows == RowKind::T   ? batch.tokens()
                  : tensor.rows == RowKind::S ? batch.sequences()
                                              : 1;
  // Verified with the manifest: the shape has a size.
  return checkedMul(rows, tensorBytes(tensor.dtype, tensor.shape).value_or(0));
}

/// Sets outputs_; null outputs get their place in discarded_.
Status CpuContext::checkTensors(const EntrySpec &entry, const Batch &batch,
                                std::span<const void *const> inputs,
                                std::span<void *const> outputs) {
  if (inputs.size() != entry.inputs.size() ||
      outputs.size() != entry.outputs.size())
    return invalidArgument("needs " + text(entry.inputs.size()) +
                           " inputs and " + text(entry.outputs.size()) +
                           " outputs, got " + text(inputs.size()) + " and " +
                           text(outputs.size()));
  for (size_t i = 0; i < inputs.size(); ++i)
    if (!inputs[i] && bytesOf(entry.inputs[i], batch) != 0u)
      return invalidArgument("input " + inQuotes(entry.inputs[i].name) +
                             " is null");
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
      auto bytes = bytesOf(entry.outputs[i], batch);
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

Result<CpuContext::ArenaPlan> CpuContext::planArena(const Program &program,
                                                    const Batch &batch) const {
  auto alignedMul = [](uint64_t a, uint64_t b) {
    auto product = checkedMul(a, b);
    return product ? checkedAlignUp(*product, kArenaAlignment) : product;
  };
  auto t = alignedMul(program.arenaT, batch.tokens());
  auto s = alignedMul(program.arenaS, batch.sequences());
  auto c = t && s ? checkedAdd(*t, *s) : std::nullopt;
  auto bytes = c ? checkedAdd(*c, program.arenaC) : std::nullopt;
  if (!bytes)
    return outOfMemory("a step of " + text(batch.tokens()) +
                       " tokens needs more memory than there can be, feed it "
                       "in pieces");
  return ArenaPlan{*t, *c, *bytes};
}

Status CpuContext::reserveArena(uint64_t bytes) {
  bool isMuchLarger =
      arena_.size() > kKeptArenaBytes && arena_.size() / kMuchLarger > bytes;
  smallSteps_ = isMuchLarger ? smallSteps_ + 1 : 0;
  if (bytes <= arena_.size() && smallSteps_ < kSmallSteps)
    return {};
  smallSteps_ = 0;
  arena_.release();
  MAMBA_ASSIGN_OR_RETURN(
      arena_,
      Memory::allocate(bytes, "the activations of a step, feed less at once"));
  return {};
}

void CpuContext::bindArenas(Prepared &prepared, const ArenaPlan &plan,
                            const Batch &batch) {
  uint64_t tokens = batch.tokens(), sequences = batch.sequences();
  if (prepared.arena == arena_.data() && prepared.tokens == tokens &&
      prepared.sequences == sequences)
    return;
  prepared.arena = arena_.data();
  prepared.tokens = tokens;
  prepared.sequences = sequences;
  for (const Binding &binding : prepared.arenas) {
    uint64_t number = binding.arg.number;
    uint64_t offset = binding.arg.space == ArgSpace::T ? number * tokens
                      : binding.arg.space == ArgSpace::S
                          ? plan.s + number * sequences
                          : plan.c + number;
    prepared.buffers[binding.buffer] = arena_.data() + offset;
  }
}

Status CpuContext::run(uint32_t entry, const Batch &batch, bool invariant,
                       std::span<const void *const> inputs,
                       std::span<void *const> outputs) {
  MAMBA_RETURN_IF_ERROR(checker_.check(batch));
  MAMBA_ASSIGN_OR_RETURN(
      uint32_t index, executable_.programs().choose(entry, batch, invariant));
  const EntrySpec &spec = executable_.manifest().entries[entry];
  if (Status status = checkTensors(spec, batch, inputs, outputs); !status.ok())
    return status.withContext("entry " + inQuotes(spec.name));

  const Program &program = executable_.target().programs[index];
  MAMBA_ASSIGN_OR_RETURN(ArenaPlan plan, planArena(program, batch));
  MAMBA_RETURN_IF_ERROR(reserveArena(plan.bytes));
  if (poisons_)
    poison(arena_, plan.bytes);

  Prepared &prepared = prepared_[index];
  bindArenas(prepared, plan, batch);
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
    prepared.jobs[i].tiles = dispatch.grid.tiles(tokens, sequences);
  }
  executable_.threads().run(prepared.jobs, scratch_.data());
  return {};
}

//===----------------------------------------------------------------------===//
// States
//===----------------------------------------------------------------------===//

Status CpuContext::checkSlot(uint32_t slot) const {
  if (slot < slots_)
    return {};
  return invalidArgument("slot " + text(slot) + " is out of range, there are " +
                         text(slots_));
}

Status CpuContext::checkState(uint32_t state, uint32_t slot) const {
  if (state >= poolOf_.size())
    return invalidArgument("state " + text(state) +
                           " is out of range, there are " +
                           text(poolOf_.size()));
  return checkSlot(slot);
}

Status CpuContext::readState(uint32_t state, uint32_t slot, void *to) const {
  MAMBA_RETURN_IF_ERROR(checkState(state, slot));
  const Pool &pool = poolOf_[state];
  if (pool.slotBytes != 0)
    std::memcpy(to, pool.data + slot * pool.slotBytes, pool.slotBytes);
  return {};
}

Status CpuContext::writeState(uint32_t state, uint32_t slot, const void *from) {
  MAMBA_RETURN_IF_ERROR(checkState(state, slot));
  const Pool &pool = poolOf_[state];
  if (pool.slotBytes != 0)
    std::memcpy(pool.data + slot * pool.slotBytes, from, pool.slotBytes);
  return {};
}

Status CpuContext::clearSlot(uint32_t slot) {
  MAMBA_RETURN_IF_ERROR(checkSlot(slot));
  for (const Pool &pool : poolOf_)
    if (pool.slotBytes != 0)
      std::memset(pool.data + slot * pool.slotBytes, 0, pool.slotBytes);
  return {};
}

Status CpuContext::copySlot(uint32_t from, uint32_t to) {
  MAMBA_RETURN_IF_ERROR(checkSlot(from));
  MAMBA_RETURN_IF_ERROR(checkSlot(to));
  for (const Pool &pool : poolOf_)
    if (pool.slotBytes != 0 && from != to)
      std::memcpy(pool.data + to * pool.slotBytes,
                  pool.data + from * pool.slotBytes, pool.slotBytes);
  return {};
}
