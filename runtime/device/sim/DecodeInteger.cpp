// Integer, bit and selection instructions.
#include "runtime/device/sim/Decoder.h"

using namespace mamba;
using namespace mamba::sim;
using numerics::Compare;

namespace {
bool isFloatType(ptx::Type t) { return t >= ptx::Type::F16; }
/// Two 16-bit integers in a word.
constexpr std::pair<std::string_view, ptx::Type> kPairs[] = {{"u16x2", ptx::Type::U32},
                                                             {"s16x2", ptx::Type::S32}};
unsigned latencyOf(ptx::Type t) { return ptx::bytesOf(t) == 8 ? kWideLatency : kAluLatency; }
} // namespace

void Decoder::decodeAddSub() {
  bool isAdd = in_->opcode.starts_with("add");
  bool readsCarry = in_->opcode == "addc" || in_->opcode == "subc";
  bool writesCarry = take("cc");
  if (!readsCarry && !writesCarry) {
    for (std::string_view m : {"f32", "f64", "f16", "f16x2", "bf16", "bf16x2", "f32x2"})
      if (hasModifier(m))
        return decodeFloat(isAdd ? FloatOp::Add : FloatOp::Sub, 2);
    for (auto [name, type] : kPairs)
      if (take(name))
        return emitLanes(lanes_.integer(isAdd ? IntOp::AddX2 : IntOp::SubX2, type), Class::Integer,
                         kAluLatency, type, {type, type});
    bool isSat = take("sat");
    Type t = takeType();
    IntOp op = isSat ? (isAdd ? IntOp::AddSat : IntOp::SubSat) : isAdd ? IntOp::Add : IntOp::Sub;
    return emitLanes(lanes_.integer(op, t), Class::Integer, latencyOf(t), t, {t, t});
  }
  Type t = takeType();
  emitLanes(lanes_.integer(isAdd ? IntOp::AddCarry : IntOp::SubCarry, t), Class::Integer,
            latencyOf(t), t, {t, t});
  if (!hasFailed())
    drafts_.back().inst.flags = uint32_t(readsCarry) | uint32_t(writesCarry) << 1;
}

void Decoder::decodeMul() {
  for (std::string_view m : {"f32", "f64", "f16", "f16x2", "bf16", "bf16x2", "f32x2"})
    if (hasModifier(m))
      return decodeFloat(FloatOp::Mul, 2);
  IntOp op = IntOp::MulLo;
  bool isWide = take("wide");
  if (isWide)
    op = IntOp::MulWide;
  else if (take("hi"))
    op = IntOp::MulHi;
  else if (!take("lo"))
    return unknown();
  Type t = takeType(), d = t;
  if (isWide)
    d = ptx::bytesOf(t) == 2 ? Type::B32 : Type::B64;
  emitLanes(lanes_.integer(op, t), Class::Integer, kWideLatency, d, {t, t});
}

void Decoder::decodeMad() {
  if (hasModifier("f32") || hasModifier("f64"))
    return decodeFma();
  bool readsCarry = in_->opcode == "madc", writesCarry = take("cc");
  bool isWide = take("wide"), isHi = !isWide && take("hi");
  if (!isWide && !isHi && !take("lo"))
    return unknown();
  bool isSat = isHi && take("sat");
  Type t = takeType(), d = t;
  IntOp op = isWide ? IntOp::MadWide : isSat ? IntOp::MadHiSat : isHi ? IntOp::MadHi : IntOp::MadLo;
  if (readsCarry || writesCarry) {
    if (isWide || isSat)
      return unknown();
    op = isHi ? IntOp::MadHiCarry : IntOp::MadLoCarry;
  }
  if (isWide)
    d = ptx::bytesOf(t) == 2 ? Type::B32 : Type::B64;
  emitLanes(lanes_.integer(op, t), Class::Integer, kWideLatency, d, {t, t, d});
  if (!hasFailed() && (readsCarry || writesCarry))
    drafts_.back().inst.flags = uint32_t(readsCarry) | uint32_t(writesCarry) << 1;
}

