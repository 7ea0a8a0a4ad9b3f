// The recipe: changes of layout and precision of weights, run once at load.
//
// A thread makes one element.
#include "passes/gpu/Generator.h"
#include "passes/target/Schedule.h"
#include "passes/target/WeightElement.h"

using namespace mlir;

namespace mamba {
namespace {

class WeightsGenerator : public GpuGenerator {
public:
  StringRef family() const override { return "weights"; }

  bool canGenerate(ssm::KernelOp kernel, const Target &target, std::string &reason) const override {
    if (!kernel.getBlock().getOps<ssm::PackOp>().empty()) {
      reason = "kernels of a GPU read no packed weights";
      return false;
    }
    return matchWeights(kernel, reason);
  }

  ssm::ScheduleAttr schedule(ssm::KernelOp kernel, const Target &target,
                             TokenClass tokens) const override {
    return Schedule{.threads = 256}.get(kernel.getContext());
  }

  KernelGrid generate(GpuEmitter &e) const override {
    WeightElement element(e);
    Value made = yielded(e.kernel, 0);
    int64_t count = cast<RankedTensorType>(made.getType()).getNumElements();
    Value i = e.add(e.mul(e.tile, e.threads), e.thread);
    e.when(e.less(i, e.index(count)), [&] {
      SmallVector<Value> at = element.delinearize(i, WeightElement::shape(made));
      e.store(element.at(made, at), e.resultBuffer(0), at);
    });
    return {KernelGrid::Constant, count, e.threads, 1};
  }

protected:
  bool checkSchedule(ssm::KernelOp kernel, const Target &target, ssm::ScheduleAttr s, Needs &needs,
                     std::string &reason) const override {
    needs = {0, 32};
    return true;
  }
};

} // namespace

std::unique_ptr<GpuGenerator> createGpuWeightsGenerator() {
  return std::make_unique<WeightsGenerator>();
}

} // namespace mamba
