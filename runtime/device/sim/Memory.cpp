#include "runtime/device/sim/Memory.h"

#include <algorithm>
#include <cstring>

using namespace mamba;
using namespace mamba::sim;
using ptx::Space;

namespace {
std::string hex(uint64_t value) {
  char text[32];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

/// Params and the module's variables: bounds and alignment only.
bool resolvePlain(Warp &w, const Inst *i, const char *what, uint64_t base, uint8_t *data,
                  uint64_t size, unsigned bytes, unsigned align) {
  Block &b = *w.block;
  for (unsigned l = 0; l < kLanes; ++l) {
    if (!(w.mask >> l & 1))
      continue;
    uint64_t offset = b.addresses[l] - base;
    bool isOutside = size < bytes || offset > size - bytes;
    if (isOutside || b.addresses[l] % align) {
      w.mask = 1u << l;
      fail(w, i, DefectKind::Other,
           isOutside ? "access of " + std::to_string(bytes) + " bytes at " + what + " + " +
                           std::to_string(int64_t(offset)) + " of " + std::to_string(size) +
                           " bytes"
                     : "address " + hex(b.addresses[l]) + " is not a multiple of " +
                           std::to_string(align));
      return false;
    }
    b.host[l] = data + offset;
  }
  return true;
}

/// A window's address in the global space: the module's variables.
bool isModule(const Block &b, uint32_t mask) {
  return b.addresses[__builtin_ctz(mask)] >> 32 == kModuleWindow >> 32;
}
} // namespace

void sim::makeAddresses(Warp &w, const Inst *i) {
  uint64_t *at = w.block->addresses, offset = uint64_t(i->imm);
  for (unsigned l = 0; l < kLanes; ++l) {
    if (!(i->flags & MemoryFlags::hasBase))
      at[l] = offset;
    else if (i->flags & MemoryFlags::isWideBase)
      at[l] = w.row<uint64_t>(i->a)[l] + offset;
    else
      at[l] = uint32_t(w.row<uint32_t>(i->a)[l] + uint32_t(offset));
  }
}

Space sim::takeSpace(Warp &w, uint32_t &rest) {
  uint64_t *at = w.block->addresses;
  uint64_t window = std::min<uint64_t>(at[__builtin_ctz(rest)], globalBase) >> 32;
  uint32_t lanes = 0;
  for (unsigned l = 0; l < kLanes; ++l)
    if ((rest >> l & 1) && std::min<uint64_t>(at[l], globalBase) >> 32 == window)
      lanes |= 1u << l;
  rest &= ~lanes;
  w.mask = lanes;
  Space space = Space::Global;
  uint64_t base = window << 32;
  if (base == kSharedWindow)
    space = Space::Shared;
  else if (base == kLocalWindow)
    space = Space::Local;
  else if (base == kParamWindow)
    space = Space::Param;
  else if (base == kModuleWindow)
    space = Space::Const;
  if (space == Space::Shared || space == Space::Local)
    for (unsigned l = 0; l < kLanes; ++l)
      if (lanes >> l & 1)
        at[l] -= base;
  return space;
}

/// A loop around such an access that waits in vain is found about as soon as one
/// without it.
static constexpr uint64_t kWaitingCost = 127;

bool sim::resolveSlowly(Warp &w, const Inst *i, Space space, AccessKind kind, Order order,
                        unsigned bytes, unsigned align) {
  Block &b = *w.block;
  if (order != Order::Weak || kind == AccessKind::Atomic)
    w.waited += kWaitingCost;
  if (space == Space::Const || (space == Space::Global && isModule(b, w.mask)))
    return resolvePlain(w, i, "a variable of the module", kModuleWindow, b.grid->moduleData,
                        b.grid->moduleBytes, bytes, align);
  if (space == Space::Param) {
    if (kind != AccessKind::Load) {
      fail(w, i, DefectKind::Other, "a kernel's parameters cannot be written");
      return false;
    }
    auto params = b.grid->launch->params;
    return resolvePlain(w, i, "a parameter", kParamWindow,
                        const_cast<uint8_t *>(params.data()), params.size(), bytes, align);
  }
  WarpAccess a;
  a.pc = pcOf(w, i);
  a.warp = w.index;
  a.lanes = w.mask;
  a.early = b.isChecked ? w.mask & ~w.hasWaited : 0;
  a.bytes = bytes;
  a.align = align;
  a.kind = kind;
  a.order = order;
  a.isNonCoherent = kind == AccessKind::Load && (i->flags & MemoryFlags::isNonCoherent);
  a.addresses = b.addresses;
  bool isGood = space == Space::Global   ? b.monitor->global(a, b.host)
                : space == Space::Shared ? b.monitor->shared(a)
                                         : b.monitor->local(a);
  if (!isGood) {
    failMonitored(w);
    return false;
  }
  if (space == Space::Global) {
    if (!b.isChecked)
      b.allocationOf[a.pc] =
          b.grid->memory->impl().find(b.addresses[__builtin_ctz(w.mask)]);
  } else {
    for (unsigned l = 0; l < kLanes; ++l)
      b.host[l] = (space == Space::Shared ? b.shared : w.local + l * uint64_t(b.localBytes)) +
                  b.addresses[l];
  }
  return true;
}

void sim::afterOrdered(Warp &w, const Inst *i, Space space, AccessKind kind, unsigned bytes) {
  Block &b = *w.block;
  bool isWatched = space == Space::Shared ||
                   (space == Space::Global && !isModule(b, w.mask));
  if (!b.isChecked || kind == AccessKind::Store || !isWatched)
    return;
  WarpAccess a;
  a.pc = pcOf(w, i);
  a.warp = w.index;
  a.lanes = w.mask;
  a.bytes = a.align = bytes;
  a.kind = kind;
  a.order = MemoryFlags{i->flags}.order();
  a.addresses = b.addresses;
  b.monitor->observed(space == Space::Shared ? MemorySpace::Shared : MemorySpace::Global, a);
}

const Inst *memory::loadParam(Warp &w, const Inst *i) {
  const uint8_t *from = w.block->grid->launch->params.data() + i->imm;
  unsigned bytes = i->flags & 0xff;
  bool isSigned = i->flags >> 8 & 1, isWide = i->flags >> 9 & 1;
  for (unsigned k = 0; k < i->more[0]; ++k) {
    uint64_t value = 0;
    std::memcpy(&value, from + k * bytes, bytes);
    if (isSigned)
      value = uint64_t(int64_t(value << (64 - 8 * bytes)) >> (64 - 8 * bytes));
    if (isWide) {
      uint64_t *d = w.row<uint64_t>(i->more[1 + k]);
      for (unsigned l = 0; l < kLanes; ++l)
        d[l] = (w.mask >> l & 1) ? value : d[l];
    } else {
      uint32_t *d = w.row<uint32_t>(i->more[1 + k]);
      for (unsigned l = 0; l < kLanes; ++l)
        d[l] = (w.mask >> l & 1) ? uint32_t(value) : d[l];
    }
  }
  return i + 1;
}

const Inst *memory::isInSpace(Warp &w, const Inst *i) {
  const uint64_t *a = w.row<uint64_t>(i->a);
  uint64_t window = 0;
  switch (Space(i->flags)) {
  case Space::Shared: window = kSharedWindow; break;
  case Space::Local: window = kLocalWindow; break;
  case Space::Param: window = kParamWindow; break;
  case Space::Const: window = kModuleWindow; break;
  default: break;
  }
  uint32_t is = 0;
  for (unsigned l = 0; l < kLanes; ++l) {
    // The module's variables count as global and as constant ones.
    bool isIn = window ? a[l] >> 32 == window >> 32
                       : a[l] >= globalBase || a[l] >> 32 == kModuleWindow >> 32;
    is |= uint32_t(isIn) << l;
  }
  w.setPred(i->d, is);
  return i + 1;
}