void Decoder::decodeMul24() {
  bool isMad = in_->opcode == "mad24", isHi = take("hi");
  if (!isHi && !take("lo"))
    return unknown();
  Type t = takeType();
  if (isMad)
    return emitLanes(lanes_.integer(isHi ? IntOp::Mad24Hi : IntOp::Mad24Lo, t), Class::Integer,
                     kWideLatency, t, {t, t, t});
  emitLanes(lanes_.integer(isHi ? IntOp::Mul24Hi : IntOp::Mul24Lo, t), Class::Integer,
            kWideLatency, t, {t, t});
}

void Decoder::decodeDivRem() {
  bool isDiv = in_->opcode == "div";
  if (isDiv && (hasModifier("f32") || hasModifier("f64")))
    return decodeDiv();
  Type t = takeType();
  emitLanes(lanes_.integer(isDiv ? IntOp::Div : IntOp::Rem, t), Class::Integer, kDivideLatency, t,
            {t, t});
}

void Decoder::decodeMinMax() {
  bool isMin = in_->opcode == "min";
  for (std::string_view m : {"f32", "f64", "f16", "f16x2", "bf16", "bf16x2", "f32x2"}) {
    if (!hasModifier(m))
      continue;
    bool isNaN = take("NaN"), isXor = take("xorsign");
    if (isXor && !take("abs"))
      return unknown();
    static constexpr FloatOp ops[2][2][2] = {
        {{FloatOp::Max, FloatOp::MaxXor}, {FloatOp::MaxNaN, FloatOp::MaxNaNXor}},
        {{FloatOp::Min, FloatOp::MinXor}, {FloatOp::MinNaN, FloatOp::MinNaNXor}}};
    if (operandCount() == 4) { // of three: sm_100
      bool isFtz = take("ftz");
      Type t = takeType();
      FloatMode mode{true, isFtz, false};
      Handler run = isXor ? nullptr : lanes_.floating(ops[isMin][isNaN][0], t, mode);
      ValueId d = destination(operand(0), t), a = source(operand(1), t), b = source(operand(2), t),
              c = source(operand(3), t), between = temporary(t);
      Draft &first = emit(run, Class::Fma, kAluLatency);
      define(first, kD, between);
      use(first, kA, a);
      use(first, kB, b);
      Draft &second = emit(run, Class::None, kAluLatency);
      define(second, kD, d);
      use(second, kA, between);
      use(second, kB, c);
      return;
    }
    return decodeFloat(ops[isMin][isNaN][isXor], 2);
  }
  for (auto [name, type] : kPairs)
    if (take(name))
      return emitLanes(lanes_.integer(isMin ? IntOp::MinX2 : IntOp::MaxX2, type), Class::Integer,
                       kAluLatency, type, {type, type});
  bool isRelu = take("relu");
  Type t = takeType();
  IntOp op = isRelu ? (isMin ? IntOp::MinRelu : IntOp::MaxRelu) : isMin ? IntOp::Min : IntOp::Max;
  emitLanes(lanes_.integer(op, t), Class::Integer, latencyOf(t), t, {t, t});
}

void Decoder::decodeAbsNeg() {
  bool isAbs = in_->opcode == "abs";
  for (std::string_view m : {"f32", "f64", "f16", "f16x2", "bf16", "bf16x2", "f32x2"})
    if (hasModifier(m))
      return decodeFloat(isAbs ? FloatOp::Abs : FloatOp::Neg, 1);
  Type t = takeType();
  emitLanes(lanes_.integer(isAbs ? IntOp::Abs : IntOp::Neg, t), Class::Integer, latencyOf(t), t,
            {t});
}

void Decoder::decodeSad() {
  Type t = takeType();
  emitLanes(lanes_.integer(IntOp::Sad, t), Class::Integer, kAluLatency, t, {t, t, t});
}

void Decoder::decodeLogic() {
  IntOp op = in_->opcode == "and" ? IntOp::And : in_->opcode == "or" ? IntOp::Or : IntOp::Xor;
  Type t = takeType();
  if (t != Type::Pred)
    return emitLanes(lanes_.integer(op, t), Class::Logic, latencyOf(t), t, {t, t});
  if (!expectOperands(3))
    return;
  PredCode d = predDestination(operand(0)), a = predSource(operand(1)), b = predSource(operand(2));
  Draft &draft = emit(lanes_.predicates(op), Class::Logic, kAluLatency);
  definePred(draft, kD, d);
  usePred(draft, kA, a);
  usePred(draft, kB, b);
}

