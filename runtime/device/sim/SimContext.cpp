#include "runtime/device/sim/SimContext.h"

#include "runtime/support/Quote.h"

#include <cstring>

using namespace mamba;

Result<std::unique_ptr<SimContext>>
SimContext::create(SimExecutable &executable, uint64_t slots) {
  std::unique_ptr<SimContext> context(new SimContext(executable));
  MAMBA_ASSIGN_OR_RETURN(context->pools_,
                         HostPools::allocate(executable.states(), slots));
  MAMBA_ASSIGN_OR_RETURN(context->checker_, BatchChecker::create(slots));
  MAMBA_RETURN_IF_ERROR(context->mapPools());
  return context;
}

SimContext::~SimContext() {
  auto held = executable_.lock();
  poolMappings_.clear();
  arenaT_ = SimMapping();
  arenaS_ = SimMapping();
  arenaC_ = SimMapping();
}

Status SimContext::mapPools() {
  auto held = executable_.lock();
  for (size_t i = 0; i < executable_.states().size(); ++i) {
    MAMBA_ASSIGN_OR_RETURN(
        SimMapping mapping,
        SimMapping::make(executable_.memory(), pools_.data(i),
                         pools_.layout().slotBytes(i) * slots(),
                         "state '" + executable_.states()[i].id + "'", true));
    poolMappings_.push_back(std::move(mapping));
  }
  return {};
}

/// Nothing in an arena is from the step before.
Status SimContext::mapArenas(const Program &program, const ArenaPlan &plan) {
  arenaT_ = SimMapping();
  arenaS_ = SimMapping();
  arenaC_ = SimMapping();
  if (arenaPolicy_.replaces(arena_.size(), plan.bytes)) {
    arena_.release();
    MAMBA_ASSIGN_OR_RETURN(
        arena_, Memory::allocate(
                    plan.bytes, "the activations of a step, feed less at once"));
  }
  sim::GlobalMemory &memory = executable_.memory();
  MAMBA_ASSIGN_OR_RETURN(arenaT_, SimMapping::make(memory, arena_.data(),
                                                   program.arenaT * plan.tokens,
                                                   "arena T", false));
  MAMBA_ASSIGN_OR_RETURN(
      arenaS_, SimMapping::make(memory, arena_.data() + plan.s,
                                program.arenaS * plan.sequences, "arena S",
                                false));
  MAMBA_ASSIGN_OR_RETURN(arenaC_,
                         SimMapping::make(memory, arena_.data() + plan.c,
                                          program.arenaC, "arena C", false));
  return {};
}

Status SimContext::placeTensors(const EntrySpec &entry, const Batch &batch) {
  MAMBA_RETURN_IF_ERROR(plan_.place(entry, batch));
  if (tensorPolicy_.replaces(tensorMemory_.size(), plan_.bytes)) {
    tensorMemory_.release();
    MAMBA_ASSIGN_OR_RETURN(
        tensorMemory_,
        Memory::allocate(plan_.bytes,
                         "the tensors of a step, feed less at once"));
  }
  for (const TensorPlan::Place &place : plan_.inputs)
    inputs_.push_back({tensorMemory_.data() + place.offset, place.bytes, {}});
  for (const TensorPlan::Place &place : plan_.outputs)
    outputs_.push_back({tensorMemory_.data() + place.offset, place.bytes, {}});
  return {};
}

Status SimContext::mapTensors(const EntrySpec &entry) {
  sim::GlobalMemory &memory = executable_.memory();
  for (size_t i = 0; i < inputs_.size(); ++i) {
    Tensor &input = inputs_[i];
    MAMBA_ASSIGN_OR_RETURN(
        input.mapping,
        SimMapping::makeReadOnly(memory, input.data, input.bytes,
                                 "input '" + entry.inputs[i].name + "'"));
  }
  for (size_t i = 0; i < outputs_.size(); ++i) {
    Tensor &output = outputs_[i];
    MAMBA_ASSIGN_OR_RETURN(
        output.mapping,
        SimMapping::make(memory, output.data, output.bytes,
                         "output '" + entry.outputs[i].name + "'", false));
  }
  return {};
}

