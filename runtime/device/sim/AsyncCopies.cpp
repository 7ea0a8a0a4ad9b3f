#include "runtime/device/sim/AsyncCopies.h"

using namespace mamba::sim;

AsyncCopies::AsyncCopies(uint32_t warps, uint64_t sharedBytes)
    : warps_(warps), pending_(sharedBytes) {}

void AsyncCopies::begin() {
  for (Warp &warp : warps_) {
    for (const Copy &copy : warp.copies)
      pending_.clear(copy.offset, copy.bytes);
    warp.copies.clear();
    for (uint32_t &committed : warp.committed)
      committed = 0;
  }
  count_ = 0;
}

void AsyncCopies::add(Copy copy) {
  Warp &warp = warps_[copy.warp];
  copy.group = warp.committed[copy.lane];
  pending_.set(copy.offset, copy.bytes);
  warp.copies.push_back(copy);
  ++count_;
}

void AsyncCopies::commit(uint32_t warp, uint32_t lanes) {
  for (uint32_t rest = lanes; rest; rest &= rest - 1)
    ++warps_[warp].committed[__builtin_ctz(rest)];
}

const AsyncCopies::Copy *AsyncCopies::find(uint64_t at, uint64_t bytes, bool isSource) const {
  for (const Warp &warp : warps_)
    for (const Copy &copy : warp.copies) {
      uint64_t begin = isSource ? copy.source : copy.offset;
      uint64_t size = isSource ? copy.sourceBytes : copy.bytes;
      if (at < begin + size && begin < at + bytes)
        return &copy;
    }
  return nullptr;
}
