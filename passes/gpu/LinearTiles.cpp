// Projections of many rows: a block makes row_block by col_block outputs, a
// thread row_tile by col_tile of them in registers.
//
// The sum is cut into pieces of k_block. x and W of a piece lie in shared memory
// with k outside, so that a thread reads its rows and its columns of one k as
// vectors; there are two such buffers, and the loads from global memory of the
// next piece are under way while this one is computed. Every output is one chain
// of fused multiply-adds over k in order, whatever the tiles are. Where rows or
// columns end, the last one is loaded again and not stored; where k ends, zeros
// are put into shared memory.
#include "passes/gpu/LinearEpilogue.h"
#include "passes/gpu/LinearOperand.h"
#include "passes/gpu/RowNorm.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace mamba {
namespace {

/// Multiply-adds in the body of the loop over a piece: enough to hide its loads.
constexpr int64_t unrolledProducts = 256;

class Tiles {
public:
  Tiles(GpuEmitter &e, const LinearParts &parts)
      : e(e), parts(parts), rowBlock(e.schedule.getRowBlock()), colBlock(e.schedule.getColBlock()),
        rowTile(e.schedule.getRowTile()), colTile(e.schedule.getColTile()),
        kBlock(e.schedule.getKBlock()), across(llvm::divideCeil(parts.O, colBlock)),
        row0(e.mul(e.div(e.tile, e.index(across)), rowBlock)),
        column0(e.mul(e.rem(e.tile, e.index(across)), colBlock)),
        x(e, *e.view(parts.x), /*matrix=*/{}, row0, rowBlock, /*last=*/e.sub(e.rows, e.index(1))),
        w(e, {{}, 0, parts.K}, this->parts.linear.getW(), column0, colBlock,
          /*last=*/parts.O % colBlock ? e.index(parts.O - 1) : Value()) {
    Value threadsAcross = e.index(colBlock / colTile);
    threadRow = e.div(e.thread, threadsAcross);
    threadColumn = e.rem(e.thread, threadsAcross);
  }

  KernelGrid write() {
    // The squares of what the thread loads of each of its rows, for the norm.
    SmallVector<Value> squares(parts.norm ? x.linesAThread() : 0, e.f32(0));
    SmallVector<Value> first = load(e.index(0));
    store(first, e.index(0));
    addSquares(first, squares);
    e.barrier();
    int64_t outputs = rowTile * colTile;
    SmallVector<Value> carried(outputs, e.f32(0));
    llvm::append_range(carried, squares);
    carried = e.loop(
        e.index(0), e.index(parts.K), kBlock, carried,
        [&](Value k, ValueRange values) { return piece(k, values); }, /*keepRolled=*/true);
    Value factors;
    if (parts.norm)
      factors = normFactors(ArrayRef(carried).drop_front(outputs));
    writeOutputs(ArrayRef(carried).take_front(outputs), factors);
    return {KernelGrid::Rows, 1, rowBlock, across};
  }

private:
  /// One piece of the sums, while the next one comes.
  SmallVector<Value> piece(Value k, ValueRange values) {
    int64_t outputs = rowTile * colTile;
    Value now = e.rem(e.div(k, e.index(kBlock)), e.index(2));
    Value nextK = e.add(k, kBlock);
    Value more = e.less(nextK, e.index(parts.K));
    SmallVector<Value> next = loadIf(more, nextK);
    SmallVector<Value> result = products(now, values.take_front(outputs));
    e.when(more, [&] { store(next, e.sub(e.index(1), now)); });
    SmallVector<Value> squares(values.drop_front(outputs));
    addSquares(next, squares);
    e.barrier();
    llvm::append_range(result, squares);
    return result;
  }

  /// The thread's elements of the piece that starts at k: those of x, then of W.
  SmallVector<Value> load(Value k) {
    SmallVector<Value> values = x.load(k);
    llvm::append_range(values, w.load(k));
    return values;
  }

