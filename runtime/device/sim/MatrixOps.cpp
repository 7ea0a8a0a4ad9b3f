#include "runtime/device/sim/MatrixOps.h"
#include "runtime/device/sim/Memory.h"

using namespace mamba;
using namespace mamba::sim;

uint32_t matrix::pack(const Mma &m) {
  return m.m | m.k << 8 | uint32_t(m.a) << 16 | uint32_t(m.b) << 20 | uint32_t(m.isHalfC) << 24 |
         uint32_t(m.isHalfD) << 25 | uint32_t(m.isSaturated) << 26;
}

namespace {
Mma unpack(uint32_t bits) {
  Mma m;
  m.m = bits & 0xff;
  m.k = bits >> 8 & 0xff;
  m.a = Mma::Element(bits >> 16 & 15);
  m.b = Mma::Element(bits >> 20 & 15);
  m.isHalfC = bits >> 24 & 1;
  m.isHalfD = bits >> 25 & 1;
  m.isSaturated = bits >> 26 & 1;
  return m;
}

/// All lanes of the warp have to take part.
bool areAllHere(Warp &w, const Inst *i) {
  if (w.mask == kAllLanes)
    return true;
  fail(w, i, DefectKind::Other,
       std::to_string(__builtin_popcount(w.mask)) +
           " lanes execute it: all 32 of the warp have to");
  return false;
}
} // namespace

const Inst *matrix::multiply(Warp &w, const Inst *i) {
  if (!areAllHere(w, i))
    return nullptr;
  Mma m = unpack(i->more[0]);
  uint32_t *rows[4][16];
  unsigned counts[4] = {m.registersD(), m.registersA(), m.registersB(), m.registersC()};
  const uint32_t *at = i->more + 1;
  for (unsigned k = 0; k < 4; ++k)
    for (unsigned n = 0; n < counts[k]; ++n)
      rows[k][n] = w.row<uint32_t>(*at++);
  mma(m, rows[0], rows[1], rows[2], rows[3]);
  return i + 1;
}

namespace {
bool resolveRows(Warp &w, const Inst *i, unsigned count, AccessKind kind) {
  if (!areAllHere(w, i))
    return false;
  makeAddresses(w, i);
  w.mask = count == 4 ? kAllLanes : (1u << 8 * count) - 1;
  if (!resolveSlowly(w, i, ptx::Space::Shared, kind, Order::Weak, 16, 16))
    return false;
  if (w.block->isCounted)
    countMatrixRows(*w.block, w.mask);
  return true;
}
} // namespace

const Inst *matrix::load(Warp &w, const Inst *i) {
  unsigned count = i->more[0] & 0xff;
  if (!resolveRows(w, i, count, AccessKind::Load))
    return nullptr;
  uint32_t *d[4];
  for (unsigned k = 0; k < count; ++k)
    d[k] = w.row<uint32_t>(i->more[1 + k]);
  ldmatrix(count, i->more[0] >> 8 & 1, d, w.block->host);
  return i + 1;
}

const Inst *matrix::store(Warp &w, const Inst *i) {
  unsigned count = i->more[0] & 0xff;
  if (!resolveRows(w, i, count, AccessKind::Store))
    return nullptr;
  const uint32_t *a[4];
  for (unsigned k = 0; k < count; ++k)
    a[k] = w.row<uint32_t>(i->more[1 + k]);
  stmatrix(count, i->more[0] >> 8 & 1, w.block->host, a);
  return i + 1;
}

const Inst *matrix::transpose(Warp &w, const Inst *i) {
  if (!areAllHere(w, i))
    return nullptr;
  movmatrix(w.row<uint32_t>(i->d), w.row<uint32_t>(i->a));
  return i + 1;
}
