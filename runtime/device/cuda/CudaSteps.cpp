#include "runtime/device/cuda/CudaSteps.h"

#include "runtime/device/cuda/StepProbe.h"
#include "runtime/support/CheckedMath.h"
#include "runtime/support/Quote.h"

#include <algorithm>
#include <cstring>
#include <new>

using namespace mamba;
using namespace mamba::cuda;

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Status CudaSteps::allocate() {
  MAMBA_ASSIGN_OR_RETURN(checker_, BatchChecker::create(pools_.layout.slots()));
  for (Flight &flight : flights_) {
    MAMBA_ASSIGN_OR_RETURN(flight.ended, makeEvent(executable_.gpu()));
  }
  return {};
}

Result<CudaSteps::StepPlan> CudaSteps::makePlan(const Program &program,
                                                const EntrySpec &entry,
                                                const Batch &batch,
                                                TensorPlan &tensors) const {
  MAMBA_RETURN_IF_ERROR(tensors.place(entry, batch));
  StepPlan plan;
  MAMBA_ASSIGN_OR_RETURN(plan.arena, ArenaPlan::of(program, batch));
  auto align = [](uint64_t bytes) {
    return checkedAlignUp(bytes, kTensorAlignment);
  };
  plan.slot = *align(batch.seqStart.size_bytes());
  plan.inputs = *align(plan.slot + batch.slot.size_bytes());
  auto outputs = checkedAdd(plan.inputs, tensors.inputBytes);
  auto arenas = checkedAdd(plan.inputs, tensors.bytes);
  auto bytes = arenas ? checkedAdd(*arenas, plan.arena.bytes) : arenas;
  if (!outputs || !bytes)
    return outOfMemory("a step of " + std::to_string(batch.tokens()) +
                       " tokens needs more memory than there can be, feed it "
                       "in pieces");
  plan.outputs = *outputs;
  plan.arenas = *arenas;
  plan.bytes = *bytes;
  return plan;
}

Status CudaSteps::reserve(const Step &step, Flight &flight) {
  const std::shared_ptr<const Gpu> &gpu = executable_.gpu();
  constexpr const char *kWhat = "the activations of a step, feed less at once";
  // What is carried lies there, and fits.
  if (!step.carried && policy_.replaces(memory_.size(), flight.plan.bytes)) {
    // What is queued uses it; a wait is cheap beside new memory.
    MAMBA_RETURN_IF_ERROR(notOutOfMemory(stream_.wait()));
    ++generation_;
    hasNewest_ = false;
    memory_.release();
    MAMBA_ASSIGN_OR_RETURN(
        memory_, DeviceMemory::allocate(gpu, flight.plan.bytes, kWhat));
  }
  if (flight.policy.replaces(flight.pinned.size(), flight.plan.arenas)) {
    flight.pinned.release();
    MAMBA_ASSIGN_OR_RETURN(
        flight.pinned,
        PinnedMemory::allocate(gpu, flight.plan.arenas, kWhat));
  }
  return {};
}

//===----------------------------------------------------------------------===//
// A step
//===----------------------------------------------------------------------===//

/// The program, if the batch follows the rules.
Result<uint32_t> CudaSteps::choose(const Step &step) {
  MAMBA_RETURN_IF_ERROR(checker_.check(step.batch));
  return executable_.programs().choose(step.entry, step.batch, step.invariant);
}

/// All else that can be wrong with a step before the GPU hears of it.
Status CudaSteps::prepare(uint32_t index, const Step &step, Flight &flight) {
  const EntrySpec &entry = executable_.manifest().entries[step.entry];
  MAMBA_RETURN_IF_ERROR(checkTensors(entry, step.batch, step.inputs,
                                     step.outputs, step.carried));
  MAMBA_RETURN_IF_ERROR(checkCarried(entry, step));
  const Program &program = executable_.target().programs[index];
  MAMBA_ASSIGN_OR_RETURN(
      flight.plan, makePlan(program, entry, step.batch, flight.tensors));
  flight.plan.program = index;
  flight.outputs.assign(step.outputs.begin(), step.outputs.end());
  return checkCarry(step, flight);
}

/// The output to carry still lies where a step of the same plan put it.
Status CudaSteps::checkCarry(const Step &step, const Flight &flight) {
  if (!step.carried)
    return {};
  if (hasNewest_ && submitted_ != 0) {
    const StepPlan &before = this->flight(submitted_ - 1).plan;
    if (before.program == flight.plan.program &&
        before.arenas == flight.plan.arenas &&
        before.bytes == flight.plan.bytes)
      return {};
  }
  return internalError("there is no such step to carry an output from");
}

