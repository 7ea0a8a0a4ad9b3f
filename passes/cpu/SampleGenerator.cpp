// Sampling: a token of each row of logits.
//
// A tile is one row.
#include "passes/cpu/Generator.h"
#include "passes/target/Sampling.h"
#include "passes/target/Schedule.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <cmath>
#include <limits>
#include <numeric>

using namespace mlir;

namespace mamba {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Vectors of columns, in order.
class CpuPasses : public LogitPasses {
public:
  CpuPasses(CpuEmitter &e, View logits, int64_t valid) : e(e), logits(logits), valid(valid) {
    this->logits.columns = valid;
  }

  /// A vector of columns; the logit of those beyond the end is `beyond`.
  Columns vectorAt(Value column, double beyond) {
    Value number = numbersFrom(column), logit = e.load(logits, e.tile, column);
    if (Value inside = e.edgeMask(column, valid))
      logit = arith::SelectOp::create(e.b, inside, logit,
                                      e.math.constant(e.vectorType, beyond));
    return {logit, number};
  }

  SmallVector<Value> sums(int64_t count, const Terms &terms) override {
    auto found = e.loop(e.index(0), e.index(valid), e.lanes, SmallVector<Value>(count, e.zero()),
                        [&](Value column, ValueRange old) {
                          SmallVector<Value> next = terms(vectorAt(column, NAN));
                          for (auto [sum, before] : llvm::zip_equal(next, old))
                            sum = e.math.add(before, sum);
                          return next;
                        });
    for (Value &sum : found)
      sum = e.math.sum(sum);
    return found;
  }

  Value locate(const Term &term, const Goal &goal) override {
    Value total = sums(1, [&](Columns columns) { return SmallVector<Value>{term(columns)}; })[0];
    Value wanted = goal.of(total), zero = e.math.constant(e.b.getF32Type(), 0);
    // The vector of columns in which the sum passes, or else the last that has a
    // term, and the sum before it; then the same by columns.
    auto step = [&](Value own, Value at, ValueRange old) {
      Value sum = e.math.add(old[0], own);
      Value some = arith::CmpFOp::create(e.b, arith::CmpFPredicate::OGT, own, zero);
      Value passes = arith::CmpFOp::create(e.b, goal.passes, sum, wanted);
      Value open = e.less(old[1], e.index(0));
      passes = arith::AndIOp::create(e.b, arith::AndIOp::create(e.b, passes, some), open);
      return SmallVector<Value>{sum, select(passes, at, old[1]), select(passes, old[0], old[2]),
                                select(some, at, old[3])};
    };
    Value none = e.index(-1);
    auto vectors = e.loop(e.index(0), e.index(valid), e.lanes, {zero, none, zero, none},
                          [&](Value column, ValueRange old) {
                            return step(e.math.sum(term(vectorAt(column, NAN))), column, old);
                          });
    Value isFound = e.less(none, vectors[1]);
    Value first = e.max(select(isFound, vectors[1], vectors[3]), e.index(0));
    Value before = select(isFound, vectors[2], e.math.constant(e.b.getF32Type(), -infinity));
    auto columns = e.loop(first, e.min(e.add(first, e.lanes), e.index(valid)), 1,
                          {before, none, zero, none}, [&](Value column, ValueRange old) {
                            Value number =
                                arith::IndexCastOp::create(e.b, e.b.getI32Type(), column);
                            Value at = e.add(column, logits.offset);
                            Value logit = memref::LoadOp::create(e.b, logits.buffer,
                                                                 ValueRange{e.tile, at});
                            return step(term({logit, number}), column, old);
                          });
    Value column = select(e.less(none, columns[1]), columns[1], columns[3]);
    return arith::IndexCastOp::create(e.b, e.b.getI32Type(), e.max(column, e.index(0)));
  }

  Value select(Value condition, Value x, Value y) {
    return arith::SelectOp::create(e.b, condition, x, y);
  }

private:
  Value numbersFrom(Value column) {
    SmallVector<int32_t> steps(e.lanes);
    std::iota(steps.begin(), steps.end(), 0);
    auto type = VectorType::get({e.lanes}, e.b.getI32Type());
    Value all = arith::ConstantOp::create(e.b, DenseElementsAttr::get(type, ArrayRef(steps)));
    Value first = arith::IndexCastOp::create(e.b, e.b.getI32Type(), column);
    return arith::AddIOp::create(e.b, vector::BroadcastOp::create(e.b, type, first), all);
  }

