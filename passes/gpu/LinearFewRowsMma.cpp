// Projections of few rows on the matrix unit: as LinearFewRows.cpp has them, the
// weights stream through registers once for row_block rows, but a product of
// eight rows costs what one does.
//
// A warp sums col_tile columns over runs of k of its own: while it multiplies one,
// the loads of its next are on their way, each begun as soon as registers are free.
// x comes to a block in pieces of k_block if it is long. Integers are multiplied
// as they are, a group's sum gets its scale in f32 and is added to the others.
//
// Every sum is one chain: of a warp over its runs in order, then over the shares in
// order, whatever the rows and columns are. Beyond the end x is zero, and what is
// read of W there is another weight; columns beyond the end are the last again.
#include "passes/gpu/LinearFewRowsMma.h"
#include "passes/gpu/LinearConv.h"
#include "passes/gpu/LinearMma.h"
#include "passes/gpu/RowNorm.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"

#include <optional>

using namespace mlir;

namespace mamba {
namespace {

class FewRowsMma {
public:
  FewRowsMma(GpuEmitter &e, const LinearParts &parts, Type element)
      : e(e), parts(parts), shape(parts, e.schedule), element(element),
        quadLane(e.rem(e.lane, e.index(shape.lanes))),
        quad(e.div(e.lane, e.index(shape.lanes))),
        share(e.div(e.warp, e.index(shape.warpsAcross()))) {
    // Neighbours take the same columns, so that their weights come from memory once.
    Value rowBlocks = e.ceilDiv(e.rows, shape.rowBlock);
    row0 = e.mul(e.rem(e.tile, rowBlocks), shape.rowBlock);
    Value acrossTile = e.div(e.tile, rowBlocks);
    Value warpColumn = e.mul(e.rem(e.warp, e.index(shape.warpsAcross())), shape.colTile);
    column0 = e.add(e.add(e.mul(acrossTile, shape.colBlock), warpColumn), quad);
    SmallVector<Value> columns;
    for (int64_t j = 0; j < shape.colTile; j += shape.tileColumns / 2) {
      Value column = e.add(column0, j);
      columns.push_back(shape.O % shape.colBlock ? e.min(column, e.index(shape.O - 1)) : column);
    }
    weights.emplace(e, shape, this->parts.linear.getW(), columns, element);
    x.emplace(e, shape, *e.view(parts.x), row0, bool(parts.norm));
  }

  KernelGrid write() {
    State state = sumsOverK();
    fetchForConvs();
    if (parts.norm)
      storeSquares(state.squares);
    if (shape.shares == 1) {
      if (parts.norm)
        e.barrier();
      writeOutputs(state.sums);
    } else {
      Value all = storeShares(state.sums);
      e.barrier();
      e.when(e.equal(share, e.index(0)), [&] {
        addShares(state.sums, all);
        writeOutputs(state.sums);
      });
    }
    int64_t across = llvm::divideCeil(shape.O, shape.colBlock);
    return {KernelGrid::Rows, 1, shape.rowBlock, across};
  }

private:
  /// What goes from round to round.
  struct State {
    SmallVector<Value> sums;    // of each tile of columns those of the rows'
    SmallVector<Value> squares; // of the thread, by its warp's rows; none without a norm
    SmallVector<Value> words;   // of the run: by loads, of each by columns
    SmallVector<Value> scales;  // of the run, by columns

    SmallVector<Value> values() const {
      SmallVector<Value> all(sums);
      for (const SmallVector<Value> &others : {squares, words, scales})
        all.append(others);
      return all;
    }
    State of(ValueRange values) const {
      size_t a = sums.size(), b = a + squares.size(), c = b + words.size();
      auto part = [&](size_t from, size_t to) {
        return SmallVector<Value>(values.slice(from, to - from));
      };
      return {part(0, a), part(a, b), part(b, c), part(c, values.size())};
    }
  };

  /// The number of this warp's run of a round.
  Value runOf(Value round) { return e.add(e.mul(round, shape.shares), share); }

  State sumsOverK() {
    State state;
    state.sums.assign(shape.sums(), e.f32(0));
    if (parts.norm)
      state.squares.assign(shape.rowsOfWarp(), e.f32(0));
    for (int64_t i = 0; i < shape.loads(); ++i)
      state.words.append(weights->load(runOf(e.index(0)), i));
    state.scales = weights->loadScales(runOf(e.index(0)));
    if (fetchesAll())
      beginConvs();
    if (shape.staged == shape.rounds) {
      x->stage(e.index(0), state.squares);
      e.barrier();
    }
    int64_t last = shape.rounds - 1;
    if (last > 0)
      state = state.of(e.loop(
          e.index(0), e.index(last), 1, state.values(),
          [&](Value round, ValueRange values) {
            State inside = state.of(values);
            stage(inside, round, {});
            multiply(inside, round, e.add(round, 1));
            return inside.values();
          },
          /*keepRolled=*/true));
    stage(state, e.index(last), last);
    multiply(state, e.index(last), {});
    return state;
  }

