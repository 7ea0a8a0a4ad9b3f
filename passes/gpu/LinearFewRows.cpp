// Projections of few rows: the weights are read once for row_block rows, and what
// counts is that enough of them are on their way. A memory of 4.8 TB/s that
// answers after 0.7 us holds 3.4 MB of requests, 25 KB for each of 132
// multiprocessors; a lane has eight loads of 16 bytes on their way, so eight warps
// have 32 KB.
//
// A lane takes 16 bytes of each of col_tile columns at a time, a group of `lanes`
// lanes a step of k side by side. Before it computes with a round of weights
// the loads of a later one have been started. x comes once to a block, in pieces of
// k_block if it is long, and waits in shared memory, widened.
//
// A lane adds up its products in order of k: of a grouped matrix the sum of a piece
// gets the scale, or for many rows the weights do. The lanes' sums are added as one
// balanced tree, those of the shares in order, whatever the rows and columns are.
// Where rows or columns end, the last one is computed again and not stored; where
// k ends, zeros are added.
#include "passes/gpu/LinearFewRows.h"
#include "passes/gpu/LinearConv.h"
#include "passes/gpu/RowNorm.h"

#include "llvm/Support/MathExtras.h"

#include <optional>

using namespace mlir;

namespace mamba {
namespace {

class FewRows {
public:
  FewRows(GpuEmitter &e, const LinearParts &parts)
      : e(e), parts(parts), shape(parts, e.schedule), weights(e, this->parts.linear.getW()) {}

  KernelGrid write() {
    int64_t groupsOfWarp = GpuEmitter::warpSize / shape.lanes;
    int64_t warpsOfShare = shape.groups / groupsOfWarp;
    int64_t across = llvm::divideCeil(shape.O, shape.colBlock);
    // Where there may be several blocks of rows, neighbours take the same columns,
    // so that their weights come from memory once.
    Value acrossTile;
    if (shape.rowBlock < 8) {
      row0 = e.div(e.tile, e.index(across));
      acrossTile = e.rem(e.tile, e.index(across));
    } else {
      Value rowBlocks = e.ceilDiv(e.rows, shape.rowBlock);
      row0 = e.rem(e.tile, rowBlocks);
      acrossTile = e.div(e.tile, rowBlocks);
    }
    row0 = e.mul(row0, shape.rowBlock);
    share = e.div(e.warp, e.index(warpsOfShare));
    group = e.add(e.mul(e.rem(e.warp, e.index(warpsOfShare)), groupsOfWarp),
                  e.div(e.lane, e.index(shape.lanes)));
    lane = e.rem(e.lane, e.index(shape.lanes));
    column0 = e.add(e.mul(acrossTile, shape.colBlock), e.mul(group, shape.colTile));
    for (int64_t i = 0; i < shape.rowBlock; ++i)
      rows.push_back(e.min(e.add(row0, i), e.sub(e.rows, e.index(1))));
    for (int64_t j = 0; j < shape.colTile; ++j) {
      Value column = e.add(column0, j);
      columns.push_back(shape.O % shape.colBlock ? e.min(column, e.index(shape.O - 1)) : column);
    }
    State state = sumsOverK();
    if (scaleLast() && weights.factor() != 1)
      for (Value &sum : state.sums)
        sum = e.math.mul(sum, e.f32(weights.factor()));
    SmallVector<Value> sums = sumOfLanes(state.sums, shape.lanes, lane);
    SmallVector<Output> outputs = outputsOfLane();
    sums = sumOfShares(sums, outputs);
    for (auto [sum, output] : llvm::zip_equal(sums, outputs))
      e.when(output.mine, [&] { store(sum, output); });
    return {KernelGrid::Rows, 1, shape.rowBlock, across};
  }

private:
  /// One that a lane has in the end: its number among those of its group. Where the
  /// lanes are more, some have the same, and the first stores it.
  struct Output {
    Value place, row, column, isFirst, mine;
  };
  SmallVector<Output> outputsOfLane() {
    int64_t copies = std::max<int64_t>(1, shape.lanes / shape.outputs());
    int64_t count = std::max<int64_t>(1, shape.outputs() / shape.lanes);
    Value first = e.equal(e.rem(lane, e.index(copies)), e.index(0));
    SmallVector<Output> outputs;
    for (int64_t i = 0; i < count; ++i) {
      Value place = e.add(e.mul(e.div(lane, e.index(copies)), count), i);
      Value row = e.add(row0, e.div(place, e.index(shape.colTile)));
      Value column = e.add(column0, e.rem(place, e.index(shape.colTile)));
      Value mine = e.both(first, e.less(row, e.rows));
      if (shape.O % shape.colBlock)
        mine = e.both(mine, e.less(column, e.index(shape.O)));
      if (shape.shares > 1)
        mine = e.both(mine, e.equal(share, e.index(0)));
      outputs.push_back({place, row, column, first, mine});
    }
    return outputs;
  }

