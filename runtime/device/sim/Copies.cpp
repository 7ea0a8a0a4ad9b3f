#include "runtime/device/sim/Copies.h"
#include "runtime/device/sim/Memory.h"

#include <algorithm>
#include <cstring>
#include <utility>

using namespace mamba;
using namespace mamba::sim;

namespace {
void makeSourceAddresses(const Warp &w, const Inst *i, uint64_t *at) {
  uint64_t offset = uint64_t(i->more[2]) << 32 | i->more[1];
  for (unsigned l = 0; l < kLanes; ++l) {
    at[l] = offset;
    if (i->more[0] & MemoryFlags::isWideBase)
      at[l] += w.row<uint64_t>(i->b)[l];
    else if (i->more[0] & MemoryFlags::hasBase)
      at[l] += w.row<uint32_t>(i->b)[l];
  }
}
} // namespace

const Inst *copies::copy(Warp &w, const Inst *i) {
  Block &b = *w.block;
  unsigned bytes = i->more[3];
  const uint32_t *size = w.row<uint32_t>(i->c);
  uint32_t all = w.mask;
  uint64_t from[kLanes];
  makeSourceAddresses(w, i, from);
  for (uint32_t rest = all; rest;) {
    // Lanes that read as much as the first.
    uint32_t read = size[__builtin_ctz(rest)], lanes = 0;
    for (unsigned l = 0; l < kLanes; ++l)
      lanes |= uint32_t((rest >> l & 1) && size[l] == read) << l;
    rest &= ~lanes;
    w.mask = lanes;
    if (read > bytes)
      return fail(w, i, DefectKind::Other,
                  "reads " + std::to_string(read) + " bytes of a copy of " +
                      std::to_string(bytes));
    uint8_t *source[kLanes] = {};
    if (read) {
      std::memcpy(b.addresses, from, sizeof from);
      bool isHalf = (read & (read - 1)) != 0; // an odd number of bytes keeps the copy's alignment
      if (!resolveSlowly(w, i, ptx::Space::Global, AccessKind::Load, Order::Weak, read,
                         isHalf ? 4 : bytes))
        return nullptr;
      if (b.isCounted) {
        countAccess(b, lanes, ptx::Space::Global, AccessKind::Load, read);
        w.copyEnd = std::max(w.copyEnd, std::exchange(b.arrival, 0));
      }
      std::memcpy(source, b.host, sizeof source);
    }
    makeAddresses(w, i);
    if (b.isChecked) {
      WarpAccess a;
      a.pc = pcOf(w, i);
      a.warp = w.index;
      a.lanes = lanes;
      a.bytes = a.align = bytes;
      a.kind = AccessKind::Store;
      a.addresses = b.addresses;
      if (!b.monitor->asyncCopy(a, read ? from : nullptr, read)) {
        failMonitored(w);
        return nullptr;
      }
      for (unsigned l = 0; l < kLanes; ++l)
        b.host[l] = b.shared + b.addresses[l];
    } else if (!resolveSlowly(w, i, ptx::Space::Shared, AccessKind::Store, Order::Weak, bytes,
                              bytes)) {
      return nullptr;
    }
    for (uint32_t each = lanes; each; each &= each - 1) {
      unsigned l = unsigned(__builtin_ctz(each));
      if (read)
        std::memcpy(b.host[l], source[l], read);
      std::memset(b.host[l] + read, 0, bytes - read);
    }
  }
  if (b.isCounted) // Block::addresses are where all lanes write
    countAccess(b, all, ptx::Space::Shared, AccessKind::Store, bytes);
  return i + 1;
}

const Inst *copies::commit(Warp &w, const Inst *i) {
  w.groupEnd[w.groups++ % kCopyGroups] = w.copyEnd;
  if (w.block->isChecked)
    w.block->monitor->asyncCommit(w.index, w.mask);
  return i + 1;
}
const Inst *copies::waitGroup(Warp &w, const Inst *i) {
  uint64_t pending = std::min<uint64_t>(uint64_t(i->imm), kCopyGroups - 1);
  if (w.groups > pending)
    w.block->arrival = w.groupEnd[(w.groups - 1 - pending) % kCopyGroups];
  if (w.block->isChecked)
    w.block->monitor->asyncWait(w.index, w.mask, uint32_t(i->imm));
  return i + 1;
}
const Inst *copies::waitAll(Warp &w, const Inst *i) {
  w.block->arrival = w.copyEnd;
  if (w.block->isChecked)
    w.block->monitor->asyncWaitAll(w.index, w.mask);
  return i + 1;
}
