// Projections of few rows: a warp makes col_tile columns for row_block rows, its
// lanes over k, so that each weight is read once for these rows. A block has
// col_block columns; if k_block is less than K, K / k_block warps share each of
// them, and their sums are added in order.
//
// A lane adds up every 32nd product in order of k; the lanes' sums are added as
// one balanced tree, whatever the rows and columns are. Where rows or columns
// end, the last one is loaded again and not stored; where k ends, zeros are added.
#include "passes/gpu/Linear.h"
#include "passes/gpu/RowNorm.h"

using namespace mlir;

namespace mamba {
namespace {

/// Weights that a lane loads before it computes with them.
constexpr int64_t weightsInFlight = 16;

class FewRows {
public:
  FewRows(GpuEmitter &e, const LinearParts &parts)
      : e(e), parts(parts), rowBlock(e.schedule.getRowBlock()), colTile(e.schedule.getColTile()),
        count(rowBlock * colTile), groups(e.schedule.getColBlock() / colTile),
        length(e.schedule.getKBlock()), across(llvm::divideCeil(parts.O, e.schedule.getColBlock())),
        x(*e.view(parts.x)), w(e.buffer(this->parts.linear.getW())) {}

  KernelGrid write() {
    int64_t colBlock = e.schedule.getColBlock();
    Value row0 = e.mul(e.div(e.tile, e.index(across)), rowBlock);
    Value group = e.rem(e.warp, e.index(groups)), share = e.div(e.warp, e.index(groups));
    Value column0 = e.add(e.mul(e.rem(e.tile, e.index(across)), colBlock), e.mul(group, colTile));
    for (int64_t i = 0; i < rowBlock; ++i)
      rows.push_back(e.min(e.add(row0, i), e.sub(e.rows, e.index(1))));
    for (int64_t j = 0; j < colTile; ++j) {
      Value column = e.add(column0, j);
      columns.push_back(parts.O % colBlock ? e.min(column, e.index(parts.O - 1)) : column);
    }
    SmallVector<Value> sums = shareOfK(length < parts.K ? e.mul(share, length) : e.index(0));
    Value sum = sumOfLanes(ArrayRef(sums).take_front(count)), squares;
    if (parts.norm)
      squares = sumOfLanes(ArrayRef(sums).drop_front(count));

    // Each group of lanes has one output: row by row, of each all columns.
    Value place = e.div(e.lane, e.index(GpuEmitter::warpSize / count));
    Value first = e.equal(e.rem(e.lane, e.index(GpuEmitter::warpSize / count)), e.index(0));
    Value row = e.add(row0, e.div(place, e.index(colTile)));
    Value column = e.add(column0, e.rem(place, e.index(colTile)));
    Value mine = e.both(first, e.less(row, e.rows));
    if (parts.O % colBlock)
      mine = e.both(mine, e.less(column, e.index(parts.O)));
    if (length < parts.K) {
      sum = sumOfShares(sum, share, group, place, first);
      if (parts.norm)
        squares = sumOfShares(squares, share, group, place, first);
      mine = e.both(mine, e.equal(share, e.index(0)));
    }
    e.when(mine, [&] { store(sum, squares, row, column); });
    return {KernelGrid::Rows, 1, rowBlock, across};
  }

private:
  /// The lane's sums of products over `length` elements from k on, for each row
  /// those of the columns; then for a norm the sums of squares of the rows.
  SmallVector<Value> shareOfK(Value k) {
    SmallVector<Value> sums(count + (parts.norm ? rowBlock : 0), e.f32(0));
    int64_t unroll = std::max<int64_t>(1, weightsInFlight / colTile);
    int64_t stride = unroll * GpuEmitter::warpSize, whole = length / stride * stride;
    if (whole > 0)
      sums = e.loop(
          e.index(0), e.index(whole), stride, sums,
          [&](Value at, ValueRange values) { return steps(e.add(k, at), stride, values); },
          /*keepRolled=*/true);
    return steps(e.add(k, whole), length - whole, sums);
  }

