// The causal convolution with the elementwise ops after it.
//
// A tile is one sequence by `col_block` channels; the threads of a channel cut
// the sequence into slices, one after the other. A thread keeps its window of
// W-1 inputs in registers and takes `row_tile` rows at a time. All that is read
// of the state is read before the block meets; then one slice writes the new one.
#include "passes/gpu/Generator.h"
#include "passes/target/Schedule.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace mamba {
namespace {

ssm::Conv1dOp convOf(ssm::KernelOp kernel) {
  std::string reason;
  return *matchConv(kernel, reason);
}

class ConvThread {
public:
  explicit ConvThread(GpuEmitter &e)
      : e(e), conv(convOf(e.kernel)), E(lastDim(conv.getY())), W(lastDim(conv.getW())),
        channels(e.schedule.getColBlock()), slices(e.threads / channels),
        tile(std::max<int64_t>(e.schedule.getRowTile(), 1)),
        yResult(yielded(e.kernel, 0) == conv.getNewState()) {}

  KernelGrid run() {
    int64_t across = (E + channels - 1) / channels;
    Value sequence = e.div(e.tile, e.index(across));
    column = e.add(e.mul(e.rem(e.tile, e.index(across)), channels),
                   e.rem(e.thread, e.index(channels)));
    // Threads of channels that are not there read those of the last one, and
    // write nothing.
    if (E % channels) {
      exists = e.less(column, e.index(E));
      column = e.min(column, e.index(E - 1));
    }
    slice = e.div(e.thread, e.index(channels));
    slot = e.slot(sequence);
    start = e.sequenceStart(sequence);
    length = e.sub(e.sequenceStart(e.add(sequence, 1)), start);
    e.when(e.less(e.index(0), length), [&] { runSequence(); });
    return {KernelGrid::Sequences, 1, 1, across};
  }

private:
  void runSequence() {
    // A window that is carried from the first row to the last ends as the state.
    bool carries = slices == 1 && tile == 1;
    Value piece = e.ceilDiv(length, slices);
    Value from = e.mul(slice, piece), to = e.min(e.add(from, piece), length);
    SmallVector<Value> window, state;
    for (int64_t k = 0; k < W - 1; ++k)
      window.push_back(slices == 1 ? inState(e.index(k), e.f32(0), exists)
                                   : input(e.add(from, k - (W - 1))));
    if (!carries)
      for (int64_t k = 0; k < W - 1; ++k) {
        auto newest = [&] { return input(e.add(length, k - (W - 1))); };
        state.push_back(slices == 1 ? newest() : e.when(isFirst(), newest, e.f32(0)));
      }
    if (slices > 1)
      e.barrier();
    if (!carries)
      storeState(state);
    for (int64_t k = 0; k < W; ++k)
      weights.push_back(e.load(e.buffer(conv.getW()), {column, e.index(k)}));
    bias = conv.getBias() ? e.load(e.buffer(conv.getBias()), column) : e.f32(0);
    window = e.loop(from, to, tile, window, [&](Value row, ValueRange old) {
      return computeRows(row, old, to);
    });
    if (carries)
      storeState(window);
  }

  Value isFirst() { return e.equal(slice, e.index(0)); }
  Value both(Value x, Value y) { return x && y ? e.both(x, y) : x ? x : y; }
  void when(Value condition, const std::function<void()> &body) {
    if (condition)
      e.when(condition, body);
    else
      body();
  }

  Value inState(Value k, Value otherwise, Value condition) {
    auto load = [&] { return e.load(e.buffer(conv.getState()), {slot, k, column}); };
    return condition ? e.when(condition, load, otherwise) : load();
  }

  /// The input of a row of the sequence, -(W-1) and up; rows below 0 stand in
  /// the state, rows beyond the last are the last.
  Value input(Value row) {
    Value zero = e.index(0), before = e.less(row, zero);
    Value there = e.select(before, zero, e.min(row, e.sub(length, e.index(1))));
    Value x = e.load(*e.view(conv.getX()), e.add(start, there), column);
    Value k = e.select(before, e.add(row, W - 1), zero);
    return inState(k, x, both(exists, before));
  }

