// What all families of instructions need: modifiers, operands, drafts.
#include "runtime/device/sim/Decoder.h"

#include <bit>

using namespace mamba;
using namespace mamba::sim;

void Decoder::fail(const std::string &why) {
  if (hasFailed())
    return;
  std::string where = in_ ? "line " + std::to_string(in_->line) + ": '" + in_->text + "' " : "";
  error_ = invalidData(where + why + " (kernel '" + kernel_.name + "')");
}

bool Decoder::take(std::string_view modifier) {
  for (size_t i = 0; i < taken_.size(); ++i)
    if (!taken_[i] && in_->modifiers[i] == modifier) {
      taken_[i] = true;
      return true;
    }
  return false;
}
bool Decoder::takeAny(std::initializer_list<std::string_view> modifiers) {
  for (std::string_view m : modifiers)
    if (take(m))
      return true;
  return false;
}
bool Decoder::hasModifier(std::string_view modifier) const {
  for (const std::string &m : in_->modifiers)
    if (m == modifier)
      return true;
  return false;
}
ptx::Type Decoder::takeType() {
  for (size_t i = 0; i < taken_.size(); ++i) {
    Type type = taken_[i] ? Type::None : ptx::typeOf(in_->modifiers[i]);
    if (type != Type::None) {
      taken_[i] = true;
      return type;
    }
  }
  unknown();
  return Type::B32;
}

const ptx::Operand &Decoder::operand(size_t index) {
  static const Operand none;
  if (index < in_->operands.size())
    return in_->operands[index];
  fail("has too few operands");
  return none;
}
bool Decoder::expectOperands(size_t count) {
  if (in_->operands.size() != count)
    fail("has " + std::to_string(in_->operands.size()) + " operands where it takes " +
         std::to_string(count));
  return !hasFailed();
}

ValueId Decoder::addValue(const Value &value) {
  values_.push_back(value);
  return ValueId(values_.size() - 1);
}
ValueId Decoder::constant(uint64_t bits, unsigned bytes) {
  if (bytes < 8)
    bits &= (uint64_t(1) << (8 * bytes)) - 1;
  auto [place, isNew] = constants_.try_emplace({bits, bytes == 8 ? 8u : 4u}, 0);
  if (isNew) {
    Value v;
    v.kind = Value::Kind::Constant;
    v.type = bytes == 8 ? Type::B64 : Type::B32;
    v.bits = bits;
    place->second = addValue(v);
  }
  return place->second;
}
ValueId Decoder::temporary(Type type) {
  if (type == Type::Pred)
    fail("has a predicate where it takes a register");
  Value v;
  v.kind = Value::Kind::Temporary;
  v.type = type;
  return addValue(v);
}

ValueId Decoder::special(const ptx::SpecialRegister &name) {
  static const std::map<std::string_view, SpecialRow> rows = {
      {"laneid", SpecialRow::LaneId},
      {"warpid", SpecialRow::WarpId},
      {"nwarpid", SpecialRow::NWarpId},
      {"lanemask_eq", SpecialRow::LaneMaskEq},
      {"lanemask_le", SpecialRow::LaneMaskLe},
      {"lanemask_lt", SpecialRow::LaneMaskLt},
      {"lanemask_ge", SpecialRow::LaneMaskGe},
      {"lanemask_gt", SpecialRow::LaneMaskGt},
      {"dynamic_smem_size", SpecialRow::DynamicSharedSize},
      {"total_smem_size", SpecialRow::TotalSharedSize},
      {"aggr_smem_size", SpecialRow::TotalSharedSize},
  };
  static const std::map<std::string_view, SpecialRow> axes = {
      {"tid", SpecialRow::TidX},       {"ntid", SpecialRow::NtidX},
      {"ctaid", SpecialRow::CtaidX},   {"nctaid", SpecialRow::NctaidX},
      {"clusterid", SpecialRow::CtaidX}, {"nclusterid", SpecialRow::NctaidX},
  };
  // What is the same in every launch: one multiprocessor, clusters of one block.
  static const std::map<std::string_view, uint32_t> fixed = {
      {"smid", 0},           {"nsmid", 1},          {"gridid", 0},
      {"cluster_ctaid", 0},  {"cluster_nctaid", 1}, {"cluster_ctarank", 0},
      {"cluster_nctarank", 1}};
  if (auto f = fixed.find(name.name); f != fixed.end())
    return constant(f->second, 4);
  SpecialRow row;
  if (auto r = rows.find(name.name); r != rows.end()) {
    row = r->second;
  } else if (auto a = axes.find(name.name); a != axes.end()) {
    row = SpecialRow(unsigned(a->second) + name.axis);
  } else {
    fail("reads %" + name.name + ", which is not known to the simulator");
    return 0;
  }
  auto [place, isNew] = specials_.try_emplace(row, 0);
  if (isNew) {
    Value v;
    v.kind = Value::Kind::Special;
    v.type = Type::U32;
    v.special = row;
    place->second = addValue(v);
  }
  return place->second;
}

