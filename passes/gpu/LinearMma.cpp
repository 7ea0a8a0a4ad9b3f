// Projections of many rows on the matrix unit.
//
// k is cut into pieces of k_block. Copies bring x and W of the next pieces into
// the stages of shared memory while this one is multiplied; one barrier a piece.
// A warp sums row_tile by col_tile outputs in registers; where several share a
// tile each takes its steps of 16 k of every piece, and their sums are added in
// order at the end. Every sum is one chain over k, whatever the tiles are.
//
// A norm's squares are added up from the registers of x on their way into the
// product: of the warps beside each other each takes every so many-th step. Rows
// and columns beyond the end, and k beyond it, are zeros and not stored.
//
// Quantised weights are multiplied as the integers that they are, which both
// types of the matrix unit hold exactly: a scale is applied in f32 to the sum of
// its 32 k, and that added to the others. Nothing is rounded that
// ssm.dequantize does not round. They pass through registers, and so does all
// where there is no cp.async; then two stages take turns.
#include "passes/gpu/LinearMma.h"
#include "passes/gpu/LinearEpilogue.h"
#include "passes/gpu/LinearMmaLines.h"
#include "passes/gpu/LinearMmaScales.h"
#include "passes/gpu/RowNorm.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace mamba {
namespace {

/// Lanes that hold the columns of a row of a matrix of sums.
constexpr int64_t quad = 4;

/// Four registers of each sixteen rows or columns.
using Matrices = SmallVector<SmallVector<Value>>;

class Mma {
public:
  Mma(GpuEmitter &e, const LinearParts &parts, Type element)
      : e(e), parts(parts), cut(e.schedule), element(element),
        quantised(this->parts.linear.getW().getDefiningOp<ssm::DequantizeOp>()),
        isXAsync(e.target.chip >= 80), isWAsync(isXAsync && !quantised),
        across(llvm::divideCeil(parts.O, cut.colBlock)),
        pieces(llvm::divideCeil(parts.K, cut.kBlock)),
        row0(e.mul(e.div(e.tile, e.index(across)), cut.rowBlock)),
        column0(e.mul(e.rem(e.tile, e.index(across)), cut.colBlock)),
        shared(e.shared({sharedWords(cut, parts)})),
        x(e, cut, sourceOfX(), shared, /*place=*/0),
        w(e, cut, sourceOfW(), shared, /*place=*/cut.rowBlock * cut.lineBytes()) {
    if (quantised)
      scales.emplace(e, cut, e.buffer(quantised.getS()), column0, shared,
                     /*place=*/cut.stages * cut.stageBytes() / 4);
    int64_t ofTile = cut.warpsDown() * cut.warpsAcross();
    share = cut.shares() == 1 ? e.index(0) : e.div(e.warp, e.index(ofTile));
    Value inTile = cut.shares() == 1 ? e.warp : e.rem(e.warp, e.index(ofTile));
    warpColumn = e.rem(inTile, e.index(cut.warpsAcross()));
    Value warpRow = e.div(inTile, e.index(cut.warpsAcross()));
    tileRow = e.mul(warpRow, cut.rowTile);
    tileColumn = e.mul(warpColumn, cut.colTile);
  }

  /// The stages are used again for what the warps tell each other at the end.
  static int64_t sharedWords(const MmaCut &cut, const LinearParts &parts) {
    int64_t end = squareWords(cut, parts) +
                  (cut.shares() - 1) * cut.rowBlock * cut.colBlock;
    bool isQuantised = LinearParts(parts).linear.getW().getDefiningOp<ssm::DequantizeOp>();
    return std::max(cut.stages * cut.stageBytes() / 4 + (isQuantised ? MmaScales::words(cut) : 0),
                    end);
  }

  KernelGrid write() {
    SmallVector<Value> carried(cut.vectors() * 4 + squares(), e.f32(0));
    start();
    carried.push_back(e.index(0)); // the stage that is read, and that which is written
    carried.push_back(e.index((cut.stages - 1) * cut.stageBytes()));
    carried = e.loop(
        e.index(0), e.index(pieces), 1, carried,
        [&](Value p, ValueRange values) { return piece(p, values); }, /*keepRolled=*/true);
    SmallVector<Value> sums(ArrayRef(carried).take_front(cut.vectors() * 4));
    finish(sums, ArrayRef(carried).slice(sums.size(), squares()));
    return {KernelGrid::Rows, 1, cut.rowBlock, across};
  }

private:
  /// Numbers of a thread for the squares of its rows.
  int64_t squares() const { return parts.norm ? cut.rowTile / 8 : 0; }
  static int64_t squareWords(const MmaCut &cut, const LinearParts &parts) {
    return parts.norm ? cut.shares() * cut.warpsAcross() * cut.rowBlock : 0;
  }

