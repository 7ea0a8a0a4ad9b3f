#include "passes/target/Sampling.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;

namespace mamba {

using FP = arith::CmpFPredicate;
using IP = arith::CmpIPredicate;

/// A pass measures so many parts of the bracket.
static constexpr int64_t parts = 8;
/// First some passes cut the bracket by value, the others by order: each of these
/// leaves an eighth, or one more, of 2^32 numbers at first.
static constexpr int64_t cutsByValue = 6, cuts = cutsByValue + 14;
static constexpr double infinity = std::numeric_limits<double>::infinity();

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

Value TokenDraw::f32(double value) { return e.math.constant(e.b.getF32Type(), value); }
Value TokenDraw::i32(int64_t value) {
  return arith::ConstantOp::create(e.b, e.b.getI32IntegerAttr(int32_t(value)));
}
Value TokenDraw::compare(FP predicate, Value x, Value y) {
  return arith::CmpFOp::create(e.b, predicate, x, as(y, x));
}
Value TokenDraw::compare(IP predicate, Value x, Value y) {
  return arith::CmpIOp::create(e.b, predicate, x, as(y, x));
}
Value TokenDraw::as(Value x, Value like) {
  auto vector = dyn_cast<VectorType>(like.getType());
  if (!vector || isa<VectorType>(x.getType()))
    return x;
  return vector::BroadcastOp::create(e.b, vector.clone(x.getType()), x);
}
Value TokenDraw::both(Value x, Value y) { return arith::AndIOp::create(e.b, x, y); }
Value TokenDraw::either(Value x, Value y) { return arith::OrIOp::create(e.b, x, y); }
Value TokenDraw::select(Value condition, Value x, Value y) {
  return arith::SelectOp::create(e.b, as(condition, x), x, as(y, x));
}

Value TokenDraw::orderOf(Value x) {
  Value bits = arith::BitcastOp::create(e.b, e.b.getI32Type(), x);
  Value below = arith::SubIOp::create(e.b, i32(std::numeric_limits<int32_t>::min()), bits);
  return select(compare(IP::slt, bits, i32(0)), below, bits);
}
Value TokenDraw::numberOf(Value order) {
  Value below = arith::SubIOp::create(e.b, i32(std::numeric_limits<int32_t>::min()), order);
  Value bits = select(compare(IP::slt, order, i32(0)), below, order);
  return arith::BitcastOp::create(e.b, e.b.getF32Type(), bits);
}

//===----------------------------------------------------------------------===//
// Columns
//===----------------------------------------------------------------------===//

TokenDraw::TokenDraw(KernelEmitter &e, LogitPasses &passes, Options options)
    : o(options), e(e), passes(passes) {}

Value TokenDraw::weight(Value logit) {
  return e.math.exp2(e.math.mul(e.math.sub(logit, as(o.largest, logit)), as(rate, logit)));
}

Value TokenDraw::isKept(Columns columns, Kept kept) {
  Value above = compare(FP::OGT, columns.logit, kept.least);
  Value tie = both(compare(FP::OEQ, columns.logit, kept.least),
                                    compare(IP::sle, columns.number, kept.last));
  return either(above, tie);
}

Value TokenDraw::measure(const Filter &filter, Columns columns, Kept kept) {
  Value own = weight(columns.logit);
  Value one = e.math.constant(own.getType(), 1), none = e.math.constant(own.getType(), 0);
  return select(isKept(columns, kept), select(filter.counts, one, own), none);
}

//===----------------------------------------------------------------------===//
// Filters
//===----------------------------------------------------------------------===//

/// Orders that cut the bracket into parts: by value where the bracket is wide.
SmallVector<Value> TokenDraw::pivots(Bracket bracket, Value iteration) {
  Value low = numberOf(bracket.low), high = numberOf(bracket.high);
  // What can have weight stands within 16 temperatures, and few logits are larger than 60.
  Value depth = e.math.mul(f32(16), o.temperature);
  depth = select(compare(FP::OLT, depth, f32(60)), depth, f32(60));
  Value bottom = e.math.sub(o.largest, depth);
  Value isFirst = arith::CmpIOp::create(e.b, IP::eq, iteration, e.index(0));
  bottom = select(both(isFirst, compare(FP::OGT, bottom, low)), bottom, low);
  Value byValue = both(compare(FP::OGT, bottom, f32(-infinity)),
                                        e.less(iteration, e.index(cutsByValue)));
  Value length = e.math.sub(high, bottom);
  Value orders = arith::SubIOp::create(e.b, bracket.high, bracket.low); // unsigned
  Value eighth = arith::ShRUIOp::create(e.b, orders, i32(3));
  Value rest = arith::AndIOp::create(e.b, orders, i32(parts - 1));
  Value last = arith::SubIOp::create(e.b, bracket.high, i32(1));
  SmallVector<Value> found;
  for (int64_t j = 1; j < parts; ++j) {
    Value share = e.math.mul(length, f32(double(j) / parts));
    Value order = orderOf(e.math.add(bottom, share));
    order = arith::MaxSIOp::create(e.b, order, bracket.low);
    order = arith::MinSIOp::create(e.b, order, last);
    Value step = arith::AddIOp::create(
        e.b, arith::MulIOp::create(e.b, eighth, i32(j)),
        arith::ShRUIOp::create(e.b, arith::MulIOp::create(e.b, rest, i32(j)), i32(3)));
    found.push_back(select(byValue, order, arith::AddIOp::create(e.b, bracket.low, step)));
  }
  return found;
}

/// One pass over the row: the bracket becomes one of its parts.
TokenDraw::Bracket TokenDraw::narrow(const Filter &filter, Kept kept, Bracket bracket,
                                     Value iteration) {
  SmallVector<Value> orders = pivots(bracket, iteration), numbers;
  for (Value order : orders)
    numbers.push_back(numberOf(order));
  SmallVector<Value> sums = passes.sums(parts - 1, [&](Columns columns) {
    Value own = measure(filter, columns, kept);
    Value none = e.math.constant(own.getType(), 0);
    SmallVector<Value> terms;
    for (Value number : numbers)
      terms.push_back(select(compare(FP::OGE, columns.logit, number), own, none));
    return terms;
  });
  // From the highest down: the first that measures enough is the new low.
  Bracket next = bracket;
  Value open = arith::ConstantOp::create(e.b, e.b.getBoolAttr(true));
  for (int64_t j = parts - 2; j >= 0; --j) {
    Value enough = compare(FP::OGE, sums[j], filter.goal);
    Value isLow = both(open, enough);
    next.low = select(isLow, orders[j], next.low);
    next.atLow = select(isLow, sums[j], next.atLow);
    Value tooFew = arith::ConstantOp::create(e.b, e.b.getBoolAttr(true));
    open = both(open, arith::XOrIOp::create(e.b, enough, tooFew));
    next.high = select(open, orders[j], next.high);
    next.atHigh = select(open, sums[j], next.atHigh);
  }
  return next;
}

/// The last column of the ties that are kept, as many as bring the measure to the goal.
Value TokenDraw::lastTie(const Filter &filter, Kept kept, Value least, Bracket found, Value goal) {
  Value all = select(compare(FP::OEQ, least, kept.least), kept.last,
                     i32(std::numeric_limits<int32_t>::max()));
  Value one = select(filter.counts, f32(1), weight(least));
  Value isLess = compare(FP::OLT, goal, e.math.sub(found.atLow, one));
  Value isEnough = either(isLess, compare(FP::OEQ, goal, e.math.sub(found.atLow, one)));
  return e.when(isEnough, [&] {
    Value wanted = e.math.div(e.math.sub(goal, found.atHigh), one);
    auto isTie = [&](Columns columns) {
      Value tie = both(compare(FP::OEQ, columns.logit, least),
                                        isKept(columns, kept));
      Value on = e.math.constant(columns.logit.getType(), 1);
      return select(tie, on, e.math.constant(columns.logit.getType(), 0));
    };
    return passes.locate(isTie, {[&](Value) { return wanted; }, FP::OGE});
  }, all);
}

TokenDraw::Kept TokenDraw::apply(const Filter &asked, Kept kept) {
  Value total = passes.sums(1, [&](Columns columns) {
    return SmallVector<Value>{measure(asked, columns, kept)};
  })[0];
  Filter filter = asked;
  filter.goal = select(asked.counts, asked.goal, e.math.mul(asked.goal, total));
  Value top = arith::AddIOp::create(e.b, orderOf(o.largest), i32(1));
  Bracket bracket{orderOf(f32(-infinity)), top, total, f32(0)};
  auto found = e.loop(
      e.index(0), e.index(cuts), 1, {bracket.low, bracket.high, bracket.atLow, bracket.atHigh},
      [&](Value iteration, ValueRange old) {
        Value size = arith::SubIOp::create(e.b, old[1], old[0]);
        return e.when(compare(IP::ne, size, i32(1)), [&] {
          Bracket next = narrow(filter, kept, {old[0], old[1], old[2], old[3]}, iteration);
          return SmallVector<Value>{next.low, next.high, next.atLow, next.atHigh};
        }, old);
      },
      /*keepRolled=*/true);
  bracket = {found[0], found[1], found[2], found[3]};
  Value least = numberOf(bracket.low);
  return {least, lastTie(filter, kept, least, bracket, filter.goal)};
}

//===----------------------------------------------------------------------===//

Value TokenDraw::token(Value first) {
  Value isFinite = both(compare(FP::OLT, o.largest, f32(infinity)),
                        compare(FP::OGT, o.largest, f32(-infinity)));
  Value isDrawn =
      both(compare(FP::UNE, o.temperature, f32(0)), compare(IP::ne, o.topK, i32(1)));
  Value otherwise = select(isFinite, first, i32(0));
  return e.when(both(isFinite, isDrawn), [&] {
    // At most the largest number: 0 times it is 0, and 1 the largest's weight.
    Value exact = e.math.div(f32(1.4426950408889634), o.temperature);
    Value most = f32(std::numeric_limits<float>::max());
    rate = select(compare(FP::OLT, exact, most), exact, most);
    cutsNumber = both(compare(IP::sgt, o.topK, i32(0)), compare(IP::slt, o.topK, i32(o.valid)));
    cutsWeight = compare(FP::OLT, o.topP, f32(1));
    return draw();
  }, otherwise);
}

Value TokenDraw::draw() {
  Kept all{f32(-infinity), i32(std::numeric_limits<int32_t>::max())};
  // The same code twice: by number, then by weight.
  Value number = arith::SIToFPOp::create(e.b, e.b.getF32Type(), o.topK);
  auto kept = e.loop(
      e.index(0), e.index(2), 1, {all.least, all.last},
      [&](Value round, ValueRange old) {
        Value counts = arith::CmpIOp::create(e.b, IP::eq, round, e.index(0));
        Value asks = select(counts, cutsNumber, cutsWeight);
        return e.when(asks, [&] {
          Kept next = apply({counts, select(counts, number, o.topP)}, {old[0], old[1]});
          return SmallVector<Value>{next.least, next.last};
        }, old);
      },
      /*keepRolled=*/true);
  auto drawn = [&](Columns columns) {
    Value own = weight(columns.logit);
    Value some = both(isKept(columns, {kept[0], kept[1]}),
                                       compare(FP::OGE, own, o.minP));
    return select(some, own, e.math.constant(own.getType(), 0));
  };
  return passes.locate(
      drawn, {[&](Value total) { return e.math.mul(o.u, total); }, FP::OGT});
}

} // namespace mamba
