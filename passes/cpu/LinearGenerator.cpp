// Projections: y = epilogue(norm(x) W^T + bias), W in column panels, by tiles of
// the processor (LinearAmx) or by multiply-adds of vectors (LinearFma).
#include "passes/cpu/Generator.h"
#include "passes/cpu/LinearAmx.h"
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
    if (tokens == TokenClass::Prefill && takesTiles(parts, target))
      return tileSchedule(parts, target, kernel.getContext());
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
    return e.schedule.getMma() ? generateTiles(e, parts) : generateFma(e, parts);
  }

protected:
  bool checkSchedule(ssm::KernelOp kernel, const Target &target, ssm::ScheduleAttr s,
                     std::string &reason) const override {
    LinearParts parts = *matchLinear(kernel, reason);
    return s.getMma() ? checkTileSchedule(parts, target, s, reason)
                      : checkFmaSchedule(parts, target, s, reason);
  }
};

} // namespace

std::unique_ptr<CpuGenerator> createLinearGenerator() {
  return std::make_unique<LinearGenerator>();
}

} // namespace mamba