  /// Adds `extent` elements from k on, a warp's at a time.
  SmallVector<Value> steps(Value k, int64_t extent, ValueRange sums) {
    SmallVector<Value> result(sums);
    SmallVector<SmallVector<Value>> weights, inputs;
    for (int64_t from = 0; from < extent; from += GpuEmitter::warpSize) {
      Value at = e.add(e.add(k, from), e.lane), inside;
      if (extent - from < GpuEmitter::warpSize) {
        inside = e.less(at, e.index(parts.K));
        at = e.min(at, e.index(parts.K - 1));
      }
      auto edge = [&](Value value) { return inside ? e.select(inside, value, e.f32(0)) : value; };
      weights.emplace_back();
      for (Value column : columns)
        weights.back().push_back(edge(e.load(w, {column, at})));
      inputs.emplace_back();
      for (Value row : rows)
        inputs.back().push_back(edge(e.load(x, row, at)));
    }
    for (size_t step = 0; step < weights.size(); ++step)
      for (int64_t i = 0; i < rowBlock; ++i) {
        Value xk = inputs[step][i];
        for (int64_t j = 0; j < colTile; ++j) {
          Value &sum = result[i * colTile + j];
          sum = e.math.fma(xk, weights[step][j], sum);
        }
        if (parts.norm)
          result[count + i] = e.math.fma(xk, xk, result[count + i]);
      }
    return result;
  }

  /// The sums over all lanes of a power of two of values, one in each of as many
  /// groups of neighbouring lanes: lanes that are a half, a fourth, ... of a warp
  /// apart add, each keeping half of the values while there are several.
  Value sumOfLanes(ArrayRef<Value> lanes) {
    SmallVector<Value> values(lanes);
    for (int64_t distance = GpuEmitter::warpSize / 2; distance > 0; distance /= 2) {
      size_t half = values.size() / 2;
      if (half == 0) {
        values[0] = e.math.add(values[0], e.shuffleXor(values[0], distance));
        continue;
      }
      Value upper = e.equal(e.rem(e.div(e.lane, e.index(distance)), e.index(2)), e.index(1));
      for (size_t i = 0; i < half; ++i) {
        Value kept = e.select(upper, values[half + i], values[i]);
        Value sent = e.select(upper, values[i], values[half + i]);
        values[i] = e.math.add(kept, e.shuffleXor(sent, distance));
      }
      values.truncate(half);
    }
    return values[0];
  }

  /// The sum of the warps that share the column, in the order of k.
  Value sumOfShares(Value sum, Value share, Value group, Value place, Value first) {
    int64_t shares = parts.K / length;
    Value all = e.shared({shares, groups, count});
    e.when(first, [&] { e.store(sum, all, {share, group, place}); });
    e.barrier();
    Value total = e.load(all, {e.index(0), group, place});
    for (int64_t i = 1; i < shares; ++i)
      total = e.math.add(total, e.load(all, {e.index(i), group, place}));
    return total;
  }

  void store(Value sum, Value squares, Value row, Value column) {
    Value factor, bias;
    if (squares)
      factor = inverseRms(e, squares, parts.K, parts.norm.getEps().convertToDouble());
    if (parts.linear.getBias())
      bias = e.load(e.buffer(parts.linear.getBias()), column);
    Value result = finishLinear(e, parts, sum, factor, bias, [&](const View &view) {
      return e.load(view, row, column);
    });
    e.store(result, {e.resultBuffer(0), 0, parts.O}, row, column);
  }

  GpuEmitter &e;
  LinearParts parts;
  int64_t rowBlock, colTile;
  int64_t count;  // outputs of a warp
  int64_t groups; // warps of a block with columns of their own
  int64_t length; // of a warp's part of k
  int64_t across; // blocks of the columns
  View x;
  Value w;
  SmallVector<Value> rows, columns; // of the warp
};

} // namespace

KernelGrid linearFewRows(GpuEmitter &e, const LinearParts &parts) {
  return FewRows(e, parts).write();
}

} // namespace mamba