void CudaSteps::fill(const Flight &flight, const Step &step) const {
  uint8_t *to = flight.pinned.data();
  const Batch &batch = step.batch;
  std::memcpy(to, batch.seqStart.data(), batch.seqStart.size_bytes());
  if (!batch.slot.empty())
    std::memcpy(to + flight.plan.slot, batch.slot.data(),
                batch.slot.size_bytes());
  for (size_t i = 0; i < step.inputs.size(); ++i) {
    const TensorPlan::Place &place = flight.tensors.inputs[i];
    if (step.inputs[i] && place.bytes != 0)
      std::memcpy(to + flight.plan.inputs + place.offset, step.inputs[i],
                  place.bytes);
  }
}

CUdeviceptr CudaSteps::address(const ArgRef &arg, const EntrySpec &entry,
                               const Flight &flight) const {
  CUdeviceptr base = memory_.address();
  switch (arg.space) {
  case ArgSpace::In:
    return base + flight.plan.inputs + flight.tensors.inputs[arg.number].offset;
  case ArgSpace::Out:
    return base + flight.plan.inputs +
           flight.tensors.outputs[arg.number].offset;
  case ArgSpace::State:
    return pools_.address(executable_.stateOf(entry, arg.number), 0);
  case ArgSpace::Weight:
  case ArgSpace::Packed:
    return executable_.address(arg);
  case ArgSpace::T:
  case ArgSpace::S:
  case ArgSpace::C:
    return base + flight.plan.arenas + flight.plan.arena.offset(arg);
  }
  return 0;
}

/// The program's kernels.
Status CudaSteps::launchAll(const Flight &flight, const Step &step) {
  const Program &program = executable_.target().programs[flight.plan.program];
  const EntrySpec &entry = executable_.manifest().entries[program.entry];
  uint64_t tokens = step.batch.tokens(), sequences = step.batch.sequences();
  bool mayOverlap = false; // the first comes after a copy
  StepProbe *probe = executable_.probe();
  for (size_t i = 0; i < program.dispatches.size(); ++i) {
    const Dispatch &dispatch = program.dispatches[i];
    Dispatch::Choice choice = dispatch.choose(sequences);
    if (probe && !probe->wants(dispatch, choice.kernel))
      continue;
    args_.clear();
    for (const ArgRef &arg : dispatch.args)
      args_.push_back(address(arg, entry, flight));
    CudaExecutable::Step given = {dispatch.rows.of(tokens, sequences),
                                  sequences, memory_.address(),
                                  memory_.address() + flight.plan.slot};
    Status status =
        executable_.launch(stream_, choice.kernel,
                           choice.grid.tiles(tokens, sequences), given, args_,
                           &mayOverlap);
    if (!status.ok())
      return status.withContext("program " + inQuotes(program.className) +
                                ", dispatch " + std::to_string(i));
    if (probe)
      MAMBA_RETURN_IF_ERROR(probe->launched(stream_, choice.kernel));
  }
  return {};
}

/// Whether a step is likely to come again: a token for each sequence. What is
/// launched follows from the program and the two numbers alone.
static bool repeats(const Batch &batch) {
  return batch.sequences() != 0 && batch.tokens() == batch.sequences();
}

/// Batch and inputs to the GPU, the kernels, wanted outputs back.
Status CudaSteps::enqueue(const Step &step, Flight &flight) {
  const StepPlan &plan = flight.plan;
  CUdeviceptr base = memory_.address();
  MAMBA_RETURN_IF_ERROR(
      stream_.copyToDevice(base, flight.pinned.data(), plan.outputs));
  for (size_t i = 0; i < step.inputs.size(); ++i)
    if (!step.inputs[i] && step.carried)
      MAMBA_RETURN_IF_ERROR(stream_.copyOnDevice(
          base + plan.inputs + flight.tensors.inputs[i].offset,
          base + plan.inputs + flight.tensors.outputs[*step.carried].offset,
          flight.tensors.inputs[i].bytes));
  StepProbe *probe = executable_.probe();
  if (probe)
    MAMBA_RETURN_IF_ERROR(probe->begin(stream_));
  if (executable_.usesGraphs() && repeats(step.batch))
    MAMBA_RETURN_IF_ERROR(
        graphs_.run(stream_, {plan.program, step.batch.sequences()},
                    generation_, [&] { return launchAll(flight, step); }));
  else
    MAMBA_RETURN_IF_ERROR(launchAll(flight, step));
  if (probe)
    MAMBA_RETURN_IF_ERROR(probe->end(stream_));
  for (size_t i = 0; i < step.outputs.size(); ++i) {
    uint64_t offset = plan.inputs + flight.tensors.outputs[i].offset;
    if (step.outputs[i])
      MAMBA_RETURN_IF_ERROR(stream_.copyToHost(flight.pinned.data() + offset,
                                               base + offset,
                                               flight.tensors.outputs[i].bytes));
  }
  return stream_.record(flight.ended);
}

