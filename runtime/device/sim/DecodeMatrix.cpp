// mma.sync and the moves of its fragments.
#include "runtime/device/sim/Decoder.h"
#include "runtime/device/sim/MatrixOps.h"
#include "runtime/device/sim/Memory.h"

using namespace mamba;
using namespace mamba::sim;

namespace {
struct Shape {
  std::string_view name;
  unsigned m, k;
};
} // namespace

/// mma.sync.aligned.shape.row.col.d.a.b.c d, a, b, c
void Decoder::decodeMma() {
  if (!take("sync") || !take("aligned"))
    return unknown();
  static constexpr Shape shapes[] = {{"m16n8k4", 16, 4},   {"m16n8k8", 16, 8},
                                     {"m16n8k16", 16, 16}, {"m16n8k32", 16, 32},
                                     {"m8n8k16", 8, 16}};
  Mma mma;
  bool isFound = false;
  for (const Shape &s : shapes)
    if (!isFound && take(s.name)) {
      mma.m = s.m;
      mma.k = s.k;
      isFound = true;
    }
  if (!isFound || !take("row") || !take("col"))
    return unknown();
  mma.isSaturated = take("satfinite");
  Type types[4];
  for (Type &t : types)
    t = hasFailed() ? Type::None : takeType();
  auto element = [&](Type t, Mma::Element &e) {
    switch (t) {
    case Type::F16: e = Mma::Element::F16; return true;
    case Type::BF16: e = Mma::Element::BF16; return true;
    case Type::TF32: e = Mma::Element::TF32; return true;
    case Type::S8: e = Mma::Element::S8; return true;
    case Type::U8: e = Mma::Element::U8; return true;
    default: return false;
    }
  };
  if (!element(types[1], mma.a) || !element(types[2], mma.b))
    return unknown();
  bool isInteger = mma.a == Mma::Element::S8 || mma.a == Mma::Element::U8;
  Type sum = isInteger ? Type::S32 : Type::F32;
  mma.isHalfD = types[0] == Type::F16;
  mma.isHalfC = types[3] == Type::F16;
  if ((!mma.isHalfD && types[0] != sum) || (!mma.isHalfC && types[3] != sum) || !mma.isKnown() ||
      !expectOperands(4))
    return unknown();
  unsigned counts[4] = {mma.registersD(), mma.registersA(), mma.registersB(), mma.registersC()};
  Draft &draft = emit(matrix::multiply, Class::Matrix, kMatrixLatency);
  draft.matrixFlops = mma.flops();
  draft.more.assign(1, matrix::pack(mma));
  uint32_t slot = kMore + 1;
  for (unsigned k = 0; k < 4; ++k) {
    const Operand &o = operand(k);
    std::vector<Operand> one;
    if (o.kind != Operand::Kind::Vector)
      one.push_back(o);
    const std::vector<Operand> &list = o.kind == Operand::Kind::Vector ? o.elements : one;
    if (list.size() != counts[k])
      return fail("has " + std::to_string(list.size()) + " registers where it takes " +
                  std::to_string(counts[k]));
    for (const Operand &e : list) {
      if (k == 0)
        define(draft, slot++, destination(e, Type::B32));
      else
        use(draft, slot++, source(e, Type::B32));
    }
  }
}

/// ldmatrix.sync.aligned.m8n8.xN{.trans}.shared.b16 r, [p]
void Decoder::decodeLdmatrix() { moveMatrix(true); }
void Decoder::decodeStmatrix() { moveMatrix(false); }

void Decoder::moveMatrix(bool isLoad) {
  if (!take("sync") || !take("aligned") || !take("m8n8"))
    return unknown();
  unsigned count = take("x1") ? 1 : take("x2") ? 2 : take("x4") ? 4 : 0;
  bool isTransposed = take("trans");
  if (!count || !takeAny({"shared", "shared::cta"}) || !take("b16") || !expectOperands(2))
    return unknown();
  const Operand &data = operand(isLoad ? 0 : 1), &address = operand(isLoad ? 1 : 0);
  std::vector<Operand> one;
  if (data.kind != Operand::Kind::Vector)
    one.push_back(data);
  const std::vector<Operand> &list = data.kind == Operand::Kind::Vector ? data.elements : one;
  if (list.size() != count)
    return fail("has another number of registers than matrices");
  Draft &draft = emit(isLoad ? matrix::load : matrix::store, isLoad ? Class::Load : Class::Store,
                      isLoad ? kLdmatrixLatency : 1);
  setAddress(draft, address, ptx::Space::Shared,
             isLoad ? AccessKind::Load : AccessKind::Store, Order::Weak);
  draft.more.assign(1, count | uint32_t(isTransposed) << 8);
  draft.isStore = !isLoad;
  for (unsigned k = 0; k < count; ++k) {
    if (isLoad)
      define(draft, kMore + 1 + k, destination(list[k], Type::B32));
    else
      use(draft, kMore + 1 + k, source(list[k], Type::B32));
  }
}

void Decoder::decodeMovmatrix() {
  if (!take("sync") || !take("aligned") || !take("m8n8") || !take("trans") || !take("b16"))
    return unknown();
  if (!expectOperands(2))
    return;
  ValueId d = destination(operand(0), Type::B32), a = source(operand(1), Type::B32);
  Draft &draft = emit(matrix::transpose, Class::Shuffle, kShuffleLatency);
  define(draft, kD, d);
  use(draft, kA, a);
}
