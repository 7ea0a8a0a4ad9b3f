// The state pools of a context.
#pragma once

#include "runtime/device/Memory.h"
#include "runtime/pack/Manifest.h"

#include <vector>

namespace mamba {

/// Where the pools lie in one block of memory, each at a multiple of
/// kArenaAlignment.
class PoolLayout {
public:
  static Result<PoolLayout> create(const std::vector<StateSpec> &states,
                                   uint64_t slots);

  uint64_t slots() const { return slots_; }
  uint64_t bytes() const { return bytes_; }
  size_t size() const { return pools_.size(); }
  uint64_t offset(size_t state) const { return pools_[state].offset; }
  uint64_t slotBytes(size_t state) const { return pools_[state].slotBytes; }

  Status checkSlot(uint32_t slot) const;
  Status checkState(uint32_t state, uint32_t slot) const;

private:
  struct Pool {
    uint64_t offset, slotBytes;
  };
  uint64_t slots_ = 0, bytes_ = 0;
  std::vector<Pool> pools_; // by state
};

/// Pools in the memory of the host, zeroed; what Context asks of states.
class HostPools {
public:
  static Result<HostPools> allocate(const std::vector<StateSpec> &states,
                                    uint64_t slots);

  const PoolLayout &layout() const { return layout_; }
  /// Null if there are no bytes.
  uint8_t *data(size_t state) const {
    return memory_.data() + layout_.offset(state);
  }
  Status read(uint32_t state, uint32_t slot, void *to) const;
  Status write(uint32_t state, uint32_t slot, const void *from);
  Status clear(uint32_t slot);
  Status copy(uint32_t from, uint32_t to);

private:
  PoolLayout layout_;
  Memory memory_;
};

} // namespace mamba
