#include "runtime/device/Step.h"

#include "runtime/support/CheckedMath.h"
#include "runtime/support/Quote.h"

#include <algorithm>
#include <limits>

using namespace mamba;

std::vector<StateSpec> mamba::collectStates(const Manifest &manifest) {
  std::vector<StateSpec> states;
  for (const EntrySpec &entry : manifest.entries)
    for (const StateSpec &state : entry.states)
      if (std::none_of(states.begin(), states.end(),
                       [&](const StateSpec &s) { return s.id == state.id; }))
        states.push_back(state);
  return states;
}

Status mamba::checkSlots(uint64_t slots) {
  constexpr int32_t kMax = std::numeric_limits<int32_t>::max();
  if (slots != 0 && slots <= kMax)
    return {};
  return invalidArgument("a context needs 1 to " + std::to_string(kMax) +
                         " slots, asked for " + std::to_string(slots));
}

Status mamba::notOutOfMemory(const Status &status) {
  return status.code() == StatusCode::OutOfMemory
             ? unavailable(status.message())
             : status;
}

std::optional<uint64_t> mamba::stepBytes(const TensorSpec &tensor,
                                         const Batch &batch) {
  uint64_t rows = tensor.rows == RowKind::T   ? batch.tokens()
                  : tensor.rows == RowKind::S ? batch.sequences()
                                              : 1;
  // Verified with the manifest: the shape has a size.
  return checkedMul(rows, tensorBytes(tensor.dtype, tensor.shape).value_or(0));
}

Status mamba::checkTensors(const EntrySpec &entry, const Batch &batch,
                           std::span<const void *const> inputs,
                           std::span<void *const> outputs,
                           std::optional<uint32_t> carried) {
  if (inputs.size() != entry.inputs.size() ||
      outputs.size() != entry.outputs.size())
    return invalidArgument("needs " + text(entry.inputs.size()) +
                           " inputs and " + text(entry.outputs.size()) +
                           " outputs, got " + text(inputs.size()) + " and " +
                           text(outputs.size()));
  for (size_t i = 0; i < inputs.size(); ++i)
    if (!inputs[i] && !carried && stepBytes(entry.inputs[i], batch) != 0u)
      return invalidArgument("input " + inQuotes(entry.inputs[i].name) +
                             " is null");
  return {};
}

Status mamba::checkCarried(const EntrySpec &entry,
                           const StepQueue::Step &step) {
  if (!step.carried)
    return {};
  if (*step.carried >= entry.outputs.size())
    return invalidArgument("output " + text(*step.carried) +
                           " cannot be carried, there are " +
                           text(entry.outputs.size()));
  const TensorSpec &from = entry.outputs[*step.carried];
  for (size_t i = 0; i < step.inputs.size(); ++i) {
    const TensorSpec &to = entry.inputs[i];
    if (!step.inputs[i] && (from.dtype != to.dtype ||
                            stepBytes(from, step.batch) != stepBytes(to, step.batch)))
      return invalidArgument("output " + inQuotes(from.name) +
                             " cannot be carried to input " + inQuotes(to.name) +
                             ", their types or sizes differ");
  }
  return {};
}

Result<BatchChecker> BatchChecker::create(uint64_t slots) {
  BatchChecker checker;
  checker.slots_ = slots;
  // Large blocks of calloc cost nothing until they are touched.
  checker.seen_.reset(static_cast<uint32_t *>(
      std::calloc(std::max<uint64_t>(slots, 1), sizeof(uint32_t))));
  if (!checker.seen_)
    return outOfMemory("cannot get memory for " + text(slots) + " slots");
  return checker;
}

Status BatchChecker::check(const Batch &batch) {
  size_t sequences = batch.slot.size();
  if (batch.seqStart.size() != sequences + 1 ||
      batch.position.size() != sequences)
    return invalidArgument("a batch of " + text(sequences) + " slots needs " +
                           text(sequences + 1) + " sequence starts and " +
                           text(sequences) + " positions, got " +
                           text(batch.seqStart.size()) + " and " +
                           text(batch.position.size()));
  if (batch.seqStart[0] != 0)
    return invalidArgument("the first sequence must start at row 0, got " +
                           text(batch.seqStart[0]));
  if (++checks_ == 0) { // All 32 bits are used up.
    std::fill_n(seen_.get(), slots_, 0);
    checks_ = 1;
  }
  for (size_t s = 0; s < sequences; ++s) {
    if (batch.seqStart[s + 1] < batch.seqStart[s])
      return invalidArgument("sequence " + text(s) + " ends at row " +
                             text(batch.seqStart[s + 1]) +
                             ", before its start at row " +
                             text(batch.seqStart[s]));
    int32_t slot = batch.slot[s];
    if (slot < 0 || static_cast<uint64_t>(slot) >= slots_)
      return invalidArgument("slot " + text(slot) + " of sequence " + text(s) +
                             " is out of range, there are " + text(slots_));
    if (seen_[slot] == checks_)
      return invalidArgument("slot " + text(slot) + " of sequence " + text(s) +
                             " is another sequence's too");
    seen_[slot] = checks_;
    if (batch.position[s] < 0)
      return invalidArgument("position " + text(batch.position[s]) +
                             " of sequence " + text(s) + " is negative");
  }
  return {};
}

