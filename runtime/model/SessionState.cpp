// The part of a session that moves states: clear, copy, read, write, snapshots.
#include "runtime/model/Session.h"
#include "runtime/support/Quote.h"

#include <algorithm>
#include <cstring>

namespace mamba {

Status Session::clear(uint32_t slot) {
  MAMBA_RETURN_IF_ERROR(checkIdle(slot));
  MAMBA_RETURN_IF_ERROR(context_->clearSlot(slot));
  slots_[slot] = Slot{};
  return {};
}

Status Session::copy(uint32_t from, uint32_t to) {
  MAMBA_RETURN_IF_ERROR(checkUsable(from));
  MAMBA_RETURN_IF_ERROR(checkSlot(to));
  if (from == to)
    return {};
  if (Status copied = context_->copySlot(from, to); !copied.ok()) {
    slots_[to].broken = true;
    return copied;
  }
  slots_[to] = slots_[from];
  if (slots_[from].hasLogits)
    std::memcpy(pending(to), pending(from), vocabSize_ * sizeof(float));
  return {};
}

Result<size_t> Session::findState(std::string_view id) const {
  const auto &states = model_->executable().states();
  for (size_t i = 0; i < states.size(); ++i)
    if (states[i].id == id)
      return i;
  return notFound("no state " + inQuotes(id) + " in pack " +
                  inQuotes(model_->info().pack()->path()));
}

static Status checkStateSize(const StateSpec &state, uint64_t got) {
  if (slotBytes(state) == got)
    return {};
  return invalidArgument("state " + inQuotes(state.id) + " has " +
                         std::to_string(slotBytes(state)) + " bytes, got " +
                         std::to_string(got));
}

Status Session::readState(uint32_t slot, std::string_view id,
                          std::span<uint8_t> to) {
  MAMBA_RETURN_IF_ERROR(checkUsable(slot));
  MAMBA_RETURN_IF_ERROR(feedUnfed({&slot, 1}));
  MAMBA_ASSIGN_OR_RETURN(size_t index, findState(id));
  const StateSpec &state = model_->executable().states()[index];
  MAMBA_RETURN_IF_ERROR(checkStateSize(state, to.size()));
  std::vector<uint8_t> pool(to.size());
  MAMBA_RETURN_IF_ERROR(context_->readState(index, slot, pool.data()));
  stateToOutside(state, pool.data(), to.data());
  return {};
}

Status Session::writeState(uint32_t slot, std::string_view id,
                           std::span<const uint8_t> from) {
  MAMBA_RETURN_IF_ERROR(checkUsable(slot));
  MAMBA_RETURN_IF_ERROR(feedUnfed({&slot, 1}));
  MAMBA_ASSIGN_OR_RETURN(size_t index, findState(id));
  const StateSpec &state = model_->executable().states()[index];
  MAMBA_RETURN_IF_ERROR(checkStateSize(state, from.size()));
  std::vector<uint8_t> pool(from.size());
  stateFromOutside(state, from.data(), pool.data());
  slots_[slot].hasLogits = false;
  return context_->writeState(index, slot, pool.data());
}

Result<SlotSnapshot> Session::snapshot(uint32_t slot) {
  MAMBA_RETURN_IF_ERROR(checkUsable(slot));
  MAMBA_RETURN_IF_ERROR(feedUnfed({&slot, 1}));
  const auto &states = model_->executable().states();
  SlotSnapshot snapshot;
  snapshot.position = slots_[slot].position;
  for (size_t i = 0; i < states.size(); ++i) {
    std::vector<uint8_t> bytes(slotBytes(states[i]));
    MAMBA_RETURN_IF_ERROR(context_->readState(i, slot, bytes.data()));
    snapshot.states.push_back(std::move(bytes));
  }
  if (slots_[slot].hasLogits)
    snapshot.logits.assign(pending(slot), pending(slot) + vocabSize_);
  const auto &recent = slots_[slot].recent;
  snapshot.recent.assign(recent.begin(),
                         recent.begin() + slots_[slot].recentCount);
  return snapshot;
}

Status Session::restore(uint32_t slot, const SlotSnapshot &snapshot) {
  MAMBA_RETURN_IF_ERROR(checkIdle(slot));
  const auto &states = model_->executable().states();
  if (snapshot.states.size() != states.size() ||
      (!snapshot.logits.empty() && snapshot.logits.size() != vocabSize_) ||
      snapshot.recent.size() > kRecentTokens || snapshot.position < 0 ||
      snapshot.position > kMaxPosition)
    return invalidArgument("the snapshot is of another model");
  for (size_t i = 0; i < states.size(); ++i)
    MAMBA_RETURN_IF_ERROR(checkStateSize(states[i], snapshot.states[i].size()));

  // Should a device refuse midway, put back what was there.
  std::vector<std::vector<uint8_t>> before;
  for (size_t i = 0; i < states.size(); ++i) {
    before.emplace_back(slotBytes(states[i]));
    MAMBA_RETURN_IF_ERROR(context_->readState(i, slot, before.back().data()));
  }
  for (size_t i = 0; i < states.size(); ++i) {
    Status written = context_->writeState(i, slot, snapshot.states[i].data());
    if (written.ok())
      continue;
    for (size_t j = 0; j <= i; ++j)
      if (!context_->writeState(j, slot, before[j].data()).ok())
        slots_[slot].broken = true;
    return written;
  }
  Slot &target = slots_[slot];
  target = Slot{};
  target.position = snapshot.position;
  target.hasLogits = !snapshot.logits.empty();
  std::copy(snapshot.logits.begin(), snapshot.logits.end(), pending(slot));
  target.remember(snapshot.recent);
  return {};
}

} // namespace mamba
