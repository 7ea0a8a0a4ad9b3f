// The recipe: changes of layout and precision of weights, run once at load.
//
// A tile is one panel of a packed matrix, or `col_block` elements of anything
// else, element by element.
#include "passes/cpu/Generator.h"
#include "passes/target/Schedule.h"
#include "passes/target/WeightElement.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace mamba {
namespace {

class WeightsGenerator : public CpuGenerator {
public:
  StringRef family() const override { return "weights"; }

  bool canGenerate(ssm::KernelOp kernel, const Target &target, std::string &reason) const override {
    return matchWeights(kernel, reason);
  }

  ssm::ScheduleAttr schedule(ssm::KernelOp kernel, const Target &target,
                             TokenClass tokens) const override {
    return Schedule{.lanes = target.lanes, .colBlock = 16384, .kBlock = 16}.get(kernel.getContext());
  }

  KernelGrid generate(CpuEmitter &e) const override {
    WeightElement element(e);
    Value yielded = e.kernel.getBlock().getTerminator()->getOperand(0);
    Value out = e.resultBuffer(0);
    if (auto pack = yielded.getDefiningOp<ssm::PackOp>()) {
      packPanel(e, element, pack, out);
      return {KernelGrid::Constant, WeightElement::shape(yielded)[0], 1, 1};
    }
    int64_t count = ::cast<RankedTensorType>(yielded.getType()).getNumElements();
    int64_t block = e.schedule.getColBlock();
    Value from = e.mul(e.tile, block), to = e.min(e.add(from, block), e.index(count));
    e.loop(from, to, 1, [&](Value i) {
      SmallVector<Value> index = element.delinearize(i, WeightElement::shape(yielded));
      memref::StoreOp::create(e.b, element.at(yielded, index), out, index);
    });
    return {KernelGrid::Constant, count, block, 1};
  }

protected:
  bool checkSchedule(ssm::KernelOp kernel, const Target &target, ssm::ScheduleAttr s,
                     std::string &reason) const override {
    if (s.getColBlock() <= 0 || s.getKBlock() <= 0) {
      reason = "a recipe needs positive col_block and k_block";
      return false;
    }
    return true;
  }

private:
  /// One panel [K, block], in squares that read whole cache lines of rows.
  static void packPanel(CpuEmitter &e, WeightElement &element, ssm::PackOp pack, Value out) {
    ArrayRef<int64_t> from = WeightElement::shape(pack.getX());
    int64_t block = pack.getBlock(), step = e.schedule.getKBlock();
    e.loop(e.index(0), e.index(from[1]), step, [&](Value k0) {
      Value kEnd = e.min(e.add(k0, step), e.index(from[1]));
      e.loop(e.index(0), e.index(block), 1, [&](Value j) {
        Value row = e.add(e.mul(e.tile, block), j);
        e.loop(k0, kEnd, 1, [&](Value k) {
          SmallVector<Value> to = {e.tile, k, j};
          if (from[0] % block == 0) {
            memref::StoreOp::create(e.b, element.at(pack.getX(), {row, k}), out, to);
            return;
          }
          e.when(e.less(row, e.index(from[0])), [&] {
            memref::StoreOp::create(e.b, element.at(pack.getX(), {row, k}), out, to);
          });
          e.when(e.less(e.index(from[0] - 1), row), [&] {
            Type element = ::cast<MemRefType>(out.getType()).getElementType();
            Value zero = arith::ConstantOp::create(e.b, e.b.getZeroAttr(element));
            memref::StoreOp::create(e.b, zero, out, to);
          });
        });
      });
    });
  }
};

} // namespace

std::unique_ptr<CpuGenerator> createWeightsGenerator() {
  return std::make_unique<WeightsGenerator>();
}

} // namespace mamba