  MmaLines::Source sourceOfX() {
    View view = *e.view(parts.x);
    return {view.buffer, view.offset, parts.K, row0, e.rows, cut.rowBlock, /*isPermuted=*/false};
  }
  MmaLines::Source sourceOfW() {
    Value end = parts.O % cut.colBlock ? e.index(parts.O) : Value();
    MmaLines::Source source{
        {}, 0, parts.K, column0, end, cut.colBlock, /*isPermuted=*/true};
    if (quantised) {
      source.bits = quantised.getBits();
      source.element = element;
    }
    source.buffer = e.buffer(quantised ? quantised.getX() : parts.linear.getW());
    return source;
  }

  //===--------------------------------------------------------------------===//
  // The sums
  //===--------------------------------------------------------------------===//

  /// The first pieces are on their way, or there.
  void start() {
    for (int64_t p = 0; p < cut.stages - 1; ++p) {
      Value k = e.index(p * cut.kBlock), stage = e.index(p * cut.stageBytes());
      if (p < pieces)
        copy(k, stage);
      if (isXAsync)
        e.commitCopies();
      if (!isWAsync)
        store(load(k), stage);
    }
    if (scales)
      scales->store(scales->load(e.index(0)), e.index(0));
  }

  SmallVector<Value> piece(Value p, ValueRange values) {
    Value readStage = values[values.size() - 2], writeStage = values.back();
    if (isXAsync)
      e.waitForCopies(cut.stages - 2);
    e.barrier();
    Value next = e.add(p, cut.stages - 1), nextK = e.mul(next, cut.kBlock);
    Value more = e.less(next, e.index(pieces)), newScales;
    SmallVector<Value> loaded, loadedScales;
    if (isXAsync) {
      e.when(more, [&] { copy(nextK, writeStage); });
      e.commitCopies();
    }
    if (!isWAsync)
      loaded = loadIf(more, loadedTypes(), [&] { return load(nextK); });
    if (scales) {
      newScales = e.both(more, e.equal(e.rem(nextK, e.index(MmaScales::period)), e.index(0)));
      loadedScales =
          loadIf(newScales, scales->loadedTypes(), [&] { return scales->load(nextK); });
    }
    SmallVector<Value> result = products(p, readStage, values.drop_back(2));
    if (!isWAsync)
      e.when(more, [&] { store(loaded, writeStage); });
    if (scales)
      e.when(newScales, [&] { scales->store(loadedScales, nextK); });
    result.push_back(nextStage(readStage));
    result.push_back(nextStage(writeStage));
    return result;
  }

  Value nextStage(Value stage) {
    Value next = e.add(stage, cut.stageBytes());
    return e.select(e.less(next, e.index(cut.stages * cut.stageBytes())), next, e.index(0));
  }

  /// What needs no registers.
  void copy(Value k, Value stage) {
    if (isXAsync)
      x.copy(k, stage);
    if (isWAsync)
      w.copy(k, stage);
  }

  /// The rest: of x if it is not copied, then of W.
  SmallVector<Value> load(Value k) {
    SmallVector<Value> loaded;
    if (!isXAsync)
      loaded = x.load(k);
    llvm::append_range(loaded, w.load(k));
    return loaded;
  }
  SmallVector<Type> loadedTypes() const {
    SmallVector<Type> types(isXAsync ? 0 : x.copies(), x.loadedType());
    types.append(w.copies(), w.loadedType());
    return types;
  }
  void store(ArrayRef<Value> loaded, Value stage) {
    if (!isXAsync)
      x.store(loaded.take_front(x.copies()), stage);
    w.store(loaded.take_back(w.copies()), stage);
  }