ValueId Decoder::registerOf(const Operand &o) {
  return frames_[at_->frame].firstRegister + o.index;
}
ptx::Type Decoder::registerType(const Operand &o) { return registers_[registerOf(o)]; }

uint64_t Decoder::immediate(const Operand &o, Type type) {
  bool isFloat = type == Type::F32 || type == Type::F64;
  if (!o.isFloat) {
    if (type == Type::F32)
      return std::bit_cast<uint32_t>(float(int64_t(o.bits)));
    if (type == Type::F64)
      return std::bit_cast<uint64_t>(double(int64_t(o.bits)));
    return o.bits;
  }
  if (o.isF32Bits) {
    if (type == Type::F64)
      return std::bit_cast<uint64_t>(double(std::bit_cast<float>(uint32_t(o.bits))));
    if (ptx::bytesOf(type) != 4)
      fail("has an f32 number for an operand of another size");
    return o.bits;
  }
  if (type == Type::F32)
    return std::bit_cast<uint32_t>(float(std::bit_cast<double>(o.bits)));
  if (!isFloat && ptx::bytesOf(type) != 8)
    fail("has an f64 number for an operand of another size");
  return o.bits;
}

uint64_t Decoder::addressOf(const Operand &o, ptx::Space &space) {
  const Frame &frame = frames_[at_->frame];
  uint64_t address = 0;
  if (o.isModule) {
    space = module_.variables[o.index].space;
    address = space == ptx::Space::Shared ? moduleShared_[o.index] : layout_.addresses[o.index];
  } else if (o.isParam) {
    space = ptx::Space::Param;
    address = frame.params[o.index];
  } else if (o.isResult) {
    space = ptx::Space::Param;
    address = frame.results[o.index];
  } else {
    space = frame.function->variables[o.index].space;
    address = frame.variables[o.index];
  }
  return address + uint64_t(o.offset);
}

ValueId Decoder::source(const Operand &o, Type type) {
  switch (o.kind) {
  case Operand::Kind::Register:
    // A byte lies in a row like a half; B128 is two rows of 64 bits.
    if (std::max(ptx::bytesOf(registerType(o)), 2u) != std::max(ptx::bytesOf(type), 2u) ||
        registerType(o) == Type::Pred)
      fail("has a register of another size than its type");
    return registerOf(o);
  case Operand::Kind::Immediate:
    if (ptx::bytesOf(type) > 8)
      fail("has a number where it takes a register");
    return constant(immediate(o, type), ptx::bytesOf(type));
  case Operand::Kind::Special:
    if (ptx::bytesOf(type) != 4)
      fail("reads a special register of another size than its type");
    return special(o.special);
  case Operand::Kind::Symbol: {
    ptx::Space space;
    uint64_t address = addressOf(o, space);
    if (ptx::bytesOf(type) != 4 && ptx::bytesOf(type) != 8)
      fail("has an address for an operand of another size");
    return constant(address, ptx::bytesOf(type));
  }
  default: fail("has an operand of a kind that it does not take"); return 0;
  }
}
ValueId Decoder::sourceAtLeast(const Operand &o, Type type, bool &isWide) {
  isWide = ptx::bytesOf(type) == 8;
  if (o.kind != Operand::Kind::Register)
    return source(o, type);
  unsigned bytes = ptx::bytesOf(registerType(o));
  if (registerType(o) == Type::Pred || std::max(bytes, 2u) < ptx::bytesOf(type) || bytes > 8)
    fail("has a register of another size than its type");
  isWide = bytes == 8;
  return registerOf(o);
}
ValueId Decoder::destination(const Operand &o, Type type) {
  if (o.kind == Operand::Kind::Sink)
    return temporary(type);
  if (o.kind != Operand::Kind::Register) {
    fail("has a destination that is not a register");
    return 0;
  }
  return source(o, type);
}
ValueId Decoder::destinationAtLeast(const Operand &o, Type type, bool &isWide) {
  isWide = ptx::bytesOf(type) == 8;
  if (o.kind != Operand::Kind::Register)
    return destination(o, type);
  return sourceAtLeast(o, type, isWide);
}