ProgramTable::ProgramTable(const Manifest &manifest, const TargetSpec &target)
    : manifest_(manifest), target_(target), byEntry_(manifest.entries.size()) {
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  for (const Program &program : target.programs) {
    byEntry_[program.entry].push_back(limits_.size());
    Limits limits = {kMax, kMax};
    for (const Dispatch &dispatch : program.dispatches) {
      limits.takeIn(dispatch.grid, kMax);
      for (const DispatchVariant &variant : dispatch.variants)
        limits.takeIn(variant.grid, variant.maxSequences);
    }
    limits_.push_back(limits);
  }
}

/// The grid is for steps of up to `maxSequences`.
void ProgramTable::Limits::takeIn(const Grid &grid, uint64_t maxSequences) {
  if (grid.of.kind == RowKind::T)
    tokens = std::min(tokens, grid.maxRows());
  else if (grid.of.kind == RowKind::S && grid.maxRows() < maxSequences)
    sequences = std::min(sequences, grid.maxRows());
}

/// What a batch needs to know of its lengths.
static void findLengths(const Batch &batch, uint64_t &shortest,
                        uint64_t &longest) {
  shortest = std::numeric_limits<uint64_t>::max();
  longest = 0;
  for (size_t s = 0; s + 1 < batch.seqStart.size(); ++s) {
    uint64_t length = batch.seqStart[s + 1] - batch.seqStart[s];
    shortest = std::min(shortest, length);
    longest = std::max(longest, length);
  }
}

static bool fits(const Program &program, const Batch &batch, uint64_t shortest,
                 uint64_t longest, bool invariant) {
  return program.invariant == invariant &&
         program.bounds.hold(batch.tokens(), batch.sequences(), shortest, longest);
}

Result<uint32_t> ProgramTable::choose(uint32_t entry, const Batch &batch,
                                      bool invariant) const {
  if (entry >= byEntry_.size())
    return invalidArgument("entry " + text(entry) +
                           " is out of range, the pack has " +
                           text(byEntry_.size()));
  uint64_t shortest, longest;
  findLengths(batch, shortest, longest);
  for (uint32_t index : byEntry_[entry]) {
    if (!fits(target_.programs[index], batch, shortest, longest, invariant))
      continue;
    if (batch.tokens() > limits_[index].tokens ||
        batch.sequences() > limits_[index].sequences)
      return tooLarge(index, batch);
    return index;
  }
  return noneFits(entry, batch, longest, invariant);
}

Status ProgramTable::tooLarge(uint32_t program, const Batch &batch) const {
  const std::string &name =
      manifest_.entries[target_.programs[program].entry].name;
  return invalidArgument(
      "a step of " + text(batch.tokens()) + " tokens and " +
      text(batch.sequences()) + " sequences is too large for entry " +
      inQuotes(name) + " (at most " + text(limits_[program].tokens) + " and " +
      text(limits_[program].sequences) + "), feed it in pieces");
}

Status ProgramTable::noneFits(uint32_t entry, const Batch &batch,
                              uint64_t longest, bool invariant) const {
  const std::string &name = manifest_.entries[entry].name;
  bool any = std::any_of(
      byEntry_[entry].begin(), byEntry_[entry].end(), [&](uint32_t index) {
        return target_.programs[index].invariant == invariant;
      });
  std::string what = "target " + inQuotes(target_.name) + " has no " +
                     (invariant ? "batch-invariant" : "ordinary") +
                     " program for entry " + inQuotes(name);
  if (!any)
    return invalidArgument(
        what + (invariant ? ", build the pack with --batch-invariant"
                          : ", run it batch-invariant or build the pack anew"));
  return invalidArgument(what + " that takes " + text(batch.tokens()) + " tokens in " +
                         text(batch.sequences()) + " sequences of up to " + text(longest) +
                         ", see 'mamba-pack inspect' for what they take");
}