  void storeState(ValueRange state) {
    when(both(exists, slices > 1 ? isFirst() : Value()), [&] {
      for (int64_t k = 0; k < W - 1; ++k)
        e.store(state[k], e.buffer(conv.getState()), {slot, e.index(k), column});
    });
  }

  /// A tile of rows; gives the window after them.
  SmallVector<Value> computeRows(Value row, ValueRange window, Value to) {
    View x = *e.view(conv.getX()), y{e.resultBuffer(yResult), 0, E};
    SmallVector<Value> inputs(window), values, rows;
    for (int64_t i = 0; i < tile; ++i) {
      Value at = e.add(row, i);
      rows.push_back(e.add(start, i ? e.min(at, e.sub(length, e.index(1))) : at));
      inputs.push_back(e.load(x, rows[i], column));
    }
    for (int64_t i = 0; i < tile; ++i) {
      Value sum = bias;
      for (int64_t k = 0; k < W; ++k)
        sum = e.math.fma(weights[k], inputs[i + k], sum);
      values.push_back(e.elementwise(yielded(e.kernel, yResult), [&](Value v) -> Value {
        if (v == conv.getY())
          return sum;
        if (std::optional<View> view = e.view(v))
          return e.load(*view, rows[i], column);
        return {};
      }));
    }
    for (int64_t i = 0; i < tile; ++i)
      when(both(exists, i ? e.less(e.add(row, i), to) : Value()),
           [&] { e.store(values[i], y, rows[i], column); });
    return SmallVector<Value>(ArrayRef(inputs).take_back(W - 1));
  }

  GpuEmitter &e;
  ssm::Conv1dOp conv;
  int64_t E, W, channels, slices, tile;
  unsigned yResult; // which result of the kernel is y
  Value column, exists, slice, slot, start, length, bias;
  SmallVector<Value> weights;
};

class ConvGenerator : public GpuGenerator {
public:
  StringRef family() const override { return "conv1d"; }

  bool canGenerate(ssm::KernelOp kernel, const Target &target, std::string &reason) const override {
    if (!matchConv(kernel, reason))
      return false;
    if (!kernel.getBlock().getOps<ssm::UnpackOp>().empty()) {
      reason = "kernels of a GPU read no packed weights";
      return false;
    }
    return true;
  }

  ssm::ScheduleAttr schedule(ssm::KernelOp kernel, const Target &target,
                             TokenClass tokens) const override {
    MLIRContext *context = kernel.getContext();
    switch (tokens) {
    case TokenClass::Decode:
      return Schedule{.colBlock = 64, .rowTile = 1, .threads = 64}.get(context);
    case TokenClass::Few:
      return Schedule{.colBlock = 32, .rowTile = 1, .threads = 128}.get(context);
    default:
      return Schedule{.colBlock = 32, .rowTile = 4, .threads = 512}.get(context);
    }
  }

  KernelGrid generate(GpuEmitter &e) const override { return ConvThread(e).run(); }

protected:
  bool checkSchedule(ssm::KernelOp kernel, const Target &target, ssm::ScheduleAttr s, Needs &needs,
                     std::string &reason) const override {
    if (s.getColBlock() <= 0 || s.getThreads() % s.getColBlock()) {
      reason = "a convolution needs threads a multiple of col_block, got " +
               std::to_string(s.getThreads()) + " and " + std::to_string(s.getColBlock());
      return false;
    }
    if (s.getRowTile() < 0 || s.getRowTile() > 8) {
      reason = "row_tile of a convolution is 1 to 8, got " + std::to_string(s.getRowTile());
      return false;
    }
    int64_t W = lastDim(convOf(kernel).getW());
    needs = {0, 2 * W + 2 * s.getRowTile() + 16};
    return true;
  }
};

} // namespace

std::unique_ptr<GpuGenerator> createGpuConvGenerator() { return std::make_unique<ConvGenerator>(); }

} // namespace mamba
