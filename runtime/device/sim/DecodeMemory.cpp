// Loads, stores, atomics, fences, asynchronous copies.
#include "runtime/device/sim/Atomics.h"
#include "runtime/device/sim/Control.h"
#include "runtime/device/sim/Copies.h"
#include "runtime/device/sim/Decoder.h"
#include "runtime/device/sim/Memory.h"

using namespace mamba;
using namespace mamba::sim;
using ptx::Space;

namespace {
unsigned latencyOf(Space space) {
  switch (space) {
  case Space::Shared: return kSharedLatency;
  case Space::Local: return kLocalLatency;
  case Space::Param:
  case Space::Const: return kParamLatency;
  default: return kGlobalLatency;
  }
}
} // namespace

Space Decoder::takeSpace() {
  if (take("global"))
    return Space::Global;
  if (takeAny({"shared", "shared::cta"}))
    return Space::Shared;
  if (take("local"))
    return Space::Local;
  if (takeAny({"param", "param::entry", "param::func"}))
    return Space::Param;
  return take("const") ? Space::Const : Space::Generic;
}

/// .weak, .volatile, .relaxed.scope and so on.
Order Decoder::takeOrder() {
  Order order = Order::Weak;
  if (takeAny({"volatile", "relaxed", "mmio"}))
    order = Order::Relaxed;
  else if (take("acquire"))
    order = Order::Acquire;
  else if (take("release"))
    order = Order::Release;
  else if (take("acq_rel"))
    order = Order::AcquireRelease;
  else
    take("weak");
  take("relaxed"); // .mmio.relaxed
  takeAny({"cta", "cluster", "gpu", "sys"});
  return order;
}

/// What only concerns caches. True: an operand with a cache policy follows.
bool Decoder::takeCacheHints() {
  takeAny({"ca", "cg", "cs", "lu", "cv", "wb", "wt"});
  bool hasPolicy = false;
  for (size_t i = 0; i < taken_.size(); ++i) {
    const std::string &m = in_->modifiers[i];
    if (!taken_[i] && (m.starts_with("L1::") || m.starts_with("L2::"))) {
      taken_[i] = true;
      hasPolicy |= m == "L2::cache_hint";
    }
  }
  return hasPolicy;
}

void Decoder::setAddress(Draft &draft, const Operand &o, Space space, AccessKind kind,
                         Order order) {
  MemoryFlags flags = MemoryFlags::make(space, kind, order);
  if (o.kind != Operand::Kind::Address)
    return fail("has no [address] where it takes one");
  draft.inst.imm = o.offset;
  if (o.base == Operand::Kind::Register) {
    unsigned bytes = ptx::bytesOf(registerType(o));
    if (bytes != 8 && bytes != 4)
      return fail("has an address of another size than 32 or 64 bits");
    flags.bits |= MemoryFlags::hasBase | (bytes == 8 ? MemoryFlags::isWideBase : 0);
    use(draft, kA, registerOf(o));
  } else if (o.base == Operand::Kind::Symbol) {
    Space where;
    draft.inst.imm = int64_t(addressOf(o, where));
    if (space != Space::Generic && where != space)
      return fail("names a variable of another space than its own");
    bool isParam = where == Space::Param && o.isParam && at_->frame == 0;
    if (where == Space::Param && !isParam)
      where = Space::Local;
    flags = MemoryFlags::make(where, kind, order);
  }
  draft.inst.flags = flags.bits;
  canOrderBlocks_ |= order > Order::Relaxed;
}

void Decoder::decodeLd() {
  Order order = takeOrder();
  Space space = takeSpace();
  take("unified");
  bool isNonCoherent = take("nc") && space == Space::Global;
  size_t operands = takeCacheHints() ? 3 : 2;
  unsigned count = take("v2") ? 2 : take("v4") ? 4 : take("v8") ? 8 : 1;
  Type t = takeType();
  if (hasFailed() || !expectOperands(operands))
    return;
  size_t first = drafts_.size();
  accessMemory(t, count, operand(0), operand(1), space, AccessKind::Load, order);
  hasNonCoherent_ |= isNonCoherent;
  for (size_t i = first; isNonCoherent && i < drafts_.size(); ++i)
    drafts_[i].inst.flags |= MemoryFlags::isNonCoherent;
}