void Decoder::decodeNot() {
  IntOp op = in_->opcode == "cnot" ? IntOp::Cnot : IntOp::Not;
  Type t = takeType();
  if (t != Type::Pred)
    return emitLanes(lanes_.integer(op, t), Class::Logic, latencyOf(t), t, {t});
  if (op == IntOp::Cnot || !expectOperands(2))
    return unknown();
  PredCode d = predDestination(operand(0)), a = predSource(operand(1));
  Draft &draft = emit(lanes_.predicates(IntOp::Xor), Class::Logic, kAluLatency);
  definePred(draft, kD, d);
  usePred(draft, kA, a);
  usePred(draft, kB, kPredTrue);
}

void Decoder::decodeShift() {
  IntOp op = in_->opcode == "shl" ? IntOp::Shl : IntOp::Shr;
  Type t = takeType();
  emitLanes(lanes_.integer(op, t), Class::Logic, latencyOf(t), t, {t, Type::U32});
}

void Decoder::decodeShf() {
  bool isLeft = take("l");
  if (!isLeft && !take("r"))
    return unknown();
  bool isWrap = take("wrap");
  if (!isWrap && !take("clamp"))
    return unknown();
  if (!take("b32"))
    return unknown();
  IntOp op = isLeft ? (isWrap ? IntOp::ShfLWrap : IntOp::ShfL)
                    : (isWrap ? IntOp::ShfRWrap : IntOp::ShfR);
  emitLanes(lanes_.integer(op, Type::B32), Class::Logic, kAluLatency, Type::B32,
            {Type::B32, Type::B32, Type::U32});
}

void Decoder::decodeBits() {
  IntOp op = IntOp::Popc;
  if (in_->opcode == "clz")
    op = IntOp::Clz;
  else if (in_->opcode == "brev")
    op = IntOp::Brev;
  else if (in_->opcode == "bfind")
    op = take("shiftamt") ? IntOp::BfindShift : IntOp::Bfind;
  Type t = takeType();
  Type d = op == IntOp::Brev ? t : Type::U32;
  emitLanes(lanes_.integer(op, t), Class::Logic, kPredicateLatency, d, {t});
}

void Decoder::decodeBfeBfi() {
  Type t = takeType();
  if (in_->opcode == "bfe")
    return emitLanes(lanes_.integer(IntOp::Bfe, t), Class::Logic, latencyOf(t), t,
                     {t, Type::U32, Type::U32});
  emitLanes(lanes_.integer(IntOp::Bfi, t), Class::Logic, latencyOf(t), t,
            {t, t, Type::U32, Type::U32});
}

/// szext, bmsk and fns.
void Decoder::decodeBitMask() {
  if (in_->opcode == "fns") {
    Type t = takeType();
    return emitLanes(t == Type::B32 ? lanes_.integer(IntOp::Fns, t) : nullptr, Class::Logic,
                     kDivideLatency, t, {t, Type::B32, Type::S32});
  }
  bool isWrap = take("wrap");
  if (!isWrap && !take("clamp"))
    return unknown();
  Type t = takeType();
  IntOp op = in_->opcode == "szext" ? (isWrap ? IntOp::SzextWrap : IntOp::SzextClamp)
                                    : (isWrap ? IntOp::BmskWrap : IntOp::BmskClamp);
  emitLanes(lanes_.integer(op, t), Class::Logic, kAluLatency, t, {t, Type::U32});
}

void Decoder::decodeLop3() {
  if (!take("b32"))
    return unknown();
  if (operandCount() != 5 || operand(4).kind != Operand::Kind::Immediate)
    return unknown();
  ValueId d = destination(operand(0), Type::B32), a = source(operand(1), Type::B32),
          b = source(operand(2), Type::B32), c = source(operand(3), Type::B32);
  Draft &draft = emit(lanes_.integer(IntOp::Lop3, Type::B32), Class::Logic, kAluLatency);
  define(draft, kD, d);
  use(draft, kA, a);
  use(draft, kB, b);
  use(draft, kC, c);
  draft.inst.imm = int64_t(operand(4).bits & 0xff);
}

