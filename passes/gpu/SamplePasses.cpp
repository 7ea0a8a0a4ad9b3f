#include "passes/gpu/SamplePasses.h"

#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace mamba {

using FP = arith::CmpFPredicate;

static constexpr double infinity = std::numeric_limits<double>::infinity();
/// Loads that a thread has on their way.
static constexpr int64_t loads = 2;

GpuPasses::GpuPasses(GpuEmitter &e, View logits, int64_t valid)
    : e(e), logits(logits), valid(valid), warps(e.threads / e.warpSize) {
  int64_t pitch = cast<MemRefType>(logits.buffer.getType()).getShape().back();
  width = pitch % 4 == 0 && logits.offset % 4 == 0 ? 4 : 1;
  // Groups of some lanes of a warp.
  int64_t lanes = std::clamp<int64_t>(llvm::bit_floor(uint64_t(e.threads) / 128), 1, e.warpSize);
  groups = e.threads / lanes;
}

Value GpuPasses::i32(int64_t value) {
  return arith::ConstantOp::create(e.b, e.b.getI32IntegerAttr(int32_t(value)));
}
Value GpuPasses::toI32(Value index) {
  return arith::IndexCastOp::create(e.b, e.b.getI32Type(), index);
}
Value GpuPasses::toIndex(Value i32) {
  return arith::IndexCastOp::create(e.b, e.b.getIndexType(), i32);
}
Value GpuPasses::compare(FP predicate, Value x, Value y) {
  return arith::CmpFOp::create(e.b, predicate, x, y);
}

//===----------------------------------------------------------------------===//
// Columns
//===----------------------------------------------------------------------===//

/// The columns of one load. Beyond the end the row's last load is done again, and not used.
void GpuPasses::append(SmallVector<Columns> &columns, Value first, Value end, double beyond) {
  Value at = e.min(first, e.index((valid - 1) / width * width));
  SmallVector<Value> row = {e.tile, e.add(at, logits.offset)};
  Value vector = width > 1 ? e.loadVector(logits.buffer, row, width) : Value();
  Value inside;
  for (int64_t i = 0; i < width; ++i) {
    Value logit = vector ? e.extract(vector, i) : e.load(logits.buffer, row);
    if (i == 0 || valid % width)
      inside = e.less(e.add(first, i), end);
    columns.push_back({e.select(inside, logit, e.f32(beyond)), toI32(e.add(first, i))});
  }
}

int64_t GpuPasses::steps() const { return llvm::divideCeil(valid, e.threads * width * loads); }

SmallVector<LogitPasses::Columns> GpuPasses::columnsOfStep(Value step, double beyond) {
  int64_t stride = e.threads * width;
  Value first = e.add(e.mul(step, stride * loads), e.mul(e.thread, width));
  SmallVector<Columns> columns;
  for (int64_t i = 0; i < loads; ++i)
    append(columns, e.add(first, i * stride), e.index(valid), beyond);
  return columns;
}

SmallVector<Value> GpuPasses::eachStep(ValueRange init, double beyond, const Body &body) {
  return e.loop(e.index(0), e.index(steps()), 1, init,
                [&](Value step, ValueRange old) {
                  return body(step, columnsOfStep(step, beyond), old);
                },
                /*keepRolled=*/true);
}

//===----------------------------------------------------------------------===//
// The largest
//===----------------------------------------------------------------------===//

/// The larger one; of equal ones that with the smaller column.
GpuPasses::Largest GpuPasses::better(Largest a, Largest b) {
  Value first = e.both(compare(FP::OEQ, b.logit, a.logit), e.less(b.column, a.column));
  Value take = arith::OrIOp::create(e.b, compare(FP::OGT, b.logit, a.logit), first);
  return {e.select(take, b.logit, a.logit), e.select(take, b.column, a.column)};
}