uint64_t SimContext::address(const ArgRef &arg, const EntrySpec &entry,
                             const ArenaPlan &plan) const {
  switch (arg.space) {
  case ArgSpace::In:
    return inputs_[arg.number].mapping.address();
  case ArgSpace::Out:
    return outputs_[arg.number].mapping.address();
  case ArgSpace::State:
    return poolMappings_[executable_.stateOf(entry, arg.number)].address();
  case ArgSpace::Weight:
  case ArgSpace::Packed:
    return executable_.address(arg);
  case ArgSpace::T:
    return arenaT_.address() + plan.offset(arg);
  case ArgSpace::S:
    return arenaS_.address() + plan.offset(arg) - plan.s;
  case ArgSpace::C:
    return arenaC_.address() + arg.number;
  }
  return 0;
}

Status SimContext::runProgram(const Program &program, const Batch &batch) {
  const EntrySpec &entry = executable_.manifest().entries[program.entry];
  MAMBA_ASSIGN_OR_RETURN(ArenaPlan plan, ArenaPlan::of(program, batch));
  MAMBA_RETURN_IF_ERROR(mapArenas(program, plan));
  sim::GlobalMemory &memory = executable_.memory();
  MAMBA_ASSIGN_OR_RETURN(
      SimMapping seqStart,
      SimMapping::makeReadOnly(memory, batch.seqStart.data(),
                               batch.seqStart.size_bytes(), "seqStart"));
  MAMBA_ASSIGN_OR_RETURN(SimMapping slot,
                         SimMapping::makeReadOnly(memory, batch.slot.data(),
                                                  batch.slot.size_bytes(),
                                                  "slot"));
  uint64_t tokens = batch.tokens(), sequences = batch.sequences();
  std::vector<uint64_t> args;
  for (size_t i = 0; i < program.dispatches.size(); ++i) {
    const Dispatch &dispatch = program.dispatches[i];
    args.clear();
    for (const ArgRef &arg : dispatch.args)
      args.push_back(address(arg, entry, plan));
    Dispatch::Choice choice = dispatch.choose(sequences);
    SimExecutable::Step step = {dispatch.rows.of(tokens, sequences), sequences,
                                seqStart.address(), slot.address()};
    Status status =
        executable_.launch(choice.kernel,
                           choice.grid.tiles(tokens, sequences), step, args,
                           /*isOfProgram=*/true);
    if (!status.ok())
      return notOutOfMemory(status).withContext(
          "program " + inQuotes(program.className) + ", dispatch " +
          std::to_string(i));
  }
  return {};
}

Status SimContext::checkOutput(const TensorSpec &spec,
                               const Tensor &output) const {
  if (!executable_.checks().unwritten || output.bytes == 0)
    return {};
  uint64_t byte =
      executable_.memory().firstUnwritten(output.mapping.address());
  if (byte >= output.bytes)
    return {};
  return invalidData("output " + inQuotes(spec.name) +
                     ": nothing wrote element " +
                     std::to_string(byte * 8 / dtypeBits(spec.dtype)) + " of " +
                     std::to_string(output.bytes * 8 / dtypeBits(spec.dtype)));
}

Status SimContext::run(uint32_t entry, const Batch &batch, bool invariant,
                       std::span<const void *const> inputs,
                       std::span<void *const> outputs) {
  MAMBA_RETURN_IF_ERROR(checker_.check(batch));
  MAMBA_ASSIGN_OR_RETURN(
      uint32_t index, executable_.programs().choose(entry, batch, invariant));
  const EntrySpec &spec = executable_.manifest().entries[entry];
  auto held = executable_.lock();
  struct Tensors { // Gone in the end, however it comes.
    SimContext &context;
    ~Tensors() {
      context.inputs_.clear();
      context.outputs_.clear();
    }
  } tensors{*this};
  auto step = [&]() -> Status {
    MAMBA_RETURN_IF_ERROR(checkTensors(spec, batch, inputs, outputs));
    MAMBA_RETURN_IF_ERROR(placeTensors(spec, batch));
    for (size_t i = 0; i < inputs.size(); ++i)
      if (inputs_[i].bytes != 0)
        std::memcpy(inputs_[i].data, inputs[i], inputs_[i].bytes);
    MAMBA_RETURN_IF_ERROR(mapTensors(spec));
    MAMBA_RETURN_IF_ERROR(
        runProgram(executable_.target().programs[index], batch));
    for (size_t i = 0; i < outputs.size(); ++i)
      if (outputs[i])
        MAMBA_RETURN_IF_ERROR(checkOutput(spec.outputs[i], outputs_[i]));
    for (size_t i = 0; i < outputs.size(); ++i)
      if (outputs[i] && outputs_[i].bytes != 0)
        std::memcpy(outputs[i], outputs_[i].data, outputs_[i].bytes);
    return {};
  };
  return step().withContext("entry " + inQuotes(spec.name));
}