void Decoder::decodePrmt() {
  if (!take("b32"))
    return unknown();
  IntOp op = IntOp::Prmt;
  for (auto [name, mode] : {std::pair<const char *, IntOp>{"f4e", IntOp::PrmtF4e},
                            {"b4e", IntOp::PrmtB4e},
                            {"rc8", IntOp::PrmtRc8},
                            {"ecl", IntOp::PrmtEcl},
                            {"ecr", IntOp::PrmtEcr},
                            {"rc16", IntOp::PrmtRc16}})
    if (take(name))
      op = mode;
  emitLanes(lanes_.integer(op, Type::B32), Class::Logic, kAluLatency, Type::B32,
            {Type::B32, Type::B32, Type::B32});
}

void Decoder::decodeDot() {
  bool isDp4a = in_->opcode == "dp4a", isHi = !isDp4a && take("hi");
  if (!isDp4a && !isHi && !take("lo"))
    return unknown();
  Type a = takeType(), b = takeType();
  bool isSignedA = a == Type::S32, isSignedB = b == Type::S32;
  if ((!isSignedA && a != Type::U32) || (!isSignedB && b != Type::U32))
    return unknown();
  emitLanes(lanes_.integer(isDp4a ? IntOp::Dp4a : IntOp::Dp2a, Type::U32), Class::Integer,
            kAluLatency, Type::B32, {Type::B32, Type::B32, Type::B32});
  if (!hasFailed())
    drafts_.back().inst.flags =
        uint32_t(isSignedA) | uint32_t(isSignedB) << 1 | uint32_t(isHi) << 2;
}

void Decoder::decodeSelp() {
  Type t = takeType();
  if (!expectOperands(4))
    return;
  ValueId d = destination(operand(0), t), a = source(operand(1), t), b = source(operand(2), t);
  PredCode p = predSource(operand(3));
  Draft &draft =
      emit(lanes_.integer(IntOp::Selp, ptx::bytesOf(t) == 8 ? Type::B64 : Type::B32), Class::Move,
           kAluLatency);
  define(draft, kD, d);
  use(draft, kA, a);
  use(draft, kB, b);
  usePred(draft, kC, p);
}

void Decoder::decodeSlct() {
  bool isFtz = take("ftz");
  Type t = takeType(), c = takeType();
  if (c != Type::S32 && c != Type::F32)
    return unknown();
  emitLanes(lanes_.integer(c == Type::F32 ? IntOp::SlctF32 : IntOp::SlctS32,
                           ptx::bytesOf(t) == 8 ? Type::B64 : Type::B32),
            Class::Move, kAluLatency, t, {t, t, c});
  if (!hasFailed())
    drafts_.back().inst.flags = isFtz;
}

bool Decoder::decodeCompare(Compare &op, Combine &combine, bool &isFtz, Type &type) {
  static constexpr std::pair<std::string_view, Compare> names[] = {
      {"eq", Compare::Eq},   {"ne", Compare::Ne},   {"lt", Compare::Lt},   {"le", Compare::Le},
      {"gt", Compare::Gt},   {"ge", Compare::Ge},   {"lo", Compare::Lt},   {"ls", Compare::Le},
      {"hi", Compare::Gt},   {"hs", Compare::Ge},   {"equ", Compare::Equ}, {"neu", Compare::Neu},
      {"ltu", Compare::Ltu}, {"leu", Compare::Leu}, {"gtu", Compare::Gtu}, {"geu", Compare::Geu},
      {"num", Compare::Num}, {"nan", Compare::Nan}};
  bool isFound = false, isUnsigned = false;
  for (auto [name, value] : names)
    if (!isFound && take(name)) {
      op = value;
      isFound = true;
      isUnsigned = name == "lo" || name == "ls" || name == "hi" || name == "hs";
    }
  combine = take("and") ? Combine::And : take("or") ? Combine::Or
            : take("xor") ? Combine::Xor
                          : Combine::None;
  isFtz = take("ftz");
  if (in_->opcode == "set") // its two types follow
    return isFound;
  type = takeType();
  bool isBits = type == Type::B16 || type == Type::B32 || type == Type::B64;
  bool isSigned = type == Type::S16 || type == Type::S32 || type == Type::S64;
  if (!isFound || (isBits && op != Compare::Eq && op != Compare::Ne) ||
      (isUnsigned && (isSigned || isBits || isFloatType(type))))
    return false;
  return true;
}

