// The causal convolution with the elementwise ops after it.
//
// A tile is one sequence by `col_block` channels, all of them in registers with
// their window of W-1 inputs; time is serial.
#include "passes/cpu/ConvChannels.h"
#include "passes/cpu/Generator.h"
#include "passes/target/Schedule.h"

using namespace mlir;

namespace mamba {
namespace {

/// Rows between what is computed and what is fetched: they lie pages apart.
constexpr int64_t kAhead = 8;

class ConvGenerator : public CpuGenerator {
public:
  StringRef family() const override { return "conv1d"; }

  bool canGenerate(ssm::KernelOp kernel, const Target &target, std::string &reason) const override {
    return matchConv(kernel, reason).has_value();
  }

  ssm::ScheduleAttr schedule(ssm::KernelOp kernel, const Target &target,
                             TokenClass tokens) const override {
    std::string reason;
    int64_t lanes = target.lanes;
    int64_t block = ConvChannels::panel(lastDim(matchConv(kernel, reason)->getY()), lanes);
    return Schedule{.lanes = lanes, .colBlock = block}.get(kernel.getContext());
  }

  SmallVector<PackedUse> packedUses(ssm::KernelOp kernel, ssm::ScheduleAttr s) const override {
    std::string reason;
    return {{&matchConv(kernel, reason)->getWMutable(), s.getColBlock()}};
  }

  KernelGrid generate(CpuEmitter &e) const override {
    std::string reason;
    ssm::Conv1dOp conv = *matchConv(e.kernel, reason);
    ConvChannels channels(e, conv);
    int64_t E = channels.E, W = channels.W;
    int64_t block = e.schedule.getColBlock(), vectors = block / e.lanes;
    int64_t across = (E + block - 1) / block;
    e.reach = block;

    unsigned result = yielded(e.kernel, 0) == conv.getNewState();
    View x = *e.view(conv.getX()), y{e.resultBuffer(result), 0, E};
    Value sequence = e.div(e.tile, e.index(across)), panel = e.rem(e.tile, e.index(across));
    Value column0 = e.mul(panel, block);
    Value slot = e.slot(sequence);
    Value start = e.sequenceStart(sequence), end = e.sequenceStart(e.add(sequence, 1));

    // window[j * (W - 1) + k], oldest first; the weights stay where they are.
    SmallVector<Value> window;
    SmallVector<ConvChannels::Taps> taps;
    auto column = [&](int64_t j) { return e.add(column0, j * e.lanes); };
    for (int64_t j = 0; j < vectors; ++j) {
      taps.push_back(channels.taps(column(j)));
      window.append(channels.loadPool(slot, column(j)));
    }
    window = e.loop(start, end, 1, window, [&](Value row, ValueRange old) {
      SmallVector<Value> next;
      for (int64_t j = 0; j < vectors; j += 2) {
        e.prefetch(x.buffer, {e.add(row, kAhead), e.add(column(j), x.offset)});
        e.prefetch(y.buffer, {e.add(row, kAhead), column(j)}, /*isWritten=*/true);
      }
      for (int64_t j = 0; j < vectors; ++j) {
        SmallVector<Value> inputs(old.slice(j * (W - 1), W - 1));
        inputs.push_back(e.load(x, row, column(j)));
        Value sum = channels.sum(taps[j], inputs);
        next.append(std::next(inputs.begin()), inputs.end());
        Value value = e.elementwise(yielded(e.kernel, result), [&](Value v) -> Value {
          if (v == conv.getY())
            return sum;
          if (std::optional<View> view = e.view(v))
            return e.load(*view, row, column(j));
          return {};
        });
        e.store(value, y, row, column(j));
      }
      return next;
    });
    for (int64_t j = 0; j < vectors; ++j)
      channels.storePool(ArrayRef(window).slice(j * (W - 1), W - 1), slot, column(j));
    return {KernelGrid::Sequences, 1, 1, across};
  }

protected:
  bool checkSchedule(ssm::KernelOp kernel, const Target &target, ssm::ScheduleAttr s,
                     std::string &reason) const override {
    if (s.getColBlock() <= 0 || s.getColBlock() % s.getLanes()) {
      reason = "a convolution needs col_block a multiple of lanes";
      return false;
    }
    return true;
  }
};

} // namespace

std::unique_ptr<CpuGenerator> createConvGenerator() { return std::make_unique<ConvGenerator>(); }

} // namespace mamba