void Decoder::decodeSt() {
  Order order = takeOrder();
  Space space = takeSpace();
  size_t operands = takeCacheHints() ? 3 : 2;
  unsigned count = take("v2") ? 2 : take("v4") ? 4 : take("v8") ? 8 : 1;
  Type t = takeType();
  if (hasFailed() || !expectOperands(operands))
    return;
  if (space == Space::Const)
    return unknown();
  accessMemory(t, count, operand(1), operand(0), space, AccessKind::Store, order);
}

void Decoder::accessMemory(Type t, unsigned count, const Operand &data, const Operand &address,
                           Space space, AccessKind kind, Order order) {
  bool isLoad = kind == AccessKind::Load, isSigned = t >= Type::S8 && t <= Type::S64;
  bool isWhole = t == Type::B128;
  unsigned bytes = ptx::bytesOf(t);
  struct Element {
    ValueId value;
    uint32_t offset;
  };
  std::vector<Element> elements;
  bool isWide = bytes == 8, isWideHere = false, isAnyRegister = false;
  std::vector<const Operand *> list;
  if (data.kind == Operand::Kind::Vector)
    for (const Operand &e : data.elements)
      list.push_back(&e);
  else
    list.push_back(&data);
  if (list.size() != count || (count > 1 && data.kind != Operand::Kind::Vector))
    return fail("has another number of registers than its type");
  for (size_t k = 0; k < list.size(); ++k) {
    if (isWhole) {
      ValueId v = isLoad ? destination(*list[k], t) : source(*list[k], t);
      elements.push_back({v, 0});
      elements.push_back({v, 2 * kRowBytes});
      continue;
    }
    ValueId v = isLoad ? destinationAtLeast(*list[k], t, isWideHere)
                       : sourceAtLeast(*list[k], t, isWideHere);
    if (list[k]->kind == Operand::Kind::Register) {
      if (isAnyRegister && isWideHere != isWide)
        return fail("has registers of several sizes");
      isAnyRegister = true;
      isWide = isWideHere;
    }
    elements.push_back({v, 0});
  }
  if (isWhole) {
    bytes = 8;
    isWide = true;
  }
  if (hasFailed())
    return;
  // A parameter of the kernel at a place known now: the same for all lanes.
  if (isLoad && space == Space::Param && at_->frame == 0 && address.isParam &&
      address.kind == Operand::Kind::Address && address.base == Operand::Kind::Symbol) {
    Space where;
    uint64_t offset = addressOf(address, where) - kParamWindow;
    uint64_t size = bytes * elements.size();
    if (offset > kernel_.paramBytes || size > kernel_.paramBytes - offset)
      return fail("reads past the parameters of the kernel");
    if (offset % size)
      return fail("reads a parameter that is not aligned to " + std::to_string(size) + " bytes");
    Draft &draft = emit(memory::loadParam, Class::Load, kParamLatency);
    draft.inst.imm = int64_t(offset);
    draft.inst.flags = bytes | uint32_t(isSigned) << 8 | uint32_t(isWide) << 9;
    draft.more = {uint32_t(elements.size())};
    for (size_t k = 0; k < elements.size(); ++k)
      define(draft, kMore + 1 + uint32_t(k), elements[k].value, elements[k].offset);
    return;
  }
  // At most 16 bytes at once.
  size_t atOnce = std::min<size_t>(elements.size(), 16 / bytes);
  for (size_t first = 0; first < elements.size(); first += atOnce) {
    Handler run = isLoad ? lanes_.load(bytes, unsigned(atOnce), isSigned, isWide)
                         : lanes_.store(bytes, unsigned(atOnce), isWide);
    Class counted = first ? Class::None : isLoad ? Class::Load : Class::Store;
    Draft &draft = emit(run, counted, isLoad ? latencyOf(space) : 1);
    setAddress(draft, address, space, kind, order);
    draft.inst.imm += int64_t(first * bytes);
    draft.isStore = !isLoad;
    for (size_t k = 0; k < atOnce; ++k) {
      const Element &e = elements[first + k];
      if (isLoad)
        define(draft, kMore + uint32_t(k), e.value, e.offset);
      else
        use(draft, kMore + uint32_t(k), e.value, e.offset);
    }
  }
}

