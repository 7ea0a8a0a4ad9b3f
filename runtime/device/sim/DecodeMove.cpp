// mov, cvt, cvta, isspacep: values go elsewhere or change their type.
#include "runtime/device/sim/Control.h"
#include "runtime/device/sim/Decoder.h"
#include "runtime/device/sim/Memory.h"

using namespace mamba;
using namespace mamba::sim;
using numerics::Conversion;
using numerics::Round;

namespace {
/// %clock and the like: what control::readClock gives.
int clockKind(const std::string &name) {
  if (name == "clock" || name == "globaltimer_lo")
    return 0;
  if (name == "clock_hi" || name == "globaltimer_hi")
    return 1;
  return name == "clock64" || name == "globaltimer" ? 2 : -1;
}
} // namespace

void Decoder::decodeMov() {
  Type t = takeType();
  if (hasFailed() || !expectOperands(2))
    return;
  if (operand(1).kind == Operand::Kind::Vector)
    return movPack(t);
  if (operand(0).kind == Operand::Kind::Vector)
    return movUnpack(t);
  if (t == Type::Pred) {
    PredCode d = predDestination(operand(0)), a = predSource(operand(1));
    Draft &draft = emit(lanes_.predicates(IntOp::And), Class::Move, kMoveLatency);
    definePred(draft, kD, d);
    usePred(draft, kA, a);
    usePred(draft, kB, kPredTrue);
    return;
  }
  ValueId d = destination(operand(0), t);
  if (operand(1).kind == Operand::Kind::Special) {
    int kind = clockKind(operand(1).special.name);
    if (kind >= 0) {
      if ((kind == 2) != (ptx::bytesOf(t) == 8))
        return fail("reads a clock of another size than its type");
      Draft &draft = emit(control::readClock, Class::Move, kSpecialLatency);
      define(draft, kD, d);
      draft.inst.flags = uint32_t(kind);
      return;
    }
    if (ptx::bytesOf(t) == 8) { // a 32-bit special register, extended
      ValueId a = special(operand(1).special);
      Draft &draft = emit(lanes_.conversion({Type::U64, Type::U32}, false, true), Class::Move,
                          kMoveLatency);
      define(draft, kD, d);
      use(draft, kA, a);
      return;
    }
  }
  ValueId a = source(operand(1), t);
  if (t == Type::B128) {
    for (uint32_t half : {0u, 2 * kRowBytes}) {
      Draft &draft = emit(lanes_.integer(IntOp::Mov, Type::B64),
                          half ? Class::None : Class::Move, kMoveLatency);
      define(draft, kD, d, half);
      use(draft, kA, a, half);
    }
    return;
  }
  copyValue(d, a, ptx::bytesOf(t));
}

/// mov.b32 d, {a, b} and wider ones: the first element is the lowest.
void Decoder::movPack(Type type) {
  const auto &elements = operand(1).elements;
  unsigned bytes = ptx::bytesOf(type), each = elements.empty() ? 0 : bytes / elements.size();
  ValueId d = destination(operand(0), type);
  auto element = [&](size_t i) {
    return source(elements[i], each == 1 ? Type::B8 : each == 2 ? Type::B16
                               : each == 4              ? Type::B32
                                                        : Type::B64);
  };
  auto pack = [&](IntOp op, ValueId to, ValueId low, ValueId high, Class kind) {
    Draft &draft = emit(lanes_.integer(op, Type::B32), kind, kMoveLatency);
    define(draft, kD, to);
    use(draft, kA, low);
    use(draft, kB, high);
  };
  if (elements.size() == 2 && bytes == 16) {
    for (unsigned k = 0; k < 2; ++k) {
      ValueId a = element(k);
      Draft &draft = emit(lanes_.integer(IntOp::Mov, Type::B64), k ? Class::None : Class::Move,
                          kMoveLatency);
      define(draft, kD, d, k * 2 * kRowBytes);
      use(draft, kA, a);
    }
  } else if (elements.size() == 2 && (bytes == 4 || bytes == 8 || bytes == 2)) {
    ValueId low = element(0), high = element(1);
    pack(bytes == 2 ? IntOp::Pack8 : bytes == 4 ? IntOp::Pack16 : IntOp::Pack32, d, low, high,
         Class::Move);
  } else if (elements.size() == 4 && (bytes == 4 || bytes == 8)) {
    ValueId low = temporary(Type::B32), high = temporary(Type::B32);
    IntOp first = bytes == 4 ? IntOp::Pack8 : IntOp::Pack16;
    ValueId e[4] = {element(0), element(1), element(2), element(3)};
    pack(first, low, e[0], e[1], Class::Move);
    pack(first, high, e[2], e[3], Class::None);
    pack(bytes == 4 ? IntOp::Pack16 : IntOp::Pack32, d, low, high, Class::None);
  } else {
    unknown();
  }
}

