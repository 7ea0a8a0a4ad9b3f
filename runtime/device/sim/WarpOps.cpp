#include "runtime/device/sim/WarpOps.h"
#include "runtime/device/sim/Numerics.h"
#include "runtime/device/sim/WarpGroups.h"
#include "runtime/support/LaneClones.h"

#include <cstring>

using namespace mamba;
using namespace mamba::sim;

namespace {
/// Where each lane's value comes from, and whether that is within its segment.
MAMBA_LANE_CLONES void shuffleSources(ShuffleMode mode, const uint32_t *b, const uint32_t *c,
                                      int32_t *from, int32_t *isIn) {
  for (int32_t l = 0; l < int32_t(kLanes); ++l) {
    int32_t by = b[l] & 31, clamp = c[l] & 31, segment = c[l] >> 8 & 31;
    int32_t low = l & segment, high = low | (clamp & ~segment);
    int32_t up = l - by, down = l + by, across = l ^ by, index = low | (by & ~segment);
    int32_t at = mode == ShuffleMode::Up          ? up
                 : mode == ShuffleMode::Down      ? down
                 : mode == ShuffleMode::Butterfly ? across
                                                  : index;
    isIn[l] = mode == ShuffleMode::Up ? at >= high : at <= high;
    from[l] = isIn[l] ? at : l;
  }
}
} // namespace

const Inst *exchange::shuffle(Warp &w, const Inst *i) {
  return forGroups(w, i, i->more[0], [&] {
    int32_t from[kLanes], isIn[kLanes];
    shuffleSources(ShuffleMode(i->flags), w.row<uint32_t>(i->b), w.row<uint32_t>(i->c), from, isIn);
    uint32_t source[kLanes], *d = w.row<uint32_t>(i->d), mask = w.mask, inRange = 0;
    std::memcpy(source, w.row<uint32_t>(i->a), sizeof source);
    // What a lane that takes no part holds is undefined: a NaN shows where it is used.
    for (unsigned l = 0; l < kLanes; ++l)
      source[l] = mask >> l & 1 ? source[l] : ~uint32_t(0);
    for (unsigned l = 0; l < kLanes; ++l) {
      inRange |= uint32_t(isIn[l]) << l;
      d[l] = (mask >> l & 1) ? source[from[l]] : d[l];
    }
    w.setPred(PredCode(i->imm), inRange);
  });
}

const Inst *exchange::vote(Warp &w, const Inst *i) {
  return forGroups(w, i, i->b, [&] {
    uint32_t holds = w.pred(i->a) & w.mask;
    bool result = false;
    switch (VoteMode(i->flags)) {
    case VoteMode::All: result = holds == w.mask; break;
    case VoteMode::Any: result = holds != 0; break;
    case VoteMode::Uniform: result = holds == 0 || holds == w.mask; break;
    case VoteMode::Ballot:
      for (unsigned l = 0; l < kLanes; ++l)
        if (w.mask >> l & 1)
          w.row<uint32_t>(i->d)[l] = holds;
      return;
    }
    w.setPred(i->d, result ? kAllLanes : 0);
  });
}

const Inst *exchange::match(Warp &w, const Inst *i) {
  return forGroups(w, i, i->b, [&] {
    uint64_t value[kLanes];
    for (unsigned l = 0; l < kLanes; ++l)
      value[l] = i->flags & 2 ? w.row<uint64_t>(i->a)[l] : w.row<uint32_t>(i->a)[l];
    uint32_t all = 0;
    for (unsigned l = 0; l < kLanes; ++l) {
      if (!(w.mask >> l & 1))
        continue;
      uint32_t same = 0;
      for (unsigned k = 0; k < kLanes; ++k)
        same |= uint32_t((w.mask >> k & 1) && value[k] == value[l]) << k;
      bool isAll = same == w.mask;
      w.row<uint32_t>(i->d)[l] = i->flags & 1 && !isAll ? 0 : same;
      all |= uint32_t(isAll) << l;
    }
    w.setPred(PredCode(i->imm), all);
  });
}

const Inst *exchange::redux(Warp &w, const Inst *i) {
  return forGroups(w, i, i->b, [&] {
    const uint32_t *a = w.row<uint32_t>(i->a);
    auto op = ReduxOp(i->flags & 0xff);
    bool isAbs = i->flags >> 8 & 1, isNaN = i->flags >> 9 & 1, isFirst = true;
    uint32_t r = 0;
    for (unsigned l = 0; l < kLanes; ++l) {
      if (!(w.mask >> l & 1))
        continue;
      uint32_t x = isAbs ? a[l] & 0x7fffffff : a[l];
      if (isFirst) {
        r = x;
        isFirst = false;
        continue;
      }
      float f = numerics::f32(r), g = numerics::f32(x);
      switch (op) {
      case ReduxOp::Add: r += x; break;
      case ReduxOp::Min: r = r < x ? r : x; break;
      case ReduxOp::Max: r = r > x ? r : x; break;
      case ReduxOp::And: r &= x; break;
      case ReduxOp::Or: r |= x; break;
      case ReduxOp::Xor: r ^= x; break;
      case ReduxOp::MinS: r = int32_t(r) < int32_t(x) ? r : x; break;
      case ReduxOp::MaxS: r = int32_t(r) > int32_t(x) ? r : x; break;
      case ReduxOp::MinF:
        r = numerics::bits(isNaN ? numerics::minNaN(f, g) : numerics::min(f, g));
        break;
      case ReduxOp::MaxF:
        r = numerics::bits(isNaN ? numerics::maxNaN(f, g) : numerics::max(f, g));
        break;
      }
    }
    for (unsigned l = 0; l < kLanes; ++l)
      if (w.mask >> l & 1)
        w.row<uint32_t>(i->d)[l] = r;
  });
}

const Inst *exchange::elect(Warp &w, const Inst *i) {
  return forGroups(w, i, i->a, [&] {
    unsigned leader = unsigned(__builtin_ctz(w.mask));
    for (unsigned l = 0; l < kLanes; ++l)
      if (w.mask >> l & 1)
        w.row<uint32_t>(i->d)[l] = leader;
    w.setPred(PredCode(i->imm), 1u << leader);
  });
}