  /// A convolution of the outputs wants to know slots and windows before the sums
  /// are there: first where they are, and then, when x is on its way, what they hold.
  void beginConv() {
    SmallVector<Output> outputs = outputsOfLane();
    if (parts.after.conv && outputs.size() == 1)
      conv.emplace(e, parts, e.min(outputs[0].row, e.sub(e.rows, e.index(1))));
  }
  void fetchForConv() {
    if (!conv)
      return;
    conv->settle();
    Output output = outputsOfLane()[0];
    conv->fetch(output.column, output.mine);
  }

  /// What goes from round to round.
  struct State {
    SmallVector<Value> sums;    // of the lane: of each row those of the columns
    SmallVector<Value> squares; // of the thread, by rows; none without a norm
    SmallVector<Value> words;   // on their way: by rounds, of each by columns

    SmallVector<Value> values() const {
      SmallVector<Value> all(sums);
      all.append(squares);
      all.append(words);
      return all;
    }
    State of(ValueRange values) const {
      size_t a = sums.size(), b = a + squares.size();
      return {SmallVector<Value>(values.slice(0, a)), SmallVector<Value>(values.slice(a, b - a)),
              SmallVector<Value>(values.drop_front(b))};
    }
  };

  bool scaleLast() const { return weights.layout.isGrouped() && !shape.scalesFirst(); }
  size_t wordsOfColumn() const { return weights.layout.isGrouped() ? 5 : 4; }
  size_t wordsOfRound() const { return wordsOfColumn() * shape.colTile; }

  SmallVector<Value> load(Value round, bool mayEnd) {
    Value step = e.add(e.mul(round, shape.shares), share);
    Value number = e.add(e.mul(step, shape.lanes), lane);
    SmallVector<Value> words;
    for (Value column : columns)
      words.append(weights.load(column, number, mayEnd));
    return words;
  }

  /// Adds the products of a round; `place` is its number among the staged ones.
  void compute(State &state, ArrayRef<Value> words, Value place) {
    Value step = e.add(e.mul(place, shape.shares), share);
    SmallVector<WeightStream::Words> ofColumn;
    for (int64_t j = 0; j < shape.colTile; ++j)
      ofColumn.emplace_back(words.slice(j * wordsOfColumn(), wordsOfColumn()));
    SmallVector<Value> sums = state.sums;
    if (scaleLast())
      for (int64_t i = 0; i < shape.rowBlock; ++i) {
        Value start = x->start(i, step);
        std::fill_n(sums.begin() + i * shape.colTile, shape.colTile, start);
      }
    for (int64_t part = 0; part < weights.parts(); ++part) {
      SmallVector<SmallVector<Value>> w;
      for (const WeightStream::Words &column : ofColumn)
        w.push_back(shape.scalesFirst() ? weights.scaled(column, part)
                                        : weights.weights(column, part));
      for (int64_t i = 0; i < shape.rowBlock; ++i) {
        SmallVector<Value> xs = x->load(i, step, part);
        for (auto [k, xk] : llvm::enumerate(xs))
          for (int64_t j = 0; j < shape.colTile; ++j) {
            Value &sum = sums[i * shape.colTile + j];
            sum = sum ? e.math.fma(xk, w[j][k], sum) : e.math.mul(xk, w[j][k]);
          }
      }
    }
    if (scaleLast())
      for (int64_t j = 0; j < shape.colTile; ++j) {
        Value scale = weights.scale(ofColumn[j]);
        for (int64_t i = 0; i < shape.rowBlock; ++i) {
          int64_t output = i * shape.colTile + j;
          sums[output] = e.math.fma(scale, sums[output], state.sums[output]);
        }
      }
    state.sums = sums;
  }

