// Sampling: a token of each row of logits.
//
// A tile is one row. Greedy: each thread keeps the best of every threads-th
// column, then the best of those is found, the smaller column where they are
// equal. Categorical: each warp sums a segment of the row, groups of 32 columns
// in order; the warp whose segment holds u finds the group, then the column.
#include "passes/gpu/Generator.h"
#include "passes/target/Schedule.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <limits>

using namespace mlir;

namespace mamba {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

class SampleEmission {
public:
  SampleEmission(GpuEmitter &e, SampleParts parts)
      : e(e), p(parts), logits(*e.view(parts.logits)), warps(e.threads / e.warpSize) {}

  KernelGrid run() {
    if (p.argmax)
      greedy();
    else
      categorical();
    return {KernelGrid::Rows, 1, 1, 1};
  }

private:
  struct Best {
    Value value, column;
  };
  /// The larger value; of equal ones the smaller column.
  Best better(Best a, Best b) {
    auto compare = [&](arith::CmpFPredicate predicate) -> Value {
      return arith::CmpFOp::create(e.b, predicate, b.value, a.value);
    };
    Value first = e.both(compare(arith::CmpFPredicate::OEQ), e.less(b.column, a.column));
    Value take = arith::OrIOp::create(e.b, compare(arith::CmpFPredicate::OGT), first);
    return {e.select(take, b.value, a.value), e.select(take, b.column, a.column)};
  }
  Value i32(Value index) { return arith::IndexCastOp::create(e.b, e.b.getI32Type(), index); }
  Value toIndex(Value i32) { return arith::IndexCastOp::create(e.b, e.b.getIndexType(), i32); }
  void write(Value column) { e.store(i32(column), e.resultBuffer(0), e.tile); }

  void greedy() {
    // Lanes that see no number stand on column 0 with the least value.
    auto found = e.loop(e.thread, e.index(p.valid), e.threads, {e.f32(-infinity), e.index(0)},
                        [&](Value column, ValueRange best) {
                          Value value = e.load(logits, e.tile, column);
                          Value more = arith::CmpFOp::create(e.b, arith::CmpFPredicate::OGT, value,
                                                             best[0]);
                          return SmallVector<Value>{e.select(more, value, best[0]),
                                                    e.select(more, column, best[1])};
                        });
    Best best{found[0], found[1]};
    for (int64_t distance = 1; distance < e.warpSize; distance *= 2)
      best = better(best, {e.shuffleXor(best.value, distance),
                           toIndex(e.shuffleXor(i32(best.column), distance))});
    Value values = e.shared({warps}), columns = e.shared({warps}, e.b.getI32Type());
    e.when(e.equal(e.lane, e.index(0)), [&] {
      e.store(best.value, values, e.warp);
      e.store(i32(best.column), columns, e.warp);
    });
    e.barrier();
    e.when(e.equal(e.thread, e.index(0)), [&] {
      Best all{e.load(values, e.index(0)), toIndex(e.load(columns, e.index(0)))};
      for (int64_t i = 1; i < warps; ++i)
        all = better(all, {e.load(values, e.index(i)), toIndex(e.load(columns, e.index(i)))});
      write(all.column);
    });
  }

  /// exp((x - max) / temperature) of this lane's column of a group, 0 beyond the end.
  Value weight(Value group, Value end) {
    Value column = e.add(group, e.lane);
    return e.when(e.less(column, end), [&] {
      Value x = e.math.sub(e.load(logits, e.tile, column), max);
      return e.math.exp2(e.math.mul(x, rate));
    }, e.f32(0));
  }

  Value rowMax() {
    Value largest = e.loop(e.thread, e.index(p.valid), e.threads, e.f32(-infinity),
                           [&](Value column, ValueRange best) {
                             return SmallVector<Value>{
                                 e.math.max(best[0], e.load(logits, e.tile, column))};
                           })[0];
    for (int64_t distance = 1; distance < e.warpSize; distance *= 2)
      largest = e.math.max(largest, e.shuffleXor(largest, distance));
    Value values = e.shared({warps});
    e.when(e.equal(e.lane, e.index(0)), [&] { e.store(largest, values, e.warp); });
    e.barrier();
    largest = e.load(values, e.index(0));
    for (int64_t i = 1; i < warps; ++i)
      largest = e.math.max(largest, e.load(values, e.index(i)));
    return largest;
  }