GpuPasses::Largest GpuPasses::largest(bool orNan) {
  // Threads that see no number stand on column 0 with the least value.
  auto found = eachStep({e.f32(-infinity), i32(0), i32(0)}, -infinity,
                        [&](Value, ArrayRef<Columns> columns, ValueRange old) {
    Largest best{old[0], old[1]};
    Value bad = old[2];
    for (auto [logit, number] : columns) {
      Value more = compare(FP::OGT, logit, best.logit);
      best = {e.select(more, logit, best.logit), e.select(more, number, best.column)};
      if (orNan)
        bad = e.select(compare(FP::UNO, logit, logit), i32(1), bad);
    }
    return SmallVector<Value>{best.logit, best.column, bad};
  });
  Largest best{found[0], found[1]};
  Value bad = found[2];
  groupLargest = e.shared({256});
  int64_t lanes = e.threads / groups;
  auto storeGroup = [&] {
    Value isFirst = e.equal(e.rem(e.thread, e.index(lanes)), e.index(0));
    e.when(isFirst, [&] { e.store(best.logit, groupLargest, e.div(e.thread, e.index(lanes))); });
  };
  for (int64_t distance = 1; distance < e.warpSize; distance *= 2) {
    if (distance == lanes)
      storeGroup();
    best = better(best, {e.shuffleXor(best.logit, distance), e.shuffleXor(best.column, distance)});
    if (orNan)
      bad = arith::OrIOp::create(e.b, bad, e.shuffleXor(bad, distance));
  }
  if (lanes == e.warpSize)
    storeGroup();
  // Each warp goes through the warps' results again: no second barrier.
  Value logits = e.shared({e.warpSize}), columns = e.shared({e.warpSize}, e.b.getI32Type());
  Value bads = orNan ? e.shared({e.warpSize}, e.b.getI32Type()) : Value();
  e.when(e.equal(e.lane, e.index(0)), [&] {
    e.store(best.logit, logits, e.warp);
    e.store(best.column, columns, e.warp);
    if (orNan)
      e.store(bad, bads, e.warp);
  });
  e.barrier();
  Value own = e.min(e.lane, e.index(warps - 1));
  best = {e.load(logits, own), e.load(columns, own)};
  if (orNan)
    bad = e.load(bads, own);
  for (int64_t distance = 1; distance < e.warpSize; distance *= 2) {
    best = better(best, {e.shuffleXor(best.logit, distance), e.shuffleXor(best.column, distance)});
    if (orNan)
      bad = arith::OrIOp::create(e.b, bad, e.shuffleXor(bad, distance));
  }
  if (orNan) {
    Value isBad = arith::CmpIOp::create(e.b, arith::CmpIPredicate::ne, bad, i32(0));
    best.logit = e.select(isBad, e.f32(NAN), best.logit);
  }
  return best;
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

SmallVector<Value> GpuPasses::sums(int64_t count, const Terms &terms) {
  auto found = eachStep(SmallVector<Value>(count, e.f32(0)), NAN,
                        [&](Value, ArrayRef<Columns> columns, ValueRange old) {
    SmallVector<Value> next(old);
    for (Columns column : columns)
      for (auto [sum, term] : llvm::zip_equal(next, terms(column)))
        sum = e.math.add(sum, term);
    return next;
  });
  if (!warpSums)
    warpSums = e.shared({mostSums, e.warpSize});
  found = blockSums(found, warpSums);
  e.barrier(); // before the next pass's
  return found;
}

SmallVector<Value> GpuPasses::blockSums(ArrayRef<Value> own, Value shared) {
  // Each warp adds up the warps' sums again: one tree for all threads.
  SmallVector<Value> sums;
  for (Value value : own)
    sums.push_back(e.warpSum(value));
  e.when(e.equal(e.lane, e.index(0)), [&] {
    for (auto [i, sum] : llvm::enumerate(sums))
      e.store(sum, shared, {e.index(i), e.warp});
  });
  e.barrier();
  for (auto [i, sum] : llvm::enumerate(sums))
    sum = e.warpSum(ofWarps(shared, e.index(i)));
  return sums;
}

Value GpuPasses::ofWarps(Value numbers, Value row) {
  Value own = e.load(numbers, {row, e.min(e.lane, e.index(warps - 1))});
  return e.select(e.less(e.lane, e.index(warps)), own, e.f32(0));
}

GpuPasses::Scan GpuPasses::scan(Value own) {
  Scan scan{e.f32(0), own};
  Value lane = toI32(e.lane);
  for (int64_t distance = 1; distance < e.warpSize; distance *= 2) {
    Value other = e.shuffleXor(scan.all, distance);
    Value bit = arith::AndIOp::create(e.b, lane, i32(distance));
    Value sum = e.math.add(other, scan.before);
    scan = {e.select(e.equal(bit, i32(0)), scan.before, sum), e.math.add(scan.all, other)};
  }
  return scan;
}

GpuPasses::Found GpuPasses::search(Value own, Value before, const Goal &goal, Value &wanted) {
  Scan sums = scan(own);
  if (!wanted)
    wanted = goal.of(sums.all);
  Value start = e.math.add(before, sums.before), lane = toI32(e.lane);
  Value some = compare(FP::OGT, own, e.f32(0));
  Value passes = e.both(compare(goal.passes, e.math.add(start, own), wanted), some);
  Value first = e.select(passes, lane, i32(e.warpSize)), last = e.select(some, lane, i32(0));
  for (int64_t distance = 1; distance < e.warpSize; distance *= 2) {
    first = e.min(first, e.shuffleXor(first, distance));
    last = e.max(last, e.shuffleXor(last, distance));
  }
  // Where none passes, none does in the part that is taken.
  Value isFound = e.less(first, i32(e.warpSize)), at = e.select(isFound, first, last);
  return {at, e.select(isFound, e.shuffleFrom(start, at), e.f32(-infinity))};
}

void GpuPasses::sumParts(const Term &term, Value from, Value end, int64_t part) {
  int64_t stride = e.warpSize * width;
  e.loop(e.warp, e.index(e.warpSize), warps, [&](Value i) {
    Value begin = e.add(from, e.mul(i, part)), stop = e.min(e.add(begin, part), end);
    Value sum = e.loop(e.add(begin, e.mul(e.lane, width)), stop, stride * loads, {e.f32(0)},
                       [&](Value first, ValueRange old) {
      SmallVector<Columns> columns;
      for (int64_t l = 0; l < loads; ++l)
        append(columns, e.add(first, l * stride), stop, NAN);
      Value sum = old[0];
      for (Columns column : columns)
        sum = e.math.add(sum, term(column));
      return SmallVector<Value>{sum};
    }, /*keepRolled=*/true)[0];
    sum = e.warpSum(sum);
    e.when(e.equal(e.lane, e.index(0)), [&] { e.store(sum, parts, {e.index(level), i}); });
  });
}

Value GpuPasses::locate(const Term &term, const Goal &goal) {
  if (!parts)
    parts = e.shared({2, e.warpSize});
  // The row is cut into warpSize parts, the part in which the sum passes likewise.
  Value from = e.index(0), end = e.index(valid), before = e.f32(0), wanted;
  for (int64_t size = valid; size > e.warpSize;) {
    int64_t part = llvm::alignTo(llvm::divideCeil(size, e.warpSize), e.warpSize);
    sumParts(term, from, end, part);
    e.barrier();
    Found found = search(e.load(parts, {e.index(level), e.lane}), before, goal, wanted);
    level = 1 - level; // the next one writes elsewhere
    from = e.add(from, e.mul(toIndex(found.at), part));
    end = e.min(e.add(from, part), e.index(valid));
    before = found.before;
    size = part;
  }
  Value column = e.add(from, e.lane);
  Value logit = e.load(logits, e.tile, e.min(column, e.index(valid - 1)));
  logit = e.select(e.less(column, end), logit, e.f32(NAN));
  Found found = search(term({logit, toI32(column)}), before, goal, wanted);
  return arith::AddIOp::create(e.b, toI32(from), found.at);
}

} // namespace mamba