Status CudaSteps::finish(Flight &flight) {
  Status ended = notOutOfMemory(executable_.gpu()->check(
      executable_.gpu()->driver().cuEventSynchronize(flight.ended.get()),
      "finish a step"));
  if (!ended.ok()) {
    const Program &program = executable_.target().programs[flight.plan.program];
    const EntrySpec &entry = executable_.manifest().entries[program.entry];
    return ended.withContext("entry " + inQuotes(entry.name) + ": program " +
                             inQuotes(program.className));
  }
  for (size_t i = 0; i < flight.outputs.size(); ++i) {
    const TensorPlan::Place &place = flight.tensors.outputs[i];
    if (flight.outputs[i] && place.bytes != 0)
      std::memcpy(flight.outputs[i],
                  flight.pinned.data() + flight.plan.inputs + place.offset,
                  place.bytes);
  }
  return {};
}

/// After a failure: what is queued uses the memory of the steps.
void CudaSteps::drop() {
  (void)stream_.wait(); // What it says is the failure that is known.
  submitted_ = waited_ = 0;
  hasNewest_ = false;
}

//===----------------------------------------------------------------------===//
// The queue
//===----------------------------------------------------------------------===//

Status CudaSteps::submit(const Step &step) {
  Current current(*executable_.gpu());
  Status status = current.status();
  if (status.ok() && submitted_ - waited_ == kDepth)
    status = internalError("more steps are queued than may be");
  Result<uint32_t> index = status.ok() ? choose(step) : status;
  if (!index.ok()) {
    drop();
    return index.status();
  }
  Flight &next = flight(submitted_);
  status = prepare(*index, step, next);
  if (status.ok())
    status = reserve(step, next);
  if (status.ok()) {
    fill(next, step);
    try {
      status = notOutOfMemory(enqueue(step, next));
    } catch (const std::bad_alloc &) {
      status = unavailable("out of memory"); // Takes none itself.
    }
  }
  if (status.ok()) {
    ++submitted_;
    hasNewest_ = true;
    return {};
  }
  if (status.code() != StatusCode::OutOfMemory)
    drop();
  return status.withContext(
      "entry " + inQuotes(executable_.manifest().entries[step.entry].name));
}

Status CudaSteps::wait() {
  Current current(*executable_.gpu());
  Status status = current.status();
  if (status.ok() && waited_ == submitted_)
    status = internalError("no step is queued");
  try {
    if (status.ok())
      status = finish(flight(waited_));
  } catch (const std::bad_alloc &) { // It has failed; to say how takes memory.
    status = unavailable("out of memory");
  }
  if (status.ok())
    ++waited_;
  else
    drop();
  return status;
}

Status CudaSteps::fetch(uint32_t output, void *to) {
  Current current(*executable_.gpu());
  MAMBA_RETURN_IF_ERROR(current.status());
  if (!hasNewest_ || waited_ != submitted_)
    return internalError("no step has just ended");
  const Flight &newest = flight(submitted_ - 1);
  const TensorPlan::Place &place = newest.tensors.outputs[output];
  uint64_t offset = newest.plan.inputs + place.offset;
  MAMBA_RETURN_IF_ERROR(stream_.copyToHost(newest.pinned.data() + offset,
                                           memory_.address() + offset,
                                           place.bytes));
  MAMBA_RETURN_IF_ERROR(stream_.wait());
  if (place.bytes != 0)
    std::memcpy(to, newest.pinned.data() + offset, place.bytes);
  return {};
}

Status CudaSteps::run(const Step &step) {
  MAMBA_RETURN_IF_ERROR(submit(step));
  return wait();
}