void Decoder::movUnpack(Type type) {
  const auto &elements = operand(0).elements;
  unsigned bytes = ptx::bytesOf(type), count = unsigned(elements.size());
  unsigned each = count ? bytes / count : 0;
  if ((count != 2 && count != 4) || each * count != bytes || (count == 4 && bytes == 16))
    return unknown();
  Type small = each == 1 ? Type::B8 : each == 2 ? Type::B16 : each == 4 ? Type::B32 : Type::B64;
  ValueId a = source(operand(1), type);
  bool isFirst = true;
  for (unsigned k = 0; k < count; ++k) {
    if (elements[k].kind == Operand::Kind::Sink)
      continue;
    ValueId d = destination(elements[k], small);
    Class kind = isFirst ? Class::Move : Class::None;
    isFirst = false;
    if (bytes == 16) {
      Draft &draft = emit(lanes_.integer(IntOp::Mov, Type::B64), kind, kMoveLatency);
      define(draft, kD, d);
      use(draft, kA, a, k * 2 * kRowBytes);
      continue;
    }
    Draft &draft = emit(lanes_.integer(bytes == 8 ? IntOp::Part64 : IntOp::Part32, Type::B32), kind,
                        kMoveLatency);
    define(draft, kD, d);
    use(draft, kA, a);
    draft.inst.flags = 8 * each * k;
    draft.inst.imm = each >= 4 ? 0xffffffff : (1 << (8 * each)) - 1;
  }
}

void Decoder::decodeCvt() {
  if (hasModifier("pack"))
    return unknown();
  Conversion c;
  static constexpr std::pair<std::string_view, Round> whole[] = {
      {"rni", Round::NearestEven}, {"rzi", Round::Zero}, {"rmi", Round::Down}, {"rpi", Round::Up}};
  for (auto [name, round] : whole)
    if (!c.isIntegral && take(name)) {
      c.isIntegral = true;
      c.round = round;
    }
  bool hasRound = !c.isIntegral && takeRound(c.round);
  if (!hasRound && !c.isIntegral && take("rna"))
    c.round = Round::NearestAway;
  c.isRelu = take("relu");
  c.isFinite = take("satfinite");
  c.isFlushed = take("ftz");
  c.isSaturated = take("sat");
  Type to = takeType(), from = hasFailed() ? to : takeType();
  c.to = to;
  c.from = from;
  if (hasFailed())
    return;
  bool isPair = to == Type::F16x2 || to == Type::BF16x2;
  if (isPair) {
    if (from != Type::F32 || !expectOperands(3))
      return unknown();
    c.to = to == Type::F16x2 ? Type::F16 : Type::BF16;
    ValueId d = destination(operand(0), Type::B32), a = source(operand(1), Type::F32),
            b = source(operand(2), Type::F32);
    Draft &draft = emit(lanes_.conversionPair(c), Class::Conversion, kConversionLatency);
    define(draft, kD, d);
    use(draft, kA, a);
    use(draft, kB, b);
    draft.inst.flags = ConversionCode(c, false, false).bits;
    return;
  }
  auto isKnown = [](Type t) {
    return (t >= Type::U8 && t <= Type::S64) || t == Type::F16 || t == Type::BF16 ||
           t == Type::F32 || t == Type::F64;
  };
  if ((!isKnown(to) && to != Type::TF32) || !isKnown(from) || !expectOperands(2))
    return unknown();
  bool isToWide = false, isFromWide = false;
  ValueId d = destinationAtLeast(operand(0), to, isToWide);
  ValueId a = sourceAtLeast(operand(1), from, isFromWide);
  Draft &draft = emit(lanes_.conversion(c, isFromWide, isToWide), Class::Conversion,
                      kConversionLatency);
  define(draft, kD, d);
  use(draft, kA, a);
  draft.inst.flags = ConversionCode(c, isFromWide, isToWide).bits;
}

void Decoder::decodeCvta() {
  bool isTo = take("to");
  uint64_t window = 0;
  if (take("shared") || take("shared::cta"))
    window = kSharedWindow;
  else if (take("local"))
    window = kLocalWindow;
  else if (!takeAny({"global", "const", "param", "param::entry"}))
    return unknown();
  Type t = takeType();
  if (t != Type::U64 || !expectOperands(2))
    return unknown();
  ValueId d = destination(operand(0), t), a = source(operand(1), t);
  if (window == 0)
    return copyValue(d, a, 8);
  Draft &draft = emit(lanes_.integer(isTo ? IntOp::Sub : IntOp::Add, Type::U64), Class::Integer,
                      kWideLatency);
  define(draft, kD, d);
  use(draft, kA, a);
  use(draft, kB, constant(window, 8));
}

void Decoder::decodeIsspacep() {
  static constexpr std::pair<std::string_view, ptx::Space> names[] = {
      {"global", ptx::Space::Global},      {"shared", ptx::Space::Shared},
      {"shared::cta", ptx::Space::Shared}, {"local", ptx::Space::Local},
      {"const", ptx::Space::Const},        {"param", ptx::Space::Param},
      {"param::entry", ptx::Space::Param}, {"shared::cluster", ptx::Space::Shared}};
  for (auto [name, space] : names) {
    if (!take(name))
      continue;
    if (!expectOperands(2))
      return;
    PredCode p = predDestination(operand(0));
    ValueId a = source(operand(1), Type::U64);
    Draft &draft = emit(memory::isInSpace, Class::Integer, kPredicateLatency);
    definePred(draft, kD, p);
    use(draft, kA, a);
    draft.inst.flags = uint32_t(space);
    return;
  }
  unknown();
}
