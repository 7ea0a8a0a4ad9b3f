// Copies of cp.async that are under way in a block.
#pragma once

#include "runtime/device/sim/WrittenBits.h"

#include <cstdint>
#include <vector>

namespace mamba::sim {

class AsyncCopies {
public:
  AsyncCopies(uint32_t warps, uint64_t sharedBytes);
  void begin();

  /// One lane's copy; a lane's copies of one instruction lie together.
  struct Copy {
    uint64_t offset = 0; // in shared memory
    uint64_t source = 0; // address in global memory; sourceBytes 0: none
    uint32_t bytes = 0, sourceBytes = 0;
    uint32_t pc = 0, warp = 0, lane = 0;
    uint32_t group = 0; // that it belongs to, of its lane
  };
  void add(Copy copy);
  void commit(uint32_t warp, uint32_t lanes);
  /// Calls arrived(copy) for what a wait of these lanes covers: all groups but
  /// the last `pending`, and with isAll what was not committed.
  template <typename F>
  void wait(uint32_t warp, uint32_t lanes, uint32_t pending, bool isAll, F &&arrived) {
    Warp &w = warps_[warp];
    auto isHere = [&](const Copy &c) {
      if (!(lanes >> c.lane & 1))
        return false;
      uint32_t committed = w.committed[c.lane];
      return isAll || (c.group < committed && committed - c.group > pending);
    };
    size_t kept = 0;
    for (const Copy &c : w.copies)
      if (isHere(c)) {
        pending_.clear(c.offset, c.bytes);
        --count_;
        arrived(c);
      } else {
        w.copies[kept++] = c;
      }
    w.copies.resize(kept);
  }

  bool isAny() const { return count_ != 0; }
  bool isPending(uint64_t offset, uint64_t bytes) const { return pending_.any(offset, bytes); }
  /// The copy under way to, or with isSource from, some of these bytes; or null.
  const Copy *find(uint64_t at, uint64_t bytes, bool isSource) const;

private:
  struct Warp {
    std::vector<Copy> copies;
    uint32_t committed[32] = {};
  };
  std::vector<Warp> warps_;
  WrittenBits pending_; // bytes of shared memory
  uint64_t count_ = 0;
};

} // namespace mamba::sim