PredCode Decoder::predSource(const Operand &o) {
  if (o.kind == Operand::Kind::Immediate)
    return (o.bits != 0) != o.isNegated ? kPredTrue : kPredFalse;
  if (o.kind != Operand::Kind::Register || registerType(o) != Type::Pred) {
    fail("has an operand that is not a predicate where it takes one");
    return kPredFalse;
  }
  return predIndex_[registerOf(o)] * 2 + o.isNegated;
}
PredCode Decoder::predDestination(const Operand &o) {
  if (o.kind == Operand::Kind::Sink)
    return kPredSink;
  if (o.kind != Operand::Kind::Register || o.isNegated) {
    fail("has a destination that is not a predicate");
    return kPredSink;
  }
  return predSource(o);
}

Draft &Decoder::emit(Handler run, Class kind, unsigned latency) {
  if (!run)
    unknown();
  Draft draft;
  draft.inst.run = run;
  draft.source = in_;
  draft.kind = kind;
  draft.latency = uint16_t(latency);
  if (in_ && in_->guard >= 0) {
    uint32_t index = predIndex_[frames_[at_->frame].firstRegister + uint32_t(in_->guard)];
    draft.inst.guard = index * 2 + in_->isGuardNegated;
    draft.references.push_back({kImm + 1, index, true, false});
  }
  drafts_.push_back(std::move(draft));
  return drafts_.back();
}
void Decoder::use(Draft &draft, uint32_t slot, ValueId value, uint32_t offset) {
  draft.references.push_back({slot, value, false, false, offset});
}
void Decoder::define(Draft &draft, uint32_t slot, ValueId value, uint32_t offset) {
  draft.references.push_back({slot, value, false, true, offset});
}

static void setPredSlot(Inst &inst, uint32_t slot, PredCode code) {
  switch (slot) {
  case kD: inst.d = code; break;
  case kA: inst.a = code; break;
  case kB: inst.b = code; break;
  case kC: inst.c = code; break;
  default: inst.imm = code; break;
  }
}
void Decoder::usePred(Draft &draft, uint32_t slot, PredCode code) {
  setPredSlot(draft.inst, slot, code);
  draft.references.push_back({slot, code >> 1, true, false});
}
void Decoder::definePred(Draft &draft, uint32_t slot, PredCode code) {
  setPredSlot(draft.inst, slot, code);
  draft.references.push_back({slot, code >> 1, true, true});
}

void Decoder::copyValue(ValueId to, ValueId from, unsigned bytes) {
  Draft &d = emit(lanes_.integer(IntOp::Mov, bytes == 8 ? Type::B64 : Type::B32), Class::Move,
                  kMoveLatency);
  define(d, kD, to);
  use(d, kA, from);
}

void Decoder::emitLanes(Handler run, Class kind, unsigned latency, Type d,
                        std::initializer_list<Type> sources) {
  if (!expectOperands(1 + sources.size()))
    return;
  ValueId to = destination(operand(0), d);
  ValueId from[4];
  unsigned n = 0;
  for (Type type : sources) {
    from[n] = source(operand(n + 1), type);
    ++n;
  }
  Draft &draft = emit(run, kind, latency);
  define(draft, kD, to);
  static constexpr uint32_t slots[] = {kA, kB, kC, kMore};
  for (unsigned k = 0; k < n; ++k)
    use(draft, slots[k], from[k]);
}