  /// Brings x of the rounds from this one on where it is the first of some; its
  /// number if that is known.
  void stage(State &state, Value round, std::optional<int64_t> number) {
    if (shape.staged == shape.rounds || (number && *number % shape.staged != 0))
      return;
    auto bring = [&](SmallVector<Value> squares) {
      e.barrier();
      x->stage(round, squares);
      e.barrier();
      return squares;
    };
    if (number || shape.staged == 1) {
      state.squares = bring(state.squares);
      return;
    }
    Value isFirst = e.equal(e.rem(round, e.index(shape.staged)), e.index(0));
    SmallVector<Type> types(state.squares.size(), e.b.getF32Type());
    bool hasElse = !types.empty();
    auto branch = scf::IfOp::create(e.b, types, isFirst, hasElse);
    OpBuilder::InsertionGuard guard(e.b);
    e.b.setInsertionPointToStart(branch.thenBlock());
    SmallVector<Value> squares = bring(state.squares);
    if (!hasElse)
      return;
    scf::YieldOp::create(e.b, squares);
    e.b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(e.b, state.squares);
    state.squares = SmallVector<Value>(branch.getResults());
  }

  /// Adds the products of this warp's run of a round, and loads that of the next
  /// (null: none).
  void multiply(State &state, Value round, Value next) {
    Value place = runOf(shape.staged == shape.rounds ? round
                                                     : e.rem(round, e.index(shape.staged)));
    SmallVector<Value> scales = state.scales;
    if (next)
      state.scales = weights->loadScales(runOf(next));
    for (int64_t i = 0; i < shape.loads(); ++i) {
      auto words = MutableArrayRef(state.words).slice(i * weights->wordsOfLoad(),
                                                      weights->wordsOfLoad());
      MmaWeightStream::Steps steps = weights->steps(words);
      if (next)
        llvm::copy(weights->load(runOf(next), i), words.begin());
      for (auto [s, ofColumns] : llvm::enumerate(steps))
        multiplyStep(state.sums, ofColumns, scales, place, i * shape.stepsOfLoad() + s);
    }
  }

  void multiplyStep(MutableArrayRef<Value> sums, ArrayRef<SmallVector<Value>> ofColumns,
                    ArrayRef<Value> scales, Value place, int64_t step) {
    SmallVector<SmallVector<Value>> ofRows;
    for (int64_t n = 0; n < shape.tilesDown(); ++n)
      ofRows.push_back(x->pairs(place, step, n));
    for (int64_t m = 0; m < shape.tilesAcross(); ++m) {
      const SmallVector<Value> &low = ofColumns[2 * m], &high = ofColumns[2 * m + 1];
      for (int64_t n = 0; n < shape.tilesDown(); ++n) {
        auto own = sums.slice(4 * (m * shape.tilesDown() + n), 4);
        SmallVector<Value> products(own);
        if (shape.isGrouped())
          products.assign(4, e.f32(0));
        for (int64_t half = 0; half < 4; half += 2)
          products = e.multiplyMatrices({low[half], high[half], low[half + 1], high[half + 1]},
                                        ArrayRef(ofRows[n]).slice(half, 2), products, element);
        for (int64_t c = 0; c < 4; ++c) {
          if (shape.isGrouped())
            products[c] =
                e.math.fma(products[c], weights->scale(scales, 2 * m + c / 2, step), own[c]);
          own[c] = products[c];
        }
      }
    }
  }

  /// Of each row the sums of its warps; seen after a barrier.
  void storeSquares(ArrayRef<Value> squares) {
    warpSquares = e.shared({FewRowsShape::padded(shape.warpsOfRow()), shape.rowBlock});
    for (auto [i, square] : llvm::enumerate(squares)) {
      Value sum = e.warpSum(square), row = x->warpRow(i);
      Value isFirst = e.both(e.equal(e.lane, e.index(0)), e.less(row, e.index(shape.rowBlock)));
      e.when(isFirst, [&] { e.store(sum, warpSquares, {x->warpPart(), row}); });
    }
  }

  Value threadOfShare() {
    return e.rem(e.thread, e.index(shape.warpsAcross() * GpuEmitter::warpSize));
  }

