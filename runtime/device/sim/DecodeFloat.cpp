// Floating-point arithmetic and special functions.
#include "runtime/device/sim/Decoder.h"

using namespace mamba;
using namespace mamba::sim;
using numerics::Round;

bool Decoder::takeRound(Round &round) {
  static constexpr std::pair<std::string_view, Round> names[] = {
      {"rn", Round::NearestEven}, {"rz", Round::Zero}, {"rm", Round::Down}, {"rp", Round::Up}};
  for (auto [name, value] : names)
    if (take(name)) {
      round = value;
      return true;
    }
  return false;
}

/// An operation of up to three operands of one type with .rnd, .ftz, .sat, .relu.
void Decoder::decodeFloat(FloatOp op, unsigned sources) {
  Round round = Round::NearestEven;
  takeRound(round);
  FloatMode mode;
  mode.isNearest = round == Round::NearestEven;
  mode.isFtz = take("ftz");
  mode.isSat = take("sat");
  if (op == FloatOp::Fma && take("relu"))
    op = FloatOp::FmaRelu;
  Type t = take("f32x2") ? Type::B64 : takeType();
  Handler run = lanes_.floating(op, t, mode);
  unsigned latency = t == Type::F64 ? kDoubleLatency : kAluLatency;
  if (sources == 1)
    emitLanes(run, Class::Fma, latency, t, {t});
  else if (sources == 2)
    emitLanes(run, Class::Fma, latency, t, {t, t});
  else
    emitLanes(run, Class::Fma, latency, t, {t, t, t});
  if (!hasFailed() && !mode.isNearest)
    drafts_.back().inst.flags =
        uint32_t(round) | uint32_t(mode.isFtz) << 3 | uint32_t(mode.isSat) << 4;
}

void Decoder::decodeFma() { decodeFloat(FloatOp::Fma, 3); }

void Decoder::decodeDiv() {
  bool isFull = take("full"), isApprox = !isFull && take("approx");
  if (!isFull && !isApprox)
    return decodeDivideExactly();
  FloatMode mode{true, take("ftz"), false};
  Type t = takeType();
  emitLanes(lanes_.floating(isFull ? FloatOp::DivFull : FloatOp::DivApprox, t, mode),
            Class::Special, kSpecialLatency + kAluLatency, t, {t, t});
}
void Decoder::decodeDivideExactly() {
  decodeFloat(FloatOp::Div, 2);
  if (!hasFailed())
    drafts_.back().latency = kDivideLatency;
}

/// rcp, sqrt and rsqrt: approximately or rounded.
void Decoder::decodeRoot() {
  bool isRcp = in_->opcode == "rcp", isSqrt = in_->opcode == "sqrt";
  if (take("approx")) {
    FloatMode mode{true, take("ftz"), false};
    Type t = takeType();
    if (t == Type::F64 && !mode.isFtz && isRcp)
      return unknown();
    mode.isFtz = mode.isFtz && t != Type::F64;
    FloatOp op = isRcp ? FloatOp::RcpApprox : isSqrt ? FloatOp::SqrtApprox : FloatOp::RsqrtApprox;
    return emitLanes(lanes_.floating(op, t, mode), Class::Special, kSpecialLatency, t, {t});
  }
  if (!isRcp && !isSqrt)
    return unknown();
  decodeFloat(isRcp ? FloatOp::Rcp : FloatOp::Sqrt, 1);
  if (!hasFailed())
    drafts_.back().latency = kDivideLatency;
}

void Decoder::decodeSpecialFunction() {
  static const std::map<std::string_view, FloatOp> ops = {{"ex2", FloatOp::Ex2},
                                                          {"lg2", FloatOp::Lg2},
                                                          {"sin", FloatOp::Sin},
                                                          {"cos", FloatOp::Cos},
                                                          {"tanh", FloatOp::Tanh}};
  if (!take("approx"))
    return unknown();
  FloatMode mode{true, take("ftz"), false};
  Type t = takeType();
  // ex2 of bf16 always says .ftz; a bf16 subnormal's power is 1 either way.
  if (t == Type::BF16 || t == Type::BF16x2)
    mode.isFtz = false;
  emitLanes(lanes_.floating(ops.at(in_->opcode), t, mode), Class::Special, kSpecialLatency, t, {t});
}

void Decoder::decodeCopysign() {
  Type t = takeType();
  emitLanes(lanes_.floating(FloatOp::Copysign, t, {}), Class::Fma, kAluLatency, t, {t, t});
}

void Decoder::decodeTestp() {
  using numerics::TestP;
  static constexpr std::pair<std::string_view, TestP> names[] = {
      {"finite", TestP::Finite},       {"infinite", TestP::Infinite}, {"number", TestP::Number},
      {"notanumber", TestP::NotANumber}, {"normal", TestP::Normal},
      {"subnormal", TestP::Subnormal}};
  for (auto [name, op] : names) {
    if (!take(name))
      continue;
    Type t = takeType();
    if (!expectOperands(2))
      return;
    PredCode p = predDestination(operand(0));
    ValueId a = source(operand(1), t);
    Draft &draft = emit(lanes_.testp(t), Class::Fma, kPredicateLatency);
    definePred(draft, kD, p);
    use(draft, kA, a);
    draft.inst.flags = uint32_t(op);
    return;
  }
  unknown();
}
