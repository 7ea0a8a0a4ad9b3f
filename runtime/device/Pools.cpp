#include "runtime/device/Pools.h"

#include "runtime/support/CheckedMath.h"
#include "runtime/support/Quote.h"

#include <cstring>

using namespace mamba;

Result<PoolLayout> PoolLayout::create(const std::vector<StateSpec> &states,
                                      uint64_t slots) {
  PoolLayout layout;
  layout.slots_ = slots;
  for (const StateSpec &state : states) {
    // Verified with the manifest: the shape has a size.
    uint64_t slotBytes = tensorBytes(state.dtype, state.shape).value_or(0);
    auto bytes = checkedMul(slotBytes, slots);
    auto end = bytes ? checkedAdd(layout.bytes_, *bytes) : std::nullopt;
    auto next = end ? checkedAlignUp(*end, kArenaAlignment) : std::nullopt;
    if (!next)
      return outOfMemory("the states of " + text(slots) +
                         " slots are larger than memory can be");
    layout.pools_.push_back({layout.bytes_, slotBytes});
    layout.bytes_ = *next;
  }
  return layout;
}

Status PoolLayout::checkSlot(uint32_t slot) const {
  if (slot < slots_)
    return {};
  return invalidArgument("slot " + text(slot) + " is out of range, there are " +
                         text(slots_));
}

Status PoolLayout::checkState(uint32_t state, uint32_t slot) const {
  if (state >= pools_.size())
    return invalidArgument("state " + text(state) +
                           " is out of range, there are " +
                           text(pools_.size()));
  return checkSlot(slot);
}

Result<HostPools> HostPools::allocate(const std::vector<StateSpec> &states,
                                      uint64_t slots) {
  HostPools pools;
  MAMBA_ASSIGN_OR_RETURN(pools.layout_, PoolLayout::create(states, slots));
  std::string what =
      "the states of " + text(slots) + " slots, take fewer slots";
  MAMBA_ASSIGN_OR_RETURN(
      pools.memory_, Memory::allocate(pools.layout_.bytes(), what.c_str()));
  return pools;
}

Status HostPools::read(uint32_t state, uint32_t slot, void *to) const {
  MAMBA_RETURN_IF_ERROR(layout_.checkState(state, slot));
  uint64_t bytes = layout_.slotBytes(state);
  if (bytes != 0)
    std::memcpy(to, data(state) + slot * bytes, bytes);
  return {};
}

Status HostPools::write(uint32_t state, uint32_t slot, const void *from) {
  MAMBA_RETURN_IF_ERROR(layout_.checkState(state, slot));
  uint64_t bytes = layout_.slotBytes(state);
  if (bytes != 0)
    std::memcpy(data(state) + slot * bytes, from, bytes);
  return {};
}

Status HostPools::clear(uint32_t slot) {
  MAMBA_RETURN_IF_ERROR(layout_.checkSlot(slot));
  for (size_t i = 0; i < layout_.size(); ++i)
    if (uint64_t bytes = layout_.slotBytes(i))
      std::memset(data(i) + slot * bytes, 0, bytes);
  return {};
}

Status HostPools::copy(uint32_t from, uint32_t to) {
  MAMBA_RETURN_IF_ERROR(layout_.checkSlot(from));
  MAMBA_RETURN_IF_ERROR(layout_.checkSlot(to));
  for (size_t i = 0; i < layout_.size(); ++i)
    if (uint64_t bytes = layout_.slotBytes(i); bytes != 0 && from != to)
      std::memcpy(data(i) + to * bytes, data(i) + from * bytes, bytes);
  return {};
}