  /// The same where there is such a piece, else zeros.
  SmallVector<Value> loadIf(Value condition, Value k) {
    SmallVector<Type> types(x.elementsAThread() + w.elementsAThread(), e.b.getF32Type());
    auto branch = scf::IfOp::create(e.b, types, condition, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(e.b);
    e.b.setInsertionPointToStart(branch.thenBlock());
    scf::YieldOp::create(e.b, load(k));
    e.b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(e.b, SmallVector<Value>(types.size(), e.f32(0)));
    return branch.getResults();
  }

  void store(ArrayRef<Value> values, Value buffer) {
    x.store(values.take_front(x.elementsAThread()), buffer);
    w.store(values.drop_front(x.elementsAThread()), buffer);
  }

  void addSquares(ArrayRef<Value> values, SmallVectorImpl<Value> &squares) {
    if (squares.empty())
      return;
    for (int64_t i = 0; i < x.elementsAThread(); ++i) {
      Value &sum = squares[x.lineOf(i)];
      sum = e.math.fma(values[i], values[i], sum);
    }
  }

  /// Adds the products of a piece.
  SmallVector<Value> products(Value buffer, ValueRange sums) {
    int64_t unroll = std::clamp<int64_t>(unrolledProducts / (rowTile * colTile), 1, kBlock);
    while (kBlock % unroll)
      --unroll;
    return e.loop(
        e.index(0), e.index(kBlock), unroll, sums,
        [&](Value k, ValueRange values) {
          SmallVector<Value> result(values);
          for (int64_t u = 0; u < unroll; ++u) {
            Value at = e.add(k, u);
            SmallVector<Value> a = x.read(buffer, at, threadRow, rowTile);
            SmallVector<Value> b = w.read(buffer, at, threadColumn, colTile);
            for (int64_t i = 0; i < rowTile; ++i)
              for (int64_t j = 0; j < colTile; ++j) {
                Value &sum = result[i * colTile + j];
                sum = e.math.fma(a[i], b[j], sum);
              }
          }
          return result;
        },
        /*keepRolled=*/true);
  }

  /// The factor of each row of the block, in shared memory.
  Value normFactors(ArrayRef<Value> squares) {
    Value factors = e.shared({rowBlock});
    for (auto [i, square] : llvm::enumerate(squares)) {
      Value sum = e.warpSum(square, x.lanesALine());
      e.when(x.isFirstOfLine(), [&] {
        e.store(inverseRms(e, sum, parts.K, parts.norm.getEps().convertToDouble()), factors,
                x.line(i));
      });
    }
    e.barrier();
    return factors;
  }

  void writeOutputs(ArrayRef<Value> sums, Value factors) {
    int64_t rowVector = LinearOperand::vectorOf(rowTile);
    int64_t colVector = LinearOperand::vectorOf(colTile);
    auto column = [&](int64_t j) {
      return e.add(e.add(column0, w.place(threadColumn, j / colVector, colTile)), j % colVector);
    };
    SmallVector<Value> bias(colTile);
    if (parts.linear.getBias())
      for (int64_t j = 0; j < colTile; ++j) {
        Value at = parts.O % colBlock ? e.min(column(j), e.index(parts.O - 1)) : column(j);
        bias[j] = e.load(e.buffer(parts.linear.getBias()), at);
      }
    for (int64_t i = 0; i < rowTile; ++i) {
      Value line = e.add(x.place(threadRow, i / rowVector, rowTile), i % rowVector);
      Value row = e.add(row0, line);
      e.when(e.less(row, e.rows), [&] {
        Value factor = factors ? e.load(factors, line) : Value();
        std::optional<LinearConv> conv = LinearConv::of(e, parts, row);
        for (int64_t j = 0; j < colTile; j += colVector)
          writeVector(sums.slice(i * colTile + j, colVector), factor,
                      ArrayRef(bias).slice(j, colVector), row, column(j), conv);
      });
    }
  }

  void whenColumn(Value column, const std::function<void()> &body) {
    if (parts.O % colBlock)
      e.when(e.less(column, e.index(parts.O)), body);
    else
      body();
  }

  /// Neighbouring columns of a row, as a vector where memory allows it.
  void writeVector(ArrayRef<Value> sums, Value factor, ArrayRef<Value> bias, Value row,
                   Value column, std::optional<LinearConv> &conv) {
    int64_t count = LinearOutputs::areVectors(e, parts, sums.size()) ? sums.size() : 1;
    for (int64_t j = 0; j < int64_t(sums.size()); j += count) {
      Value at = e.add(column, j);
      whenColumn(at, [&] {
        LinearOutputs(e, parts, sums.slice(j, count), factor, bias.slice(j, count), row, at)
            .store(row, at, conv);
      });
    }
  }

  GpuEmitter &e;
  LinearParts parts;
  int64_t rowBlock, colBlock, rowTile, colTile, kBlock;
  int64_t across;      // tiles of the columns
  Value row0, column0; // where the tile starts
  LinearOperand x, w;
  Value threadRow, threadColumn; // the thread's place among those of the block
};

} // namespace

KernelGrid linearTiles(GpuEmitter &e, const LinearParts &parts) { return Tiles(e, parts).write(); }

} // namespace mamba