void Decoder::decodeAtom() {
  bool isRed = in_->opcode == "red";
  Order order = takeOrder();
  if (order == Order::Weak)
    order = Order::Relaxed;
  Space space = takeSpace();
  static constexpr std::pair<std::string_view, AtomicOp> names[] = {
      {"add", AtomicOp::Add},   {"exch", AtomicOp::Exchange}, {"cas", AtomicOp::CompareSwap},
      {"min", AtomicOp::Min},   {"max", AtomicOp::Max},       {"inc", AtomicOp::Increment},
      {"dec", AtomicOp::Decrement}, {"and", AtomicOp::And},   {"or", AtomicOp::Or},
      {"xor", AtomicOp::Xor}};
  AtomicOp op = AtomicOp::Add;
  bool isFound = false;
  for (auto [name, value] : names)
    if (!isFound && take(name)) {
      op = value;
      isFound = true;
    }
  take("noftz");
  bool hasPolicy = takeCacheHints();
  Type t = takeType();
  if (!isFound || hasFailed() || !isAtomicKnown(op, t))
    return unknown();
  size_t first = isRed ? 0 : 1, operands = first + 2 + (op == AtomicOp::CompareSwap) + hasPolicy;
  if (!expectOperands(operands))
    return;
  ValueId d = isRed ? temporary(t) : destination(operand(0), t);
  ValueId b = source(operand(first + 1), t);
  ValueId c = op == AtomicOp::CompareSwap ? source(operand(first + 2), t) : b;
  Draft &draft = emit(atomics::atomic, Class::Atomic,
                      space == Space::Shared ? kSharedAtomicLatency : kAtomicLatency);
  setAddress(draft, operand(first), space, AccessKind::Atomic, order);
  draft.more = {uint32_t(op) | uint32_t(t) << 8};
  define(draft, kD, d);
  use(draft, kB, b);
  use(draft, kC, c);
  draft.isStore = true;
}

void Decoder::decodePrefetch() {
  takeSpace();
  takeAny({"L1", "L2"});
  takeCacheHints();
  emit(control::nothing, Class::Control, 1);
}

void Decoder::decodeFence() {
  if (in_->opcode == "membar") {
    if (!takeAny({"cta", "gl", "sys"}))
      return unknown();
  } else {
    takeAny({"sc", "acq_rel", "acquire", "release"});
    if (!takeAny({"cta", "cluster", "gpu", "sys"}))
      return unknown();
  }
  canOrderBlocks_ = true;
  emit(control::fence, Class::Control, kAluLatency);
}

void Decoder::decodeCpAsync() {
  if (!take("async"))
    return unknown();
  if (take("commit_group")) {
    emit(copies::commit, Class::Control, kAluLatency);
    return;
  }
  if (take("wait_all")) {
    emit(copies::waitAll, Class::Control, kAluLatency).isOrdering = true;
    return;
  }
  if (take("wait_group")) {
    if (!expectOperands(1) || operand(0).kind != Operand::Kind::Immediate)
      return unknown();
    Draft &draft = emit(copies::waitGroup, Class::Control, kAluLatency);
    draft.inst.imm = int64_t(operand(0).bits);
    draft.isOrdering = true;
    return;
  }
  bool isCg = take("cg");
  if ((!isCg && !take("ca")) || !takeAny({"shared", "shared::cta"}) || !take("global"))
    return unknown();
  bool hasPolicy = takeCacheHints();
  size_t count = operandCount() - hasPolicy;
  if (hasFailed() || count < 3 || count > 4 || operand(2).kind != Operand::Kind::Immediate)
    return unknown();
  uint64_t bytes = operand(2).bits;
  if (isCg ? bytes != 16 : bytes != 4 && bytes != 8 && bytes != 16)
    return fail("copies " + std::to_string(bytes) + " bytes: .ca takes 4, 8 or 16, .cg 16");
  bool hasSize = count == 4;
  if (hasSize && operand(3).kind == Operand::Kind::Register &&
      registerType(operand(3)) == Type::Pred)
    return unknown();
  ValueId size = hasSize ? source(operand(3), Type::B32) : constant(bytes, 4);
  Draft &draft = emit(copies::copy, Class::AsyncCopy, kAluLatency);
  setAddress(draft, operand(1), Space::Global, AccessKind::Load, Order::Weak);
  // The source's half of the operands moves to b and more, the target keeps a.
  uint32_t sourceFlags = draft.inst.flags;
  uint64_t sourceOffset = uint64_t(draft.inst.imm);
  for (Reference &r : draft.references)
    if (!r.isPred && r.slot == kA)
      r.slot = kB;
  setAddress(draft, operand(0), Space::Shared, AccessKind::Store, Order::Weak);
  use(draft, kC, size);
  draft.more = {sourceFlags, uint32_t(sourceOffset), uint32_t(sourceOffset >> 32),
                uint32_t(bytes)};
  draft.isStore = true;
}
