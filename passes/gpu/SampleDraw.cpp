#include "passes/gpu/SampleDraw.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace mamba {

using FP = arith::CmpFPredicate;
using IP = arith::CmpIPredicate;

/// Candidates that are read at once.
static constexpr int64_t perLoad = 4;
static constexpr int32_t noColumn = std::numeric_limits<int32_t>::max();
static constexpr double infinity = std::numeric_limits<double>::infinity();

static int64_t capacityOf(int64_t threads) { return std::min<int64_t>(threads, 256); }

GpuDraw::GpuDraw(GpuEmitter &e, GpuPasses &passes, Options options)
    : TokenDraw(e, passes, options), e(e), passes(passes), capacity(capacityOf(e.threads)) {}

int64_t GpuDraw::sharedBytes(int64_t threads) { return capacityOf(threads) * 12 + 5 * 128; }

Value GpuDraw::constant(bool value) {
  return arith::ConstantOp::create(e.b, e.b.getBoolAttr(value));
}
Value GpuDraw::toI32(Value index) {
  return arith::IndexCastOp::create(e.b, e.b.getI32Type(), index);
}
Value GpuDraw::asNumber(Value i32) {
  return arith::SIToFPOp::create(e.b, e.b.getF32Type(), i32);
}

Value GpuDraw::draw() {
  Value no = constant(false);
  auto few = e.when(either(cutsNumber, cutsWeight), [&] {
    Found found = drawOfFew();
    return SmallVector<Value>{found.isFound, found.token};
  }, {no, i32(0)});
  Value isOpen = arith::CmpIOp::create(e.b, IP::eq, few[0], no);
  return e.when(isOpen, [&] { return TokenDraw::draw(); }, few[1]);
}

GpuDraw::Found GpuDraw::drawOfFew() {
  logits = e.shared({capacity});
  columns = e.shared({capacity}, e.b.getI32Type());
  weights = e.shared({capacity});
  Value least = bound();
  Counted counted = count(least);
  Value no = constant(false);
  Value isFew = compare(FP::OLE, counted.all, f32(double(capacity)));
  auto found = e.when(isFew, [&] {
    collect(least, counted);
    Found found = finish(counted);
    return SmallVector<Value>{found.isFound, found.token};
  }, {no, i32(0)});
  return {found[0], found[1]};
}

//===----------------------------------------------------------------------===//
// Candidates
//===----------------------------------------------------------------------===//

Value GpuDraw::bound() {
  // Of the groups that have the largest logits, as many as top-k wants; some more
  // than most of them have more columns that reach theirs than find room.
  int64_t most = std::max<int64_t>(1, passes.groups * 3 / 4);
  Value rank = select(cutsNumber, o.topK, i32(most));
  rank = arith::SubIOp::create(e.b, arith::MinSIOp::create(e.b, rank, i32(most)), i32(1));
  Value found = e.shared({1});
  e.when(e.less(e.thread, e.index(passes.groups)), [&] {
    Value own = e.load(passes.groupLargest, e.thread);
    Value before = e.loop(e.index(0), e.index(passes.groups), 1, {i32(0)},
                          [&](Value i, ValueRange old) {
      Value other = e.load(passes.groupLargest, i);
      Value isFirst = either(compare(FP::OGT, other, own),
                             both(compare(FP::OEQ, other, own), e.less(i, e.thread)));
      Value one = select(isFirst, i32(1), i32(0));
      return SmallVector<Value>{arith::AddIOp::create(e.b, old[0], one)};
    })[0];
    e.when(compare(IP::eq, before, rank), [&] { e.store(own, found, e.index(0)); });
  });
  e.barrier();
  // What has no weight is no candidate.
  Value least = f32(-std::numeric_limits<float>::max()), own = e.load(found, e.index(0));
  return select(compare(FP::OLT, own, least), least, own);
}

GpuDraw::Counted GpuDraw::count(Value bound) {
  auto counted = passes.eachStep({f32(0), i32(0), f32(0)}, -infinity,
                                 [&](Value step, ArrayRef<Columns> columns, ValueRange old) {
    Value number = old[0], total = old[2];
    for (Columns column : columns) {
      Value one = select(compare(FP::OGE, column.logit, bound), f32(1), f32(0));
      number = e.math.add(number, one);
      total = e.math.add(total, weight(column.logit));
    }
    // A bit for some steps each: where one of these has a candidate, all are read again.
    Value bit = arith::ShLIOp::create(e.b, i32(1), bitOf(step));
    Value some = compare(FP::OGT, number, old[0]);
    Value steps = select(some, either(old[1], bit), old[1]);
    return SmallVector<Value>{number, steps, total};
  });
  GpuPasses::Scan own = passes.scan(counted[0]);
  // The barrier of the sum is for these numbers, too.
  Value warps = e.shared({1, e.warpSize});
  e.when(e.equal(e.lane, e.index(0)), [&] { e.store(own.all, warps, {e.index(0), e.warp}); });
  Value total = passes.blockSums({counted[2]}, e.shared({1, e.warpSize}))[0];
  Value ofWarp = passes.ofWarps(warps, e.index(0));
  Value before = e.warpSum(select(e.less(e.lane, e.warp), ofWarp, f32(0)));
  return {counted[0], counted[1], total, e.math.add(before, own.before), e.warpSum(ofWarp)};
}

Value GpuDraw::bitOf(Value step) {
  return toI32(e.rem(step, e.index(32)));
}

