// Projections: y = epilogue(norm(x) W^T + bias), W in column panels, by tiles of
// the processor (LinearAmx, LinearFewTiles) or by multiply-adds of vectors (LinearFma).
#include "passes/cpu/Generator.h"
#include "passes/cpu/LinearAmx.h"
#include "passes/cpu/LinearFewTiles.h"
#include "passes/cpu/LinearFma.h"

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
    return parts.has_value();
  }

  ssm::ScheduleAttr schedule(ssm::KernelOp kernel, const Target &target,
                             TokenClass tokens) const override {
    std::string reason;
    LinearParts parts = *matchLinear(kernel, reason);
    // A head sees one row of each prompt: in a long prefill few, which wait for the matrix.
    if (tokens == TokenClass::Prefill && isOfSequences(kernel, parts.x))
      tokens = TokenClass::Few;
    if (tokens == TokenClass::Prefill && takesTiles(parts, target))
      return tileSchedule(parts, target, kernel.getContext());
    if ((tokens == TokenClass::Decode || tokens == TokenClass::Few) &&
        takesFewTiles(parts, target))
      return fewTileSchedule(parts, target, kernel.getContext());
    return fmaSchedule(parts, target, tokens, kernel.getContext());
  }

  SmallVector<PackedUse> packedUses(ssm::KernelOp kernel,
                                    ssm::ScheduleAttr schedule) const override {
    std::string reason;
    return {{&matchLinear(kernel, reason)->linear.getWMutable(), schedule.getColTile()}};
  }

  KernelGrid generate(CpuEmitter &e) const override {
    std::string reason;
    LinearParts parts = *matchLinear(e.kernel, reason);
    if (!e.schedule.getMma())
      return generateFma(e, parts);
    return e.schedule.getKBlock() ? generateTiles(e, parts) : generateFewTiles(e, parts);
  }

protected:
  bool checkSchedule(ssm::KernelOp kernel, const Target &target, ssm::ScheduleAttr s,
                     std::string &reason) const override {
    LinearParts parts = *matchLinear(kernel, reason);
    bool fits = !s.getMma()     ? checkFmaSchedule(parts, target, s, reason)
                : s.getKBlock() ? checkTileSchedule(parts, target, s, reason)
                                : checkFewTileSchedule(parts, target, s, reason);
    return fits && checkScratch(parts, s, reason);
  }

private:
  /// Sums, rows, panels and a part of a panel as f32: none of the three ways takes more.
  static bool checkScratch(LinearParts parts, ssm::ScheduleAttr s, std::string &reason) {
    int64_t rows = s.getRowBlock(), columns = s.getColBlock();
    int64_t bytes =
        4 * (rows * columns + (rows + columns) * parts.K + s.getKBlock() * s.getColTile());
    if (bytes <= kMostScratchBytes)
      return true;
    reason = "row_block, col_block and k_block take up to " + std::to_string(bytes) +
             " bytes of scratch memory, " + std::to_string(kMostScratchBytes) + " is the limit";
    return false;
  }
};

} // namespace

std::unique_ptr<CpuGenerator> createLinearGenerator() {
  return std::make_unique<LinearGenerator>();
}

} // namespace mamba