  void categorical() {
    max = rowMax();
    Value temperature = e.load(*e.view(p.categorical.getTemperature()), e.tile, e.index(0));
    rate = e.math.div(e.f32(1.4426950408889634), temperature);
    int64_t segment = llvm::alignTo(llvm::divideCeil(p.valid, warps), e.warpSize);
    Value from = e.min(e.mul(e.warp, segment), e.index(p.valid));
    Value to = e.min(e.add(from, segment), e.index(p.valid));
    Value sum = e.loop(from, to, e.warpSize, e.f32(0), [&](Value group, ValueRange sum) {
      return SmallVector<Value>{e.math.add(sum[0], e.warpSum(weight(group, to)))};
    })[0];
    Value sums = e.shared({warps});
    e.when(e.equal(e.lane, e.index(0)), [&] { e.store(sum, sums, e.warp); });
    e.barrier();
    // before: the sum of the segments before this warp's.
    Value total = e.f32(0), before = e.f32(0);
    for (int64_t i = 0; i < warps; ++i) {
      before = e.select(e.equal(e.warp, e.index(i)), total, before);
      total = e.math.add(total, e.load(sums, e.index(i)));
    }
    Value u = e.load(*e.view(p.categorical.getU()), e.tile, e.index(0));
    Value target = e.math.max(e.f32(0), e.math.mul(u, total));
    auto above = [&](Value x) -> Value {
      return arith::CmpFOp::create(e.b, arith::CmpFPredicate::OGT, x, target);
    };
    auto notAbove = [&](Value x) -> Value {
      return arith::CmpFOp::create(e.b, arith::CmpFPredicate::ULE, x, target);
    };
    // The warp of the crossing; rounding may leave none, then the last warp
    // that has a weight.
    Value crosses = e.both(above(e.math.add(before, sum)), notAbove(before));
    Value rest = e.f32(0);
    for (int64_t i = warps - 1; i > 0; --i) {
      Value behind = e.less(e.warp, e.index(i));
      rest = e.select(behind, e.math.add(rest, e.load(sums, e.index(i))), rest);
    }
    Value none = notAbove(total);
    Value isLast = e.both(none, e.both(positive(sum), isZero(rest)));
    Value some = positive(total);
    Value mine = e.both(some, arith::OrIOp::create(e.b, crosses, isLast));
    Value weights = e.shared({warps, e.warpSize});
    e.when(mine, [&] { search(from, to, before, target, weights); });
    Value noWeight = arith::XOrIOp::create(
        e.b, some, arith::ConstantOp::create(e.b, e.b.getBoolAttr(true)));
    e.when(e.both(noWeight, e.equal(e.thread, e.index(0))), [&] { write(e.index(0)); });
  }

  Value positive(Value x) {
    return arith::CmpFOp::create(e.b, arith::CmpFPredicate::OGT, x, e.f32(0));
  }
  Value isZero(Value x) {
    return arith::CmpFOp::create(e.b, arith::CmpFPredicate::OEQ, x, e.f32(0));
  }

  /// By one warp: the first column where the sum exceeds the target, else the
  /// last with a weight. Sums go as above, by groups.
  void search(Value from, Value to, Value before, Value target, Value weights) {
    // The column is -1 until it is found; `last` has the last with a weight.
    Value none = e.index(-1);
    auto found = e.loop(from, to, e.warpSize, {before, none, none}, [&](Value group, ValueRange old) {
      Value mine = weight(group, to);
      Value sum = e.math.add(old[0], e.warpSum(mine));
      e.store(mine, weights, {e.warp, e.lane});
      e.warpBarrier();
      // Every lane goes through the group in order.
      auto inGroup = e.loop(e.index(0), e.index(e.warpSize), 1, {old[0], old[1], old[2]},
                            [&](Value i, ValueRange state) {
        Value w = e.load(weights, {e.warp, i});
        Value next = e.math.add(state[0], w), column = e.add(group, i);
        Value crossed = arith::CmpFOp::create(e.b, arith::CmpFPredicate::OGT, next, target);
        Value first = e.both(crossed, e.equal(state[1], none));
        return SmallVector<Value>{next, e.select(e.both(first, positive(w)), column, state[1]),
                                  e.select(positive(w), column, state[2])};
      });
      e.warpBarrier();
      return SmallVector<Value>{sum, inGroup[1], inGroup[2]};
    });
    Value column = e.select(e.equal(found[1], none), found[2], found[1]);
    e.when(e.equal(e.lane, e.index(0)), [&] { write(column); });
  }

  GpuEmitter &e;
  SampleParts p;
  View logits;
  int64_t warps;
  Value max, rate;
};

class SampleGenerator : public GpuGenerator {
public:
  StringRef family() const override { return "sample"; }

  bool canGenerate(ssm::KernelOp kernel, const Target &target, std::string &reason) const override {
    return matchSample(kernel, reason).has_value();
  }

  ssm::ScheduleAttr schedule(ssm::KernelOp kernel, const Target &target,
                             TokenClass tokens) const override {
    std::string reason;
    int64_t threads =
        std::clamp<int64_t>(llvm::alignTo(matchSample(kernel, reason)->valid, 32), 32, 512);
    return Schedule{.rowBlock = 1, .threads = threads}.get(kernel.getContext());
  }

  KernelGrid generate(GpuEmitter &e) const override {
    std::string reason;
    return SampleEmission(e, *matchSample(e.kernel, reason)).run();
  }

protected:
  bool checkSchedule(ssm::KernelOp kernel, const Target &target, ssm::ScheduleAttr s, Needs &needs,
                     std::string &reason) const override {
    needs = {s.getThreads() * 4 + s.getThreads() / 32 * 8, 32};
    return true;
  }
};

} // namespace

std::unique_ptr<GpuGenerator> createGpuSampleGenerator() {
  return std::make_unique<SampleGenerator>();
}

} // namespace mamba