  CpuEmitter &e;
  View logits;
  int64_t valid;
};

class SampleEmission {
public:
  SampleEmission(CpuEmitter &e, SampleParts parts)
      : e(e), p(parts), passes(e, *e.view(parts.logits), parts.valid) {}

  KernelGrid run() {
    Largest largest = find();
    Value token = p.argmax ? largest.column : draw(largest);
    for (unsigned i = 0; i < e.kernel.getNumResults(); ++i)
      if (!p.sample || yielded(e.kernel, i) == p.sample.getToken())
        memref::StoreOp::create(e.b, token, e.resultBuffer(i), e.tile);
      else
        memref::StoreOp::create(e.b, largest.logit, e.resultBuffer(i),
                                ValueRange{e.tile, e.index(0)});
    return {KernelGrid::Rows, 1, 1, 1};
  }

private:
  /// Its first column (i32).
  struct Largest {
    Value logit, column;
  };
  Value compare(arith::CmpFPredicate predicate, Value x, Value y) {
    return arith::CmpFOp::create(e.b, predicate, x, y);
  }
  Value f32(double value) { return e.math.constant(e.b.getF32Type(), value); }

  /// Of ssm.sample the logit is NaN if one is.
  Largest find() {
    using P = arith::CmpFPredicate;
    Value least = e.math.constant(e.vectorType, -infinity);
    Value first = arith::ConstantOp::create(
        e.b, DenseElementsAttr::get(VectorType::get({e.lanes}, e.b.getI32Type()), int32_t(0)));
    auto lanes = e.loop(e.index(0), e.index(p.valid), e.lanes, {least, first, e.zero()},
                        [&](Value column, ValueRange old) {
                          auto [logit, number] = passes.vectorAt(column, -infinity);
                          Value more = compare(P::OGT, logit, old[0]);
                          Value bad = compare(P::UNO, logit, logit);
                          return SmallVector<Value>{passes.select(more, logit, old[0]),
                                                    passes.select(more, number, old[1]),
                                                    passes.select(bad, logit, old[2])};
                        });
    Largest all;
    Value bad = f32(0);
    for (int64_t i = 0; i < e.lanes; ++i) {
      auto lane = [&](unsigned value) -> Value {
        return vector::ExtractOp::create(e.b, lanes[value], ArrayRef<int64_t>{i});
      };
      Largest own{lane(0), lane(1)};
      bad = passes.select(compare(P::UNO, lane(2), lane(2)), lane(2), bad);
      if (i == 0) {
        all = own;
        continue;
      }
      Value isFirst =
          arith::CmpIOp::create(e.b, arith::CmpIPredicate::slt, own.column, all.column);
      Value take = arith::OrIOp::create(
          e.b, compare(P::OGT, own.logit, all.logit),
          arith::AndIOp::create(e.b, compare(P::OEQ, own.logit, all.logit), isFirst));
      all = {passes.select(take, own.logit, all.logit),
             passes.select(take, own.column, all.column)};
    }
    if (p.sample)
      all.logit = passes.select(compare(P::UNO, bad, bad), bad, all.logit);
    return all;
  }

  Value number(Value operand) {
    View view = *e.view(operand);
    return memref::LoadOp::create(e.b, view.buffer,
                                  ValueRange{e.tile, e.index(view.offset)});
  }

  Value draw(Largest largest) {
    Value topK = memref::LoadOp::create(e.b, e.buffer(p.sample.getTopK()), e.tile);
    TokenDraw::Options options{largest.logit, number(p.sample.getU()),
                               number(p.sample.getTemperature()), topK,
                               number(p.sample.getTopP()), number(p.sample.getMinP()), p.valid};
    return TokenDraw(e, passes, options).token(largest.column);
  }

  CpuEmitter &e;
  SampleParts p;
  CpuPasses passes;
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
