// Sampling: a token of each row of logits, by plain loops over the columns.
//
// A tile is one row.
#include "passes/cpu/Generator.h"
#include "passes/target/Schedule.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

#include <limits>

using namespace mlir;

namespace mamba {
namespace {

class SampleEmission {
public:
  SampleEmission(CpuEmitter &e, SampleParts parts)
      : e(e), p(parts), logits(*e.view(parts.logits)) {}

  KernelGrid run() {
    Value column = largest()[1];
    if (p.categorical)
      column = categorical();
    Value token = arith::IndexCastOp::create(e.b, e.b.getI32Type(), column);
    memref::StoreOp::create(e.b, token, e.resultBuffer(0), e.tile);
    return {KernelGrid::Rows, 1, 1, 1};
  }

private:
  Value f32(double value) { return e.math.constant(e.b.getF32Type(), value); }
  Value number(const View &view, Value column) {
    return memref::LoadOp::create(e.b, view.buffer, ValueRange{e.tile, e.add(column, view.offset)});
  }
  Value greater(Value x, Value y) {
    return arith::CmpFOp::create(e.b, arith::CmpFPredicate::OGT, x, y);
  }
  Value select(Value condition, Value x, Value y) {
    return arith::SelectOp::create(e.b, condition, x, y);
  }

  /// The largest logit and its first column.
  SmallVector<Value> largest() {
    Value least = f32(-std::numeric_limits<double>::infinity());
    return e.loop(e.index(0), e.index(p.valid), 1, {least, e.index(0)},
                  [&](Value column, ValueRange best) {
                    Value value = number(logits, column);
                    Value more = greater(value, best[0]);
                    return SmallVector<Value>{select(more, value, best[0]),
                                              select(more, column, best[1])};
                  });
  }

  Value weight(Value column, Value max, Value rate) {
    return e.math.exp2(e.math.mul(e.math.sub(number(logits, column), max), rate));
  }

  Value categorical() {
    Value max = largest()[0], zero = e.index(0), end = e.index(p.valid);
    Value temperature = number(*e.view(p.categorical.getTemperature()), zero);
    Value rate = e.math.div(f32(1.4426950408889634), temperature);
    Value total = e.loop(zero, end, 1, f32(0), [&](Value column, ValueRange sum) {
      return SmallVector<Value>{e.math.add(sum[0], weight(column, max, rate))};
    })[0];
    Value target = e.math.mul(number(*e.view(p.categorical.getU()), zero), total);
    // The first column where the sum exceeds the target, -1 until then, and the
    // last that has a weight.
    Value none = e.index(-1);
    auto found = e.loop(zero, end, 1, {f32(0), none, none}, [&](Value column, ValueRange old) {
      Value w = weight(column, max, rate), sum = e.math.add(old[0], w);
      Value some = greater(w, f32(0));
      Value unset = arith::CmpIOp::create(e.b, arith::CmpIPredicate::eq, old[1], none);
      Value first = arith::AndIOp::create(e.b, greater(sum, target),
                                          arith::AndIOp::create(e.b, unset, some));
      return SmallVector<Value>{sum, select(first, column, old[1]), select(some, column, old[2])};
    });
    Value unset = arith::CmpIOp::create(e.b, arith::CmpIPredicate::eq, found[1], none);
    Value drawn = select(unset, found[2], found[1]);
    return select(greater(total, f32(0)), drawn, zero);
  }

  CpuEmitter &e;
  SampleParts p;
  View logits;
};

class SampleGenerator : public CpuGenerator {
public:
  StringRef family() const override { return "sample"; }

  bool canGenerate(ssm::KernelOp kernel, const Target &target, std::string &reason) const override {
    return matchSample(kernel, reason).has_value() && readsOnlyF32(kernel, reason);
  }

  ssm::ScheduleAttr schedule(ssm::KernelOp kernel, const Target &target,
                             TokenClass tokens) const override {
    return Schedule{.lanes = target.lanes, .rowBlock = 1}.get(kernel.getContext());
  }

  KernelGrid generate(CpuEmitter &e) const override {
    std::string reason;
    return SampleEmission(e, *matchSample(e.kernel, reason)).run();
  }

protected:
  bool checkSchedule(ssm::KernelOp kernel, const Target &target, ssm::ScheduleAttr s,
                     std::string &reason) const override {
    if (s.getRowBlock() != 1) {
      reason = "row_block must be 1, got " + std::to_string(s.getRowBlock());
      return false;
    }
    return true;
  }
};

} // namespace

std::unique_ptr<CpuGenerator> createSampleGenerator() {
  return std::make_unique<SampleGenerator>();
}

} // namespace mamba