/// In the order of the threads.
void GpuDraw::collect(Value bound, const Counted &counted) {
  e.when(e.less(e.thread, e.index(capacity)), [&] {
    e.when(compare(FP::OGE, asNumber(toI32(e.thread)), counted.all), [&] {
      e.store(f32(-infinity), logits, e.thread);
      e.store(i32(noColumn), columns, e.thread);
    });
  });
  Value first = arith::FPToSIOp::create(e.b, e.b.getI32Type(), counted.before);
  e.loop(e.index(0), e.index(passes.steps()), 1, {first}, [&](Value step, ValueRange old) {
    Value bit = arith::AndIOp::create(
        e.b, arith::ShRUIOp::create(e.b, counted.steps, bitOf(step)), i32(1));
    Value next = e.when(compare(IP::ne, bit, i32(0)), [&] {
      Value at = old[0];
      for (Columns column : passes.columnsOfStep(step, -infinity)) {
        Value isIn = compare(FP::OGE, column.logit, bound);
        e.when(isIn, [&] {
          Value place = arith::IndexCastOp::create(e.b, e.b.getIndexType(), at);
          e.store(column.logit, logits, place);
          e.store(column.number, columns, place);
        });
        at = arith::AddIOp::create(e.b, at, select(isIn, i32(1), i32(0)));
      }
      return at;
    }, old[0]);
    return SmallVector<Value>{next};
  }, /*keepRolled=*/true);
  e.barrier();
}

//===----------------------------------------------------------------------===//
// Finishing
//===----------------------------------------------------------------------===//

SmallVector<Value> GpuDraw::eachCandidate(
    Value number, ValueRange init,
    const std::function<SmallVector<Value>(ArrayRef<Value>, ValueRange)> &body) {
  Value end = arith::IndexCastOp::create(
      e.b, e.b.getIndexType(), arith::FPToSIOp::create(e.b, e.b.getI32Type(), number));
  return e.loop(e.index(0), end, perLoad, init, [&](Value first, ValueRange old) {
    SmallVector<Value> values, carried(old);
    for (Value buffer : {logits, columns, weights})
      values.push_back(e.loadVector(buffer, first, perLoad));
    for (int64_t i = 0; i < perLoad; ++i) {
      SmallVector<Value> one;
      for (Value value : values)
        one.push_back(e.extract(value, i));
      carried = body(one, carried);
    }
    return carried;
  }, /*keepRolled=*/true);
}

GpuDraw::Found GpuDraw::finish(const Counted &counted) {
  // Threads without a candidate take part in what all threads do.
  Value number = asNumber(toI32(e.thread)), isMine = compare(FP::OLT, number, counted.all);
  Value mine = e.min(e.thread, e.index(capacity - 1));
  Value logit = select(isMine, e.load(logits, mine), f32(-infinity));
  Value column = e.load(columns, mine), own = weight(logit);
  Value token = e.shared({1}, e.b.getI32Type());
  e.when(e.equal(e.thread, e.index(0)), [&] { e.store(i32(0), token, e.index(0)); });
  auto publish = [&](Value x) {
    e.when(e.less(e.thread, e.index(capacity)), [&] { e.store(x, weights, e.thread); });
    e.barrier();
  };
  publish(own);

  // How many come before it in falling order, and their weights.
  SmallVector<Value> none = {i32(0), f32(0)};
  auto before = e.when(isMine, [&] {
    return eachCandidate(counted.all, none, [&](ArrayRef<Value> other, ValueRange old) {
      Value isFirst = either(compare(FP::OGT, other[0], logit),
                             both(compare(FP::OEQ, other[0], logit), e.less(other[1], column)));
      Value one = select(isFirst, i32(1), i32(0)), more = select(isFirst, other[2], f32(0));
      return SmallVector<Value>{arith::AddIOp::create(e.b, old[0], one), e.math.add(old[1], more)};
    });
  }, none);
  Value yes = constant(true);
  Value ofTopK = select(cutsNumber, compare(IP::slt, before[0], o.topK), yes);
  Value sum = passes.blockSums({select(ofTopK, own, f32(0))}, e.shared({1, e.warpSize}))[0];
  Value wanted = e.math.mul(o.topP, select(cutsNumber, sum, counted.total));
  Value isFound = select(cutsNumber, compare(FP::OGE, counted.all, asNumber(o.topK)),
                         compare(FP::OGE, sum, wanted));
  Value ofTopP = either(compare(IP::eq, before[0], i32(0)), compare(FP::OLT, before[1], wanted));
  Value isKept = both(ofTopK, select(cutsWeight, ofTopP, yes));
  own = select(both(isKept, compare(FP::OGE, own, o.minP)), own, f32(0));
  publish(own);

  // The sums of the columns before it, with it, and of all: as the order of adding is
  // one, what one column ends at is what the next begins at.
  e.when(isMine, [&] {
    auto sums = eachCandidate(counted.all, {f32(0), f32(0), f32(0)},
                              [&](ArrayRef<Value> other, ValueRange old) {
      Value less = select(e.less(other[1], column), other[2], f32(0));
      Value upTo = select(compare(IP::sle, other[1], column), other[2], f32(0));
      return SmallVector<Value>{e.math.add(old[0], less), e.math.add(old[1], upTo),
                                e.math.add(old[2], other[2])};
    });
    Value target = e.math.mul(o.u, sums[2]);
    Value passes = both(compare(FP::OGT, sums[1], target), compare(FP::OLE, sums[0], target));
    e.when(passes, [&] { e.store(column, token, e.index(0)); });
  });
  e.barrier();
  return {isFound, e.load(token, e.index(0))};
}

} // namespace mamba
