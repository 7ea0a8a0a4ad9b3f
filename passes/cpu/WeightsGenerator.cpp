// The recipe: changes of layout and precision of weights, run once at load.
//
// A tile is one panel of a packed matrix, or `col_block` elements of anything
// else, element by element.
#include "passes/cpu/Generator.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace mamba {
namespace {

bool match(ssm::KernelOp kernel, std::string &reason) {
  if (kernel.getNumResults() != 1 || kernel.getBlock().without_terminator().empty())
    return false;
  for (Operation &op : kernel.getBlock().without_terminator())
    if (!isa<ssm::CastOp, ssm::ReshapeOp, ssm::DecayOp, ssm::ScaleOp, ssm::ScaleColumnsOp,
             ssm::PackOp, ssm::UnpackOp>(op))
      return false;
  Value yielded = kernel.getBlock().getTerminator()->getOperand(0);
  auto type = dyn_cast<RankedTensorType>(yielded.getType());
  if (!type || !type.hasStaticShape() || !yielded.getDefiningOp())
    return false;
  // The pack's padding has no source: it must be the last step.
  for (auto pack : kernel.getBlock().getOps<ssm::PackOp>())
    if (pack.getResult() != yielded) {
      reason = "an op after 'ssm.pack'";
      return false;
    }
  return true;
}

/// The element of a value at an index, from the elements of its operands.
class Element {
public:
  explicit Element(KernelEmitter &e) : e(e) {}

  Value at(Value value, ArrayRef<Value> index) {
    if (isa<BlockArgument>(value))
      return memref::LoadOp::create(e.b, e.buffer(value), index);
    Operation *op = value.getDefiningOp();
    if (auto cast = dyn_cast<ssm::CastOp>(op))
      return convert(at(cast.getX(), index), elementType(cast.getX()), elementType(value));
    if (auto reshape = dyn_cast<ssm::ReshapeOp>(op))
      return at(reshape.getX(), delinearize(linearize(index, shape(value)), shape(reshape.getX())));
    if (auto decay = dyn_cast<ssm::DecayOp>(op))
      return arith::NegFOp::create(e.b, e.math.exp(at(decay.getALog(), index)));
    if (auto scale = dyn_cast<ssm::ScaleOp>(op)) {
      Value x = at(scale.getX(), index);
      return e.math.mul(x, e.math.constant(x.getType(), scale.getFactor().convertToDouble()));
    }
    if (auto columns = dyn_cast<ssm::ScaleColumnsOp>(op))
      return e.math.mul(at(columns.getX(), index), at(columns.getS(), index.back()));
    auto unpack = ::cast<ssm::UnpackOp>(op);
    int64_t block = shape(unpack.getX()).back();
    return at(unpack.getX(), {e.div(index[0], e.index(block)), index[1], e.rem(index[0], e.index(block))});
  }

  SmallVector<Value> delinearize(Value linear, ArrayRef<int64_t> shape) {
    SmallVector<Value> index(shape.size());
    for (int64_t i = shape.size() - 1; i > 0; --i) {
      index[i] = e.rem(linear, e.index(shape[i]));
      linear = e.div(linear, e.index(shape[i]));
    }
    if (!shape.empty())
      index[0] = linear;
    return index;
  }

  static ArrayRef<int64_t> shape(Value v) { return ::cast<RankedTensorType>(v.getType()).getShape(); }
  static Type elementType(Value v) { return ::cast<RankedTensorType>(v.getType()).getElementType(); }

private:
  Value linearize(ArrayRef<Value> index, ArrayRef<int64_t> shape) {
    Value linear = e.index(0);
    for (auto [i, size] : llvm::zip_equal(index, shape))
      linear = e.add(e.mul(linear, size), i);
    return linear;
  }
  /// Between types as they lie in memory, bf16 as its bits.
  Value convert(Value x, Type from, Type to) {
    if (from == to)
      return x;
    if (from.isBF16())
      x = fromBf16(x);
    else if (from.isF16())
      x = arith::ExtFOp::create(e.b, e.b.getF32Type(), x);
    if (to.isBF16())
      return toBf16(x);
    return to.isF16() ? arith::TruncFOp::create(e.b, to, x) : x;
  }
  Value i32(int64_t value) {
    return arith::ConstantOp::create(e.b, e.b.getI32IntegerAttr(value));
  }
  Value fromBf16(Value bits) {
    Value wide = arith::ExtUIOp::create(e.b, e.b.getI32Type(), bits);
    wide = arith::ShLIOp::create(e.b, wide, i32(16));
    return arith::BitcastOp::create(e.b, e.b.getF32Type(), wide);
  }
  /// To nearest, ties to even; a NaN stays one.
  Value toBf16(Value x) {
    Value bits = arith::BitcastOp::create(e.b, e.b.getI32Type(), x);
    Value high = arith::ShRUIOp::create(e.b, bits, i32(16));
    Value odd = arith::AndIOp::create(e.b, high, i32(1));
    Value rounded = arith::AddIOp::create(e.b, bits, arith::AddIOp::create(e.b, odd, i32(0x7fff)));
    rounded = arith::ShRUIOp::create(e.b, rounded, i32(16));
    Value quiet = arith::OrIOp::create(e.b, high, i32(0x40));
    Value isNan = arith::CmpFOp::create(e.b, arith::CmpFPredicate::UNO, x, x);
    Value result = arith::SelectOp::create(e.b, isNan, quiet, rounded);
    return arith::TruncIOp::create(e.b, e.b.getIntegerType(16), result);
  }

  KernelEmitter &e;
};

class WeightsGenerator : public CpuGenerator {
public:
  StringRef family() const override { return "weights"; }

  bool canGenerate(ssm::KernelOp kernel, const Target &target, std::string &reason) const override {
    return match(kernel, reason);
  }

  ssm::ScheduleAttr schedule(ssm::KernelOp kernel, const Target &target,
                             TokenClass tokens) const override {
    return ssm::ScheduleAttr::get(kernel.getContext(), target.lanes, 0, 16384, 0, 0, 16, 0, 0);
  }

  KernelGrid generate(KernelEmitter &e) const override {
    Element element(e);
    Value yielded = e.kernel.getBlock().getTerminator()->getOperand(0);
    Value out = e.resultBuffer(0);
    if (auto pack = yielded.getDefiningOp<ssm::PackOp>()) {
      packPanel(e, element, pack, out);
      return {KernelGrid::Constant, Element::shape(yielded)[0], 1, 1};
    }
    int64_t count = ::cast<RankedTensorType>(yielded.getType()).getNumElements();
    int64_t block = e.schedule.getColBlock();
    Value from = e.mul(e.tile, block), to = e.min(e.add(from, block), e.index(count));
    e.loop(from, to, 1, [&](Value i) {
      SmallVector<Value> index = element.delinearize(i, Element::shape(yielded));
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
  static void packPanel(KernelEmitter &e, Element &element, ssm::PackOp pack, Value out) {
    ArrayRef<int64_t> from = Element::shape(pack.getX());
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
