// The recipe: changes of layout and precision of weights, run once at load.
//
// A tile is one panel of a packed matrix, or `col_block` elements of anything
// else. What a model's matrices are made of is made many elements at a time, the
// rest element by element.
#include "passes/cpu/Generator.h"
#include "passes/cpu/WeightRow.h"
#include "passes/target/Schedule.h"
#include "passes/target/WeightElement.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

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
      if (movesWords(e, pack))
        packWords(e, pack, out);
      else if (movesSides(pack))
        packSides(e, pack, out);
      else
        packElements(e, element, pack, out);
      return {KernelGrid::Constant, WeightElement::shape(yielded)[0], 1, 1};
    }
    if (WeightRow::makes(yielded))
      return makeRows(e, yielded, out);
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
  /// A matrix row by row, some rows a tile.
  static KernelGrid makeRows(CpuEmitter &e, Value matrix, Value out) {
    ArrayRef<int64_t> shape = WeightElement::shape(matrix);
    int64_t piece = WeightRow::pieceOf(matrix);
    int64_t rows = std::max<int64_t>(1, e.schedule.getColBlock() / shape[1]);
    Value from = e.mul(e.tile, rows), to = e.min(e.add(from, rows), e.index(shape[0]));
    int64_t whole = shape[1] / piece * piece;
    e.loop(from, to, 1, [&](Value row) {
      e.loop(e.index(0), e.index(whole), piece, [&](Value k) {
        vector::StoreOp::create(e.b, WeightRow(e).at(matrix, row, k, piece), out, ValueRange{row, k});
      });
      if (whole == shape[1])
        return;
      // One by one: LLVM makes a store of four bytes of a masked store of one.
      Value last = WeightRow(e).at(matrix, row, e.index(whole), piece);
      for (int64_t k = whole; k < shape[1]; ++k)
        memref::StoreOp::create(e.b, vector::ExtractOp::create(e.b, last, k - whole), out,
                                ValueRange{row, e.index(k)});
    });
    return {KernelGrid::Constant, shape[0], rows, 1};
  }

  static int64_t bytesOf(Value matrix) {
    return WeightElement::elementType(matrix).getIntOrFloatBitWidth() / 8;
  }

  /// Whether rows are made by pieces that consist of 32-bit words, and the elements
  /// of a word that stand side by side in a panel are all, or one.
  static bool movesWords(CpuEmitter &e, ssm::PackOp pack) {
    Value x = pack.getX();
    if (!WeightRow::makes(x) || pack.getBlock() % e.lanes)
      return false;
    int64_t aWord = 4 / bytesOf(x), side = pack.getInterleave();
    return WeightRow::pieceOf(x) % aWord == 0 && (side == 1 || side == aWord);
  }

  /// Whether the elements of a row that stand side by side are eight bytes.
  static bool movesSides(ssm::PackOp pack) {
    Value x = pack.getX();
    int64_t side = pack.getInterleave();
    return WeightRow::makes(x) && side * bytesOf(x) == 8 && WeightRow::pieceOf(x) % side == 0;
  }

  /// One panel: a piece of each of its rows, and from registers its sides.
  static void packSides(CpuEmitter &e, ssm::PackOp pack, Value out) {
    Value x = pack.getX();
    ArrayRef<int64_t> from = WeightElement::shape(x), to = WeightElement::shape(pack);
    int64_t block = pack.getBlock(), side = pack.getInterleave(), piece = WeightRow::pieceOf(x);
    auto sidesType = VectorType::get({piece / side * 2}, e.b.getF32Type());
    Type stored = ::cast<MemRefType>(out.getType()).getElementType();
    Value row0 = e.mul(e.tile, block), none = e.math.constant(sidesType, 0);
    e.loop(e.index(0), e.index(from[1]), piece, [&](Value k0) {
      e.loop(e.index(0), e.index(block), 1, [&](Value j) {
        Value row = e.add(row0, j), step0 = e.div(k0, e.index(side));
        Value made = e.when(e.less(row, e.index(from[0])), [&]() -> Value {
          return vector::BitCastOp::create(e.b, sidesType, WeightRow(e).at(x, row, k0, piece));
        }, none);
        for (int64_t i = 0; i < piece / side; ++i) {
          Value one = vector::ExtractStridedSliceOp::create(
              e.b, made, ArrayRef<int64_t>{2 * i}, ArrayRef<int64_t>{2}, ArrayRef<int64_t>{1});
          one = vector::BitCastOp::create(e.b, VectorType::get({side}, stored), one);
          auto put = [&] {
            vector::StoreOp::create(e.b, one, out,
                                    ValueRange{e.tile, e.add(step0, i), e.mul(j, side)});
          };
          if (to[1] * side % piece == 0)
            put();
          else
            e.when(e.less(e.add(step0, i), e.index(to[1])), put);
        }
      });
    });
  }

  /// One panel: a piece of each of its rows to scratch memory, then from there words
  /// of as many rows as there are lanes.
  static void packWords(CpuEmitter &e, ssm::PackOp pack, Value out) {
    Value x = pack.getX();
    ArrayRef<int64_t> from = WeightElement::shape(x), to = WeightElement::shape(pack);
    int64_t block = pack.getBlock(), side = pack.getInterleave(), piece = WeightRow::pieceOf(x);
    int64_t aWord = 4 / bytesOf(x), words = piece / aWord;
    Value square = e.scratch(block, words), row0 = e.mul(e.tile, block);
    auto wordsType = VectorType::get({words}, e.b.getF32Type());
    SmallVector<int32_t> steps;
    for (int64_t i = 0; i < e.lanes; ++i)
      steps.push_back(i * words);
    auto offsetType = VectorType::get({e.lanes}, e.b.getI32Type());
    Value offsets = arith::ConstantOp::create(e.b, DenseElementsAttr::get(offsetType, ArrayRef(steps)));
    Value all = arith::ConstantOp::create(
        e.b, DenseElementsAttr::get(offsetType.clone(e.b.getI1Type()), true));
    e.loop(e.index(0), e.index(from[1]), piece, [&](Value k0) {
      e.loop(e.index(0), e.index(block), 1, [&](Value j) {
        Value row = e.add(row0, j), none = e.math.constant(wordsType, 0);
        Value made = e.when(e.less(row, e.index(from[0])), [&]() -> Value {
          return vector::BitCastOp::create(e.b, wordsType, WeightRow(e).at(x, row, k0, piece));
        }, none);
        vector::StoreOp::create(e.b, made, square, ValueRange{j, e.index(0)});
      });
      Value end = e.index(to[1]), step0 = e.div(k0, e.index(side));
      e.loop(e.index(0), e.index(block), e.lanes, [&](Value j) {
        for (int64_t word = 0; word < words; ++word) {
          Value moved = vector::GatherOp::create(e.b, e.vectorType, square,
                                                 ValueRange{j, e.index(word)}, offsets, all, e.zero());
          for (int64_t i = 0; i < aWord / side; ++i) {
            Value step = e.add(step0, word * (aWord / side) + i);
            auto put = [&] {
              vector::StoreOp::create(e.b, partOf(e, moved, i, x, side), out,
                                      ValueRange{e.tile, step, e.mul(j, side)});
            };
            if (to[1] * side % piece == 0)
              put();
            else
              e.when(e.less(step, end), put);
          }
        }
      });
    });
  }

  /// The i-th element of each word, or all as they lie there.
  static Value partOf(CpuEmitter &e, Value words, int64_t i, Value x, int64_t side) {
    int64_t bits = bytesOf(x) * 8;
    Type stored = bits == 32   ? e.b.getF32Type()
                  : bits == 16 ? Type(WeightElement::elementType(x).isF16() ? Type(e.b.getF16Type())
                                                                             : e.b.getI16Type())
                               : e.b.getI8Type();
    if (side * bits == 32)
      return vector::BitCastOp::create(e.b, VectorType::get({e.lanes * side}, stored), words);
    auto type = VectorType::get({e.lanes}, e.b.getI32Type());
    Value by = arith::ConstantOp::create(
        e.b, DenseElementsAttr::get(type, e.b.getI32IntegerAttr(i * bits)));
    Value shifted = arith::ShRUIOp::create(e.b, arith::BitcastOp::create(e.b, type, words), by);
    auto narrow = VectorType::get({e.lanes}, e.b.getIntegerType(bits));
    Value part = arith::TruncIOp::create(e.b, narrow, shifted);
    return stored.isF16() ? Value(arith::BitcastOp::create(e.b, narrow.clone(stored), part)) : part;
  }

  /// One panel element by element, in squares that read whole cache lines of rows.
  static void packElements(CpuEmitter &e, WeightElement &element, ssm::PackOp pack, Value out) {
    ArrayRef<int64_t> from = WeightElement::shape(pack.getX()), to = WeightElement::shape(pack);
    int64_t block = pack.getBlock(), side = pack.getInterleave(), step = e.schedule.getKBlock();
    Value end = e.index(to[1] * side);
    e.loop(e.index(0), end, step, [&](Value k0) {
      Value kEnd = e.min(e.add(k0, step), end);
      e.loop(e.index(0), e.index(block), 1, [&](Value j) {
        Value row = e.add(e.mul(e.tile, block), j);
        e.loop(k0, kEnd, 1, [&](Value k) {
          Value place = e.add(e.mul(j, side), e.rem(k, e.index(side)));
          auto put = [&](Value x) {
            memref::StoreOp::create(e.b, x, out,
                                    ValueRange{e.tile, e.div(k, e.index(side)), place});
          };
          if (from[0] % block == 0 && from[1] % side == 0)
            return put(element.at(pack.getX(), {row, k}));
          Value inside = arith::AndIOp::create(e.b, e.less(row, e.index(from[0])),
                                               e.less(k, e.index(from[1])));
          Type stored = ::cast<MemRefType>(out.getType()).getElementType();
          Value zero = arith::ConstantOp::create(e.b, e.b.getZeroAttr(stored));
          put(e.when(inside, [&] { return element.at(pack.getX(), {row, k}); }, zero));
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