  /// The sums of all shares but the first.
  Value storeShares(ArrayRef<Value> sums) {
    Value all = e.shared({shape.shares - 1, shape.sums() / 4,
                          shape.warpsAcross() * GpuEmitter::warpSize, 4});
    e.when(e.less(e.index(0), share), [&] {
      for (int64_t v = 0; v < shape.sums() / 4; ++v)
        e.storeVector(e.fromElements(sums.slice(4 * v, 4)), all,
                      {e.sub(share, e.index(1)), e.index(v), threadOfShare(), e.index(0)});
    });
    return all;
  }
  void addShares(MutableArrayRef<Value> sums, Value all) {
    for (int64_t other = 0; other < shape.shares - 1; ++other)
      for (int64_t v = 0; v < shape.sums() / 4; ++v) {
        Value part =
            e.loadVector(all, {e.index(other), e.index(v), threadOfShare(), e.index(0)}, 4);
        for (int64_t c = 0; c < 4; ++c)
          sums[4 * v + c] = e.math.add(sums[4 * v + c], e.extract(part, c));
      }
  }

  Value factorOf(Value line) {
    Value sum;
    for (int64_t i = 0; i < shape.warpsOfRow(); ++i) {
      Value part = e.load(warpSquares, {e.index(i), line});
      sum = sum ? e.math.add(sum, part) : part;
    }
    return inverseRms(e, sum, parts.K, parts.norm.getEps().convertToDouble());
  }

  /// The lane's i-th row among the block's, and its j-th column.
  int64_t rowsOfLane() const { return 2 * shape.tilesDown(); }
  int64_t columnsOfLane() const { return 2 * shape.tilesAcross(); }
  Value line(int64_t i) {
    return e.add(e.mul(quadLane, 2), i / 2 * shape.tileRows + i % 2);
  }
  Value column(int64_t j) { return e.add(column0, j * shape.tileColumns / 2); }

  /// A convolution of the outputs looks for its slots while the sums are made, and all
  /// windows are on their way when they are. Of many outputs both wait until then, and
  /// windows of a row are on their way at a time: the sums want the registers.
  void beginConvs() {
    for (int64_t i = 0; parts.after.conv && i < rowsOfLane(); ++i)
      convs.emplace_back(
          LinearConv(e, parts, e.min(e.add(row0, line(i)), e.sub(e.rows, e.index(1)))));
    convs.resize(rowsOfLane());
  }
  bool fetchesAll() const { return rowsOfLane() * columnsOfLane() <= 8; }
  void fetchForConvs() {
    if (!fetchesAll())
      beginConvs();
    for (int64_t i = 0; parts.after.conv && i < rowsOfLane(); ++i) {
      convs[i]->settle();
      if (fetchesAll())
        fetchRow(i);
    }
  }
  void fetchRow(int64_t i) {
    Value mine = e.both(e.less(e.add(row0, line(i)), e.rows), e.equal(share, e.index(0)));
    for (int64_t j = 0; j < columnsOfLane(); ++j)
      convs[i]->fetch(column(j), e.both(mine, e.less(column(j), e.index(shape.O))));
  }

  void writeOutputs(ArrayRef<Value> sums) {
    for (int64_t i = 0; i < rowsOfLane(); ++i) {
      Value row = e.add(row0, line(i));
      e.when(e.less(row, e.rows), [&] {
        Value factor = parts.norm ? factorOf(line(i)) : Value();
        if (convs[i] && !fetchesAll())
          fetchRow(i);
        for (int64_t j = 0; j < columnsOfLane(); ++j)
          writeOutput(sums[4 * (j / 2 * shape.tilesDown() + i / 2) + 2 * (j % 2) + i % 2], factor,
                      row, column(j), convs[i]);
      });
    }
  }

  void writeOutput(Value sum, Value factor, Value row, Value column,
                   std::optional<LinearConv> &conv) {
    auto write = [&] {
      Value bias;
      if (parts.linear.getBias())
        bias = e.load(e.buffer(parts.linear.getBias()), column);
      Value result = finishLinear(e, parts, sum, factor, bias, [&](const View &view) {
        return e.load(view, row, column);
      });
      storeLinear(e, parts, result, row, column, conv);
    };
    if (shape.O % shape.colBlock)
      e.when(e.less(column, e.index(shape.O)), write);
    else
      write();
  }

  GpuEmitter &e;
  LinearParts parts;
  FewRowsMmaShape shape;
  Type element; // of the matrix unit
  Value quadLane, quad, share; // the lane's number in its column's, the column's, the warp's
  Value row0, column0; // where the block's rows and the lane's columns start
  std::optional<MmaWeightStream> weights;
  std::optional<MmaRows> x;
  Value warpSquares; // shared memory
  SmallVector<std::optional<LinearConv>, 0> convs; // of the lane's rows
};

} // namespace

KernelGrid linearFewRowsMma(GpuEmitter &e, const LinearParts &parts) {
  std::string reason;
  return FewRowsMma(e, parts, mmaElement(e.kernel, parts, e.target, reason)).write();
}

} // namespace mamba