void Decoder::decodeSetp() {
  Compare op = Compare::Eq;
  Combine combine = Combine::None;
  bool isFtz = false;
  Type t = Type::None;
  if (!decodeCompare(op, combine, isFtz, t))
    return unknown();
  size_t sources = combine == Combine::None ? 2 : 3;
  if (operandCount() != sources + 1 && operandCount() != sources + 2)
    return unknown();
  size_t first = operandCount() - sources;
  PredCode p = predDestination(operand(0));
  PredCode q = first == 2 ? predDestination(operand(1)) : kPredSink;
  ValueId a = source(operand(first), t), b = source(operand(first + 1), t);
  PredCode with = sources == 3 ? predSource(operand(first + 2)) : kPredFalse;
  Draft &draft = emit(lanes_.compare(op, t, isFtz), isFloatType(t) ? Class::Fma : Class::Integer,
                      kPredicateLatency);
  definePred(draft, kD, p);
  definePred(draft, kImm, q);
  use(draft, kA, a);
  use(draft, kB, b);
  usePred(draft, kC, with);
  draft.inst.flags = uint32_t(combine);
}

/// set: a comparison, then a selection of all ones or 1.0.
void Decoder::decodeSet() {
  Compare op = Compare::Eq;
  Combine combine = Combine::None;
  bool isFtz = false;
  Type ignored;
  if (!decodeCompare(op, combine, isFtz, ignored))
    return unknown();
  Type d = takeType(), t = hasFailed() ? d : takeType();
  if (t != Type::U16 && t != Type::U32 && t != Type::U64)
    for (std::string_view unsignedOnly : {"lo", "ls", "hi", "hs"})
      if (hasModifier(unsignedOnly))
        return unknown();
  bool isPacked = t == Type::F16x2 || t == Type::BF16x2;
  size_t sources = combine == Combine::None ? 2 : 3;
  if (hasFailed() || !expectOperands(sources + 1))
    return;
  uint64_t yes = ~uint64_t(0);
  if (d == Type::F32)
    yes = 0x3f800000;
  else if (d == Type::F16 || d == Type::F16x2)
    yes = 0x3c003c00;
  else if (d == Type::BF16 || d == Type::BF16x2)
    yes = 0x3f803f80;
  ValueId to = destination(operand(0), d), a = source(operand(1), t), b = source(operand(2), t);
  PredCode with = sources == 3 ? predSource(operand(3)) : kPredFalse;
  uint32_t p = preds_++, q = preds_++;
  Draft &test = emit(lanes_.compare(op, t, isFtz), Class::Integer, kPredicateLatency);
  definePred(test, kD, p * 2);
  definePred(test, kImm, q * 2);
  use(test, kA, a);
  use(test, kB, b);
  usePred(test, kC, with);
  test.inst.flags = uint32_t(combine);
  auto select = [&](ValueId into, uint64_t bits, uint32_t pred) {
    Draft &s = emit(lanes_.integer(IntOp::Selp, Type::B32), Class::None, kAluLatency);
    define(s, kD, into);
    use(s, kA, constant(bits, 4));
    use(s, kB, constant(0, 4));
    usePred(s, kC, pred * 2);
  };
  if (!isPacked)
    return select(to, ptx::bytesOf(d) == 2 ? yes & 0xffff : yes, p);
  ValueId low = temporary(Type::B32), high = temporary(Type::B32);
  select(low, yes & 0xffff, p);
  select(high, yes & 0xffff0000, q);
  Draft &join = emit(lanes_.integer(IntOp::Or, Type::B32), Class::None, kAluLatency);
  define(join, kD, to);
  use(join, kA, low);
  use(join, kB, high);
}
