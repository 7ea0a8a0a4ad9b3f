#include "runtime/device/sim/Atomics.h"
#include "runtime/device/sim/Memory.h"
#include "runtime/device/sim/Numerics.h"

#include <cstring>

using namespace mamba;
using namespace mamba::sim;
using ptx::Type;

bool sim::isAtomicKnown(AtomicOp op, Type type) {
  switch (op) {
  case AtomicOp::Add:
    return type == Type::U32 || type == Type::S32 || type == Type::U64 || type == Type::S64 ||
           type == Type::F32 || type == Type::F64 || type == Type::F16 || type == Type::F16x2 ||
           type == Type::BF16 || type == Type::BF16x2;
  case AtomicOp::Exchange:
    return type == Type::B32 || type == Type::B64 || type == Type::U32 || type == Type::U64 ||
           type == Type::S32 || type == Type::S64 || type == Type::F32;
  case AtomicOp::CompareSwap:
    return type == Type::B16 || type == Type::B32 || type == Type::B64 || type == Type::U32 ||
           type == Type::U64 || type == Type::S32 || type == Type::S64;
  case AtomicOp::Min:
  case AtomicOp::Max:
    return type == Type::U32 || type == Type::S32 || type == Type::U64 || type == Type::S64;
  case AtomicOp::Increment:
  case AtomicOp::Decrement: return type == Type::U32;
  default: return type == Type::B32 || type == Type::B64;
  }
}

namespace {
/// What takes the place of `old`.
template <typename T> T combine(AtomicOp op, Type type, T old, T b, T c) {
  using S = std::make_signed_t<T>;
  bool isSigned = type == Type::S32 || type == Type::S64;
  switch (op) {
  case AtomicOp::Add:
    switch (type) {
    case Type::F32:
      return T(numerics::bits(
          numerics::add(numerics::f32(uint32_t(old)), numerics::f32(uint32_t(b)))));
    case Type::F64: return T(numerics::bits(numerics::add(numerics::f64(old), numerics::f64(b))));
    case Type::F16: return numerics::addHalf<numerics::F16>(uint16_t(old), uint16_t(b));
    case Type::BF16: return numerics::addHalf<numerics::BF16>(uint16_t(old), uint16_t(b));
    case Type::F16x2:
      return T(numerics::packed(numerics::addHalf<numerics::F16>, uint32_t(old), uint32_t(b)));
    case Type::BF16x2:
      return T(numerics::packed(numerics::addHalf<numerics::BF16>, uint32_t(old), uint32_t(b)));
    default: return T(old + b);
    }
  case AtomicOp::Exchange: return b;
  case AtomicOp::CompareSwap: return old == b ? c : old;
  case AtomicOp::Min:
    return isSigned ? T(std::min(S(old), S(b))) : std::min(old, b);
  case AtomicOp::Max:
    return isSigned ? T(std::max(S(old), S(b))) : std::max(old, b);
  case AtomicOp::Increment: return old >= b ? 0 : T(old + 1);
  case AtomicOp::Decrement: return old == 0 || old > b ? b : T(old - 1);
  case AtomicOp::And: return old & b;
  case AtomicOp::Or: return old | b;
  case AtomicOp::Xor: return old ^ b;
  }
  return old;
}

/// isAlone: no other host thread reaches the memory.
template <typename T, typename R>
void apply(Warp &w, const Inst *i, AtomicOp op, Type type, bool isAlone) {
  R *d = w.row<R>(i->d);
  const R *b = w.row<R>(i->b), *c = w.row<R>(i->c);
  for (uint32_t rest = w.mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(__builtin_ctz(rest));
    T *place = reinterpret_cast<T *>(w.block->host[l]);
    if (isAlone) {
      T before = *place;
      *place = combine<T>(op, type, before, T(b[l]), T(c[l]));
      d[l] = R(before);
      continue;
    }
    T old = __atomic_load_n(place, __ATOMIC_SEQ_CST), next;
    do
      next = combine<T>(op, type, old, T(b[l]), T(c[l]));
    while (!__atomic_compare_exchange_n(place, &old, next, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST));
    d[l] = R(old);
  }
}
} // namespace

const Inst *atomics::atomic(Warp &w, const Inst *i) {
  auto op = AtomicOp(i->more[0] & 0xff);
  auto type = Type(i->more[0] >> 8);
  unsigned bytes = ptx::bytesOf(type);
  MemoryFlags flags{i->flags};
  makeAddresses(w, i);
  uint32_t rest = w.mask;
  do {
    ptx::Space space = flags.space();
    if (space == ptx::Space::Generic)
      space = takeSpace(w, rest);
    else
      rest = 0;
    if (!resolveSlowly(w, i, space, AccessKind::Atomic, flags.order(), bytes, bytes))
      return nullptr;
    if (w.block->isCounted)
      countAccess(*w.block, w.mask, space, AccessKind::Atomic, bytes);
    bool isAlone = space == ptx::Space::Shared || space == ptx::Space::Local;
    if (bytes == 8)
      apply<uint64_t, uint64_t>(w, i, op, type, isAlone);
    else if (bytes == 4)
      apply<uint32_t, uint32_t>(w, i, op, type, isAlone);
    else
      apply<uint16_t, uint32_t>(w, i, op, type, isAlone);
    afterOrdered(w, i, space, AccessKind::Atomic, bytes);
  } while (rest);
  return i + 1;
}