  /// Computes `count` rounds from `round` on, the first of which is the place-th of
  /// the staged ones, and loads those that are `ahead` further and below `end`.
  void rounds(State &state, Value round, Value place, int64_t count, int64_t end, bool mayEnd) {
    int64_t ahead = shape.ahead;
    for (int64_t i = 0; i < count; ++i) {
      auto words = MutableArrayRef(state.words).slice(i % ahead * wordsOfRound(), wordsOfRound());
      compute(state, words, e.add(place, i));
      if (i + ahead < end)
        llvm::copy(load(e.add(round, i + ahead), mayEnd && i + ahead == end - 1), words.begin());
    }
  }

  /// Brings x of rounds round to round + count - 1.
  void stage(State &state, Value round, int64_t count, bool mayEnd) {
    x->stage(e.mul(round, shape.round()), count, mayEnd, state.squares);
  }

  State sumsOverK() {
    State state;
    state.sums.assign(shape.outputs(), e.f32(0));
    if (parts.norm)
      state.squares.assign(shape.rowBlock, e.f32(0));
    bool edge = shape.hasEdge();
    for (int64_t i = 0; i < shape.ahead; ++i)
      state.words.append(load(e.index(i), edge && i == shape.rounds - 1));
    // Behind the first weights, which wait for nothing that a kernel before leaves.
    x.emplace(e, shape, parts, rows, scaleLast() ? weights.offset() : 0);
    if (parts.after.conv)
      beginConv();
    return shape.staged < shape.rounds ? inPieces(std::move(state)) : atOnce(std::move(state));
  }

  /// All of x is in shared memory: a loop over the rounds, whose last ones stand
  /// behind it.
  State atOnce(State state) {
    stage(state, e.index(0), shape.rounds, shape.hasEdge());
    if (parts.norm)
      storeSquares(state.squares);
    fetchForConv();
    e.barrier();
    int64_t looped = loopedRounds(shape.ahead);
    if (looped > shape.ahead)
      state = loop(state, looped, shape.ahead, [&](State &inside, Value round) {
        rounds(inside, round, round, shape.ahead, 2 * shape.ahead, /*mayEnd=*/false);
      });
    else
      looped = 0;
    rounds(state, e.index(looped), e.index(looped), shape.rounds - looped, shape.rounds - looped,
           shape.hasEdge());
    return state;
  }

  /// Some rounds' x at a time.
  State inPieces(State state) {
    fetchForConv();
    int64_t looped = loopedRounds(shape.staged);
    if (looped > shape.staged)
      state = loop(state, looped, shape.staged, [&](State &inside, Value round) {
        e.barrier();
        stage(inside, round, shape.staged, /*mayEnd=*/false);
        e.barrier();
        rounds(inside, round, e.index(0), shape.staged, shape.staged + shape.ahead,
               /*mayEnd=*/false);
      });
    else
      looped = 0;
    for (int64_t round = looped; round < shape.rounds; round += shape.staged) {
      int64_t count = std::min(shape.staged, shape.rounds - round);
      bool last = round + count == shape.rounds;
      if (round > 0)
        e.barrier();
      stage(state, e.index(round), count, last && shape.hasEdge());
      e.barrier();
      rounds(state, e.index(round), e.index(0), count, shape.rounds - round, shape.hasEdge());
    }
    if (parts.norm) {
      storeSquares(state.squares);
      if (shape.shares == 1)
        e.barrier();
    }
    return state;
  }

  /// Rounds that a loop of `count` at a time may do: none that it loads may end.
  int64_t loopedRounds(int64_t count) {
    int64_t whole = shape.rounds - (shape.hasEdge() ? 1 : 0) - shape.ahead;
    return std::max<int64_t>(0, whole / count * count);
  }

