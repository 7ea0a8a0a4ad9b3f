// Projections: y = epilogue(norm(x) W^T + bias), W in column panels, by tiles of
// the processor (LinearAmx, LinearFewTiles), by products of small matrices (LinearMmla)
// or by multiply-adds of vectors (LinearFma).
#include "passes/cpu/ConvChannels.h"
#include "passes/cpu/Generator.h"
#include "passes/cpu/LinearAmx.h"
#include "passes/cpu/LinearFewTiles.h"
#include "passes/cpu/LinearFma.h"
#include "passes/cpu/LinearMmla.h"

using namespace mlir;

namespace mamba {
namespace {

class LinearGenerator : public CpuGenerator {
public:
  StringRef family() const override { return "linear"; }

  bool canGenerate(ssm::KernelOp kernel, const Target &target, std::string &reason) const override {
    std::optional<LinearParts> parts = matchLinear(kernel, reason);
    return parts && takesConvolutions(*parts, kernel, target, reason);
  }

  ssm::ScheduleAttr schedule(ssm::KernelOp kernel, const Target &target,
                             TokenClass tokens) const override {
    std::string reason;
    LinearParts parts = *matchLinear(kernel, reason);
    // Slices of time are the scan's alone.
    if (tokens == TokenClass::Long)
      tokens = TokenClass::Prefill;
    // A head sees one row of each prompt: in a long prefill few, which wait for the matrix.
    if (tokens == TokenClass::Prefill && isOfSequences(kernel, parts.x))
      tokens = TokenClass::Few;
    if (tokens == TokenClass::Prefill && takesTiles(parts, target))
      return tileSchedule(parts, target, kernel.getContext());
    if ((tokens == TokenClass::Decode || tokens == TokenClass::Few) &&
        takesFewTiles(parts, target))
      return fewTileSchedule(parts, target, kernel.getContext());
    if (takesMmla(parts, target, tokens))
      return mmlaSchedule(parts, target, tokens, kernel.getContext());
    return fmaSchedule(parts, target, tokens, kernel.getContext());
  }

  SmallVector<PackedUse> packedUses(ssm::KernelOp kernel,
                                    ssm::ScheduleAttr schedule) const override {
    std::string reason;
    LinearParts parts = *matchLinear(kernel, reason);
    OpOperand &w = parts.linear.getWMutable();
    bool quads = schedule.getMma() == kQuad && getElementTypeOrSelf(w.get().getType()).isBF16();
    SmallVector<PackedUse> uses = {{&w, schedule.getColTile(), quads}};
    if (parts.after.conv)
      uses.push_back({&parts.after.conv.getWMutable(),
                      ConvChannels::panel(lastDim(rowsAfter(parts)), schedule.getLanes())});
    return uses;
  }

  KernelGrid generate(CpuEmitter &e) const override {
    std::string reason;
    LinearParts parts = *matchLinear(e.kernel, reason);
    if (!e.schedule.getMma() || e.target.isArm())
      return generateFma(e, parts);
    return e.schedule.getKBlock() ? generateTiles(e, parts) : generateFewTiles(e, parts);
  }

protected:
  bool checkSchedule(ssm::KernelOp kernel, const Target &target, ssm::ScheduleAttr s,
                     std::string &reason) const override {
    LinearParts parts = *matchLinear(kernel, reason);
    if (parts.after.conv && s.getMma() && s.getKBlock()) {
      reason = "a convolution of outputs needs a schedule without mma or without k_block";
      return false;
    }
    bool fits = !s.getMma() || target.isArm() ? checkFmaSchedule(parts, target, s, reason)
                : s.getKBlock()               ? checkTileSchedule(parts, target, s, reason)
                                              : checkFewTileSchedule(parts, target, s, reason);
    return fits && checkScratch(parts, s, reason);
  }

private:
  static int64_t storedBytes(Value matrix, int64_t elements) {
    auto dequantize = matrix.getDefiningOp<ssm::DequantizeOp>();
    int64_t bits = dequantize ? int64_t(dequantize.getBits())
                              : int64_t(getElementTypeOrSelf(matrix.getType()).getIntOrFloatBitWidth());
    return elements * bits / 8;
  }

  /// Whether the convolutions around the projection are none, or one of its outputs
  /// that it makes; if not, a phrase.
  static bool takesConvolutions(LinearParts parts, ssm::KernelOp kernel, const Target &target,
                                std::string &reason) {
    if (parts.conv.conv) {
      reason = "kernels of a CPU compute a convolution once, where its rows are made";
      return false;
    }
    if (!parts.after.conv)
      return true;
    if (parts.afterColumn != 0) {
      reason = "kernels of a CPU take the first outputs of a projection through a convolution";
      return false;
    }
    if (!isOfDecode(kernel)) {
      // Beside tiles its arithmetic takes as long as by itself.
      reason = "a projection's outputs go through a convolution on a CPU in class decode alone";
      return false;
    }
    // One barrier less, which small models wait for; a matrix that comes from memory
    // stops for the end of each tile, which takes longer.
    int64_t bytes = storedBytes(parts.linear.getW(), parts.K * parts.O);
    if (bytes > target.l2Bytes / 2) {
      reason = "on a CPU a projection by " + std::to_string(bytes) +
               " bytes of weights is slower with a convolution of its outputs, up to " +
               std::to_string(target.l2Bytes / 2) + " it is faster";
      return false;
    }
    return true;
  }

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
