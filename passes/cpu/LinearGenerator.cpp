// Projections: y = epilogue(norm(x) W^T + bias), W in column panels.
//
// A tile is `row_block` rows by `col_block` columns; registers hold `row_tile`
// rows by `col_tile` columns (one panel), then single rows for what is left.
// Every output is one chain of fused multiply-adds over k in order, so its bits
// do not depend on the schedule's rows, on T, or on other rows. The norm's
// factor of a row is applied to the finished sum.
#include "passes/cpu/Generator.h"
#include "passes/target/Schedule.h"
#include "passes/cpu/PanelProduct.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace mamba {
namespace {

class LinearGenerator : public CpuGenerator {
public:
  StringRef family() const override { return "linear"; }

  bool canGenerate(ssm::KernelOp kernel, const Target &target, std::string &reason) const override {
    std::optional<LinearParts> parts = matchLinear(kernel, reason);
    if (parts && (parts->conv.conv || parts->after.conv)) {
      reason = "kernels of a CPU compute a convolution once, in a kernel of its own";
      return false;
    }
    return parts && readsOnlyF32(kernel, reason);
  }

  ssm::ScheduleAttr schedule(ssm::KernelOp kernel, const Target &target,
                             TokenClass tokens) const override {
    std::string reason;
    LinearParts parts = *matchLinear(kernel, reason);
    int64_t lanes = target.lanes;
    // Four vectors of columns where there are 32 registers, else two; of the
    // narrower panels the one that pads least.
    int64_t vectors = target.registers >= 32 ? 4 : 2;
    int64_t best = vectors;
    auto padded = [&](int64_t v) { return (parts.O + v * lanes - 1) / (v * lanes) * v; };
    for (int64_t v = vectors; v >= 1; --v)
      if (padded(v) < padded(best))
        best = v;
    int64_t panel = best * lanes;
    bool prefill = tokens == TokenClass::Prefill || tokens == TokenClass::Invariant;
    int64_t rowTile = prefill ? 6 : 4;
    int64_t rowBlock = prefill ? 96 : 16;
    return Schedule{.lanes = lanes, .rowBlock = rowBlock, .colBlock = panel, .rowTile = rowTile,
                    .colTile = panel}
        .get(kernel.getContext());
  }

  SmallVector<PackedUse> packedUses(ssm::KernelOp kernel,
                                    ssm::ScheduleAttr schedule) const override {
    std::string reason;
    return {{&matchLinear(kernel, reason)->linear.getWMutable(), schedule.getColTile()}};
  }

  KernelGrid generate(CpuEmitter &e) const override {
    std::string reason;
    LinearParts parts = *matchLinear(e.kernel, reason);
    ssm::ScheduleAttr s = e.schedule;
    int64_t panelsATile = s.getColBlock() / s.getColTile();
    int64_t panels = (parts.O + s.getColTile() - 1) / s.getColTile();
    int64_t tilesAcross = (panels + panelsATile - 1) / panelsATile;

    View x = *e.view(parts.x);
    Value packed = e.buffer(packedArgument(parts.linear.getW()));
    // Neighbouring tiles share a panel: it is read from memory once.
    Value down = e.ceilDiv(e.rows, s.getRowBlock());
    Value firstPanel = e.mul(e.div(e.tile, down), panelsATile);
    Value row0 = e.mul(e.rem(e.tile, down), s.getRowBlock());
    Value rowEnd = e.min(e.rows, e.add(row0, s.getRowBlock()));
    Value lastPanel = e.min(e.add(firstPanel, panelsATile), e.index(panels));
    e.loop(firstPanel, lastPanel, 1, [&](Value panel) {
      Value groups = e.div(e.sub(rowEnd, row0), e.index(s.getRowTile()));
      Value tail = e.add(row0, e.b.createOrFold<arith::MulIOp>(groups, e.index(s.getRowTile())));
      e.loop(row0, tail, s.getRowTile(), [&](Value row) {
        SmallVector<Value> rows;
        for (int64_t i = 0; i < s.getRowTile(); ++i)
          rows.push_back(e.add(row, i));
        panelRows(e, parts, x, packed, panel, rows);
      });
      if (s.getRowTile() > 1)
        e.loop(tail, rowEnd, 1, [&](Value row) { panelRows(e, parts, x, packed, panel, {row}); });
    });
    return {KernelGrid::Rows, 1, s.getRowBlock(), tilesAcross};
  }

protected:
  bool checkSchedule(ssm::KernelOp kernel, const Target &target, ssm::ScheduleAttr s,
                     std::string &reason) const override {
    if (s.getColTile() <= 0 || s.getColTile() % s.getLanes() || s.getRowTile() <= 0 ||
        s.getRowBlock() <= 0 || s.getColBlock() <= 0 || s.getColBlock() % s.getColTile()) {
      reason = "a projection needs positive row_block and row_tile, col_tile a multiple of lanes "
               "and col_block of col_tile";
      return false;
    }
    int64_t accumulators = s.getRowTile() * (s.getColTile() / s.getLanes());
    if (accumulators > 64) {
      reason = "row_tile * col_tile takes " + std::to_string(accumulators) +
               " accumulators, 64 is the limit";
      return false;
    }
    return true;
  }

private:
  /// Computes some rows of one panel and writes them.
  static void panelRows(CpuEmitter &e, LinearParts parts, const View &x, Value packed,
                        Value panel, ArrayRef<Value> rows) {
    int64_t vectors = e.schedule.getColTile() / e.lanes;
    SmallVector<Value> acc = panelProduct(e, x, rows, packed, panel, vectors);
    View y{e.resultBuffer(0), 0, parts.O};
    Value column0 = e.mul(panel, e.schedule.getColTile());
    for (auto [i, row] : llvm::enumerate(rows)) {
      Value factor;
      if (parts.norm)
        factor = e.broadcast(inverseRms(e, x, row, parts.norm.getEps().convertToDouble()));
      e.reach = e.schedule.getColTile();
      for (int64_t j = 0; j < vectors; ++j) {
        Value column = e.add(column0, j * e.lanes);
        Value value = acc[i * vectors + j];
        if (factor)
          value = e.math.mul(value, factor);
        ssm::LinearOp linear = parts.linear;
        if (linear.getBias())
          value = e.math.add(value, e.load1(e.buffer(linear.getBias()), column));
        Value result = e.elementwise(
            e.kernel.getBlock().getTerminator()->getOperand(0), [&](Value v) -> Value {
              if (v == linear.getY())
                return value;
              if (std::optional<View> view = e.view(v))
                return e.load(*view, row, column);
              return {};
            });
        e.store(result, y, row, column);
      }
      e.reach = e.lanes;
    }
  }
};

} // namespace

std::unique_ptr<CpuGenerator> createLinearGenerator() {
  return std::make_unique<LinearGenerator>();
}

} // namespace mamba