  /// What is loaded where the condition holds, else zeros.
  SmallVector<Value> loadIf(Value condition, ArrayRef<Type> types,
                            const std::function<SmallVector<Value>()> &body) {
    auto branch = scf::IfOp::create(e.b, types, condition, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(e.b);
    e.b.setInsertionPointToStart(branch.thenBlock());
    scf::YieldOp::create(e.b, body());
    e.b.setInsertionPointToStart(branch.elseBlock());
    SmallVector<Value> zeros;
    for (Type type : types)
      zeros.push_back(
          arith::ConstantOp::create(e.b, type, cast<TypedAttr>(e.b.getZeroAttr(type))));
    scf::YieldOp::create(e.b, zeros);
    return branch.getResults();
  }

  /// Adds this warp's products of the piece in the stage.
  SmallVector<Value> products(Value p, Value stage, ValueRange values) {
    SmallVector<Value> result(values);
    MutableArrayRef<Value> sums = MutableArrayRef(result).take_front(cut.vectors() * 4);
    MutableArrayRef<Value> rowSquares = MutableArrayRef(result).drop_front(sums.size());
    Value base = e.advance(e.address(shared), stage);
    // Lanes of a row's matrix: of x two of rows, then of k; of W two of k first.
    Value eighth = e.div(e.lane, e.index(8)), row = e.rem(e.lane, e.index(8));
    Value xLine = e.rem(e.lane, e.index(16)), xChunk = e.div(e.lane, e.index(16));
    Value wLine = e.add(e.mul(e.div(e.lane, e.index(16)), 8), row);
    Value wChunk = e.rem(eighth, e.index(2));
    // Steps whose products have a scale in common are added up by themselves.
    int64_t together = scales ? MmaScales::group / MmaCut::step : 1;
    for (int64_t s = 0; s < cut.stepsOfShare(); s += together) {
      SmallVector<Matrices> a(together), b(together);
      for (int64_t u = 0; u < together; ++u) {
        Value step = e.add(e.mul(share, cut.stepsOfShare()), s + u);
        Value xBase = e.advance(base, x.matrices(tileRow, xLine, xChunk, step));
        Value wBase = e.advance(base, w.matrices(tileColumn, wLine, wChunk, step));
        for (int64_t i = 0; i < cut.rowTile; i += 16)
          a[u].push_back(e.loadMatrices(e.advance(xBase, i * cut.lineBytes())));
        for (int64_t j = 0; j < cut.colTile; j += 16)
          b[u].push_back(e.loadMatrices(e.advance(wBase, j * cut.lineBytes())));
        if (parts.norm)
          addSquares(p, s + u, a[u], rowSquares);
      }
      if (scales)
        addScaled(p, s, a, b, sums);
      else
        forEachMatrix([&](int64_t i, int64_t j, int64_t at) {
          multiply(a[0][i], ArrayRef(b[0][j / 2]).slice(j % 2 * 2, 2), sums.slice(at, 4));
        });
    }
    return result;
  }

  void forEachMatrix(const std::function<void(int64_t, int64_t, int64_t)> &body) {
    int64_t across = cut.colTile / 8;
    for (int64_t v = 0; v < cut.vectors(); ++v)
      body(v / across, v % across, v * 4);
  }

  /// The products of a group of k, times its scale.
  void addScaled(Value p, int64_t s, ArrayRef<Matrices> a, ArrayRef<Matrices> b,
                 MutableArrayRef<Value> sums) {
    Value step = e.add(e.mul(share, cut.stepsOfShare()), s);
    Value k = e.add(e.mul(p, cut.kBlock), e.mul(step, MmaCut::step));
    Value first = e.add(tileColumn, e.mul(e.rem(e.lane, e.index(quad)), 4));
    SmallVector<Value> ofColumns;
    for (int64_t j = 0; j < cut.colTile; j += 16)
      ofColumns.push_back(scales->read(k, e.add(first, j)));
    forEachMatrix([&](int64_t i, int64_t j, int64_t at) {
      SmallVector<Value> products(4, e.f32(0));
      for (size_t u = 0; u < a.size(); ++u)
        multiply(a[u][i], ArrayRef(b[u][j / 2]).slice(j % 2 * 2, 2), products);
      for (int64_t c = 0; c < 4; ++c) {
        Value scale = e.extract(ofColumns[j / 2], j % 2 * 2 + c % 2);
        sums[at + c] = e.math.fma(products[c], scale, sums[at + c]);
      }
    });
  }

  /// Sixteen k, in one instruction or in two of eight.
  void multiply(ArrayRef<Value> a, ArrayRef<Value> b, MutableArrayRef<Value> c) {
    int64_t times = MmaCut::step / cut.mma;
    for (int64_t i = 0; i < times; ++i)
      llvm::copy(e.multiplyMatrices(a.slice(i * 4 / times, 4 / times),
                                    b.slice(i * 2 / times, 2 / times), c, element),
                 c.begin());
  }

  //===--------------------------------------------------------------------===//
  // The norm
  //===--------------------------------------------------------------------===//

  /// Of the warps beside each other one adds the squares of this step.
  void addSquares(Value p, int64_t s, const Matrices &a,
                  MutableArrayRef<Value> rowSquares) {
    if (cut.warpsAcross() == 1) {
      llvm::copy(withSquares(a, rowSquares), rowSquares.begin());
      return;
    }
    Value step = e.add(e.mul(p, cut.stepsOfShare()), s);
    Value mine = e.equal(e.rem(step, e.index(cut.warpsAcross())), warpColumn);
    SmallVector<Type> types(rowSquares.size(), e.b.getF32Type());
    auto branch = scf::IfOp::create(e.b, types, mine, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(e.b);
    e.b.setInsertionPointToStart(branch.thenBlock());
    scf::YieldOp::create(e.b, withSquares(a, rowSquares));
    e.b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(e.b, SmallVector<Value>(rowSquares));
    llvm::copy(branch.getResults(), rowSquares.begin());
  }

  SmallVector<Value> withSquares(const Matrices &a, ArrayRef<Value> rowSquares) {
    SmallVector<Value> result(rowSquares);
    for (size_t i = 0; i < a.size(); ++i)
      for (int64_t j = 0; j < 4; ++j) // two rows, then the same at k + 8
        for (Value value : pair(a[i][j]))
          result[2 * i + j % 2] = e.math.fma(value, value, result[2 * i + j % 2]);
    return result;
  }

  /// Two elements of a register as f32.
  SmallVector<Value> pair(Value word) {
    auto bits = [&](Value x) -> Value {
      return arith::BitcastOp::create(e.b, e.b.getF32Type(), x);
    };
    auto i32 = [&](int64_t x) -> Value {
      return arith::ConstantOp::create(e.b, e.b.getI32IntegerAttr(x));
    };
    if (element.isBF16())
      return {bits(arith::ShLIOp::create(e.b, word, i32(16))),
              bits(arith::AndIOp::create(e.b, word, i32(int32_t(0xffff0000))))};
    auto one = vector::BroadcastOp::create(e.b, VectorType::get({1}, e.b.getI32Type()), word);
    auto two = VectorType::get({2}, e.b.getF16Type());
    Value wide = e.widen(vector::BitCastOp::create(e.b, two, one));
    return {e.extract(wide, 0), e.extract(wide, 1)};
  }

  //===--------------------------------------------------------------------===//
  // The end
  //===--------------------------------------------------------------------===//

  void finish(MutableArrayRef<Value> sums, ArrayRef<Value> rowSquares) {
    bool isShared = cut.shares() > 1;
    if (parts.norm || isShared)
      e.barrier(); // all have read the last stage
    if (parts.norm)
      writeSquares(rowSquares);
    if (isShared)
      e.when(e.less(e.index(0), share), [&] { writeSums(sums); });
    if (parts.norm || isShared)
      e.barrier();
    if (!isShared)
      return writeOutputs(sums);
    e.when(e.equal(share, e.index(0)), [&] {
      addShares(sums);
      writeOutputs(sums);
    });
  }

  Value lineInWarp(int64_t i) { // of the thread's i-th row
    return e.add(e.div(e.lane, e.index(quad)), i * 8);
  }

  /// Of each share and each warp across: [contribution, row].
  void writeSquares(ArrayRef<Value> rowSquares) {
    Value contribution = e.add(e.mul(share, cut.warpsAcross()), warpColumn);
    for (auto [i, square] : llvm::enumerate(rowSquares)) {
      Value sum = e.warpSum(square, quad);
      Value at = e.add(e.mul(contribution, cut.rowBlock), e.add(tileRow, lineInWarp(i)));
      e.when(e.equal(e.rem(e.lane, e.index(quad)), e.index(0)), [&] { e.store(sum, shared, at); });
    }
  }

  Value factorOf(Value line) {
    Value sum;
    for (int64_t i = 0; i < cut.shares() * cut.warpsAcross(); ++i) {
      Value part = e.load(shared, e.add(line, i * cut.rowBlock));
      sum = sum ? e.math.add(sum, part) : part;
    }
    return inverseRms(e, sum, parts.K, parts.norm.getEps().convertToDouble());
  }

  /// Where a share's v-th four sums lie, those of neighbouring threads together.
  Value placeOfSums(Value theShare, int64_t v) {
    int64_t tileThreads = cut.threads / cut.shares();
    Value thread = e.rem(e.thread, e.index(tileThreads));
    Value number = e.add(e.mul(e.sub(theShare, e.index(1)), cut.vectors() * tileThreads),
                         e.add(thread, v * tileThreads));
    return e.add(e.mul(number, 4), squareWords(cut, parts));
  }

  void writeSums(ArrayRef<Value> sums) {
    for (int64_t v = 0; v < cut.vectors(); ++v)
      e.storeVector(e.fromElements(sums.slice(v * 4, 4)), shared, placeOfSums(share, v));
  }

  void addShares(MutableArrayRef<Value> sums) {
    for (int64_t v = 0; v < cut.vectors(); ++v)
      for (int64_t other = 1; other < cut.shares(); ++other) {
        Value part = e.loadVector(shared, placeOfSums(e.index(other), v), 4);
        for (int64_t j = 0; j < 4; ++j)
          sums[v * 4 + j] = e.math.add(sums[v * 4 + j], e.extract(part, j));
      }
  }

  void writeOutputs(ArrayRef<Value> sums) {
    int64_t count = LinearOutputs::areVectors(e, parts, 4) ? 4 : 1;
    Value first = e.add(e.add(column0, tileColumn), e.mul(e.rem(e.lane, e.index(quad)), 4));
    Value lastRow = e.sub(e.rows, e.index(1));
    // Beyond the end the last is read again, and nothing is stored.
    auto there = [&](Value column, int64_t count) {
      return parts.O % cut.colBlock ? e.min(column, e.index(parts.O - count)) : column;
    };
    SmallVector<Value> bias(cut.colTile / 4);
    if (parts.linear.getBias())
      for (int64_t j = 0; j < cut.colTile / 4; ++j)
        bias[j] = e.load(e.buffer(parts.linear.getBias()),
                         there(e.add(first, j / 4 * 16 + j % 4), 1));
    for (int64_t i = 0; i < cut.rowTile / 8; ++i) {
      Value line = e.add(tileRow, lineInWarp(i)), row = e.add(row0, line);
      Value readRow = e.min(row, lastRow), rowIsThere = e.less(row, e.rows);
      Value factor = parts.norm ? factorOf(line) : Value();
      std::optional<LinearConv> conv = LinearConv::of(e, parts, readRow);
      for (int64_t j = 0; j < cut.colTile / 16; ++j) {
        // The i-th row's sums of two matrices: four columns.
        const Value *left = &sums[((i / 2) * (cut.colTile / 8) + 2 * j) * 4 + i % 2 * 2];
        Value four[] = {left[0], left[1], left[4], left[5]};
        Value column = e.add(first, j * 16);
        ArrayRef<Value> biases = ArrayRef(bias).slice(j * 4, 4);
        for (int64_t c = 0; c < 4; c += count) {
          Value at = e.add(column, c);
          LinearOutputs outputs(e, parts, ArrayRef(four).slice(c, count), factor,
                                biases.slice(c, count), readRow, there(at, count));
          Value isThere = parts.O % cut.colBlock
                              ? e.both(rowIsThere, e.less(at, e.index(parts.O)))
                              : rowIsThere;
          e.when(isThere, [&] { outputs.store(row, at, conv); });
        }
      }
    }
  }

  GpuEmitter &e;
  LinearParts parts;
  MmaCut cut;
  Type element;
  ssm::DequantizeOp quantised; // null: W is of the same type as x
  bool isXAsync, isWAsync;     // copies need no registers
  int64_t across, pieces; // tiles of the columns, and of k
  Value row0, column0;    // where the tile starts
  Value shared;
  MmaLines x, w;
  std::optional<MmaScales> scales;
  Value share, warpColumn, tileRow, tileColumn; // of the warp, in the block's tile
};

} // namespace

KernelGrid linearMma(GpuEmitter &e, const LinearParts &parts) {
  std::string reason;
  return Mma(e, parts, mmaElement(e.kernel, parts, e.target, reason)).write();
}

int64_t mmaSharedBytes(const MmaCut &cut, const LinearParts &parts) {
  return 4 * Mma::sharedWords(cut, parts);
}

} // namespace mamba