  State loop(const State &state, int64_t end, int64_t step,
             const std::function<void(State &, Value)> &body) {
    return state.of(e.loop(
        e.index(0), e.index(end), step, state.values(),
        [&](Value round, ValueRange values) {
          State inside = state.of(values);
          body(inside, round);
          return inside.values();
        },
        /*keepRolled=*/true));
  }

  /// The sums of a power of two of values over `width` lanes: lanes that are a
  /// half, a fourth, ... of them apart add, each keeping half of the values while
  /// there are several. The lane with this number among them has those from
  /// number * values / width on.
  SmallVector<Value> sumOfLanes(SmallVector<Value> values, int64_t width, Value number) {
    for (int64_t distance = width / 2; distance > 0; distance /= 2) {
      size_t half = values.size() / 2;
      if (half == 0) {
        values[0] = e.math.add(values[0], e.shuffleXor(values[0], distance));
        continue;
      }
      Value upper = e.equal(e.rem(e.div(number, e.index(distance)), e.index(2)), e.index(1));
      for (size_t i = 0; i < half; ++i) {
        Value kept = e.select(upper, values[half + i], values[i]);
        Value sent = e.select(upper, values[i], values[half + i]);
        values[i] = e.math.add(kept, e.shuffleXor(sent, distance));
      }
      values.truncate(half);
    }
    return values;
  }

  /// The sum of the groups that share the columns, in the order of k; in those of
  /// the first share only.
  SmallVector<Value> sumOfShares(SmallVector<Value> sums, ArrayRef<Output> outputs) {
    if (shape.shares == 1)
      return sums;
    Value all = e.shared({shape.shares, shape.groups, shape.padded(shape.outputs())});
    e.when(outputs[0].isFirst, [&] {
      for (auto [sum, output] : llvm::zip_equal(sums, outputs))
        e.store(sum, all, {share, group, output.place});
    });
    e.barrier();
    for (auto [sum, output] : llvm::zip_equal(sums, outputs))
      for (int64_t i = 0; i < shape.shares; ++i) {
        Value part = e.load(all, {e.index(i), group, output.place});
        sum = i == 0 ? part : e.math.add(sum, part);
      }
    return sums;
  }

  /// Each warp's sums of squares of the rows; seen after a barrier.
  void storeSquares(SmallVector<Value> squares) {
    squares = sumOfLanes(squares, GpuEmitter::warpSize, e.lane);
    int64_t copies = GpuEmitter::warpSize / shape.rowBlock;
    warpSquares = e.shared({shape.warps(), shape.padded(shape.rowBlock)});
    e.when(e.equal(e.rem(e.lane, e.index(copies)), e.index(0)),
           [&] { e.store(squares[0], warpSquares, {e.warp, e.div(e.lane, e.index(copies))}); });
  }

  void store(Value sum, const Output &output) {
    Value row = output.row, column = output.column, factor, bias;
    if (parts.norm) {
      Value squares;
      for (int64_t warp = 0; warp < shape.warps(); ++warp) {
        Value line = e.div(output.place, e.index(shape.colTile));
        Value part = e.load(warpSquares, {e.index(warp), line});
        squares = squares ? e.math.add(squares, part) : part;
      }
      factor = inverseRms(e, squares, parts.K, parts.norm.getEps().convertToDouble());
    }
    if (parts.linear.getBias())
      bias = e.load(e.buffer(parts.linear.getBias()), column);
    Value result = finishLinear(e, parts, sum, factor, bias, [&](const View &view) {
      return e.load(view, row, column);
    });
    std::optional<LinearConv> ofRow = conv ? conv : LinearConv::of(e, parts, row);
    storeLinear(e, parts, result, row, column, ofRow);
  }

  GpuEmitter &e;
  LinearParts parts;
  FewRowsShape shape;
  WeightStream weights;
  std::optional<StagedRows> x;
  std::optional<LinearConv> conv;
  Value share, group, lane; // the group's share and number, the lane's in it
  Value row0, column0;      // the first ones of the block and of the group
  SmallVector<Value> rows, columns;
  Value warpSquares; // shared memory
};

} // namespace

KernelGrid linearFewRows(GpuEmitter &e, const LinearParts &parts) {
  return FewRows(e, parts).write();
}

} // namespace mamba
