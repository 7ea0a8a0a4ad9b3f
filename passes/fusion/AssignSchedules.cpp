// --ssm-assign-schedules: each kernel gets the schedule of its generator.
#include "passes/fusion/KernelBuild.h"
#include "passes/fusion/Passes.h"
#include "passes/target/Target.h"

namespace mamba {
#define GEN_PASS_DEF_ASSIGNSCHEDULESPASS
#include "passes/fusion/Passes.h.inc"
} // namespace mamba

using namespace mlir;
using namespace mamba;
using namespace mamba::ssm;

namespace {

LogicalResult assign(KernelOp kernel, const Target &target) {
  std::string reason;
  const KernelGenerator *generator = findGenerator(kernel, target, reason);
  if (!generator)
    return kernel.emitError("no kernel can be generated for target '")
           << target.name << "': " << reason;
  ScheduleAttr schedule = kernel.getScheduleAttr();
  if (!schedule) {
    TokenClass tokens = tokenClassOf(kernel);
    schedule = generator->schedule(kernel, target,
                                   tokens == TokenClass::Long ? TokenClass::Prefill : tokens);
  }
  if (!generator->isLegal(kernel, target, schedule, reason))
    return kernel.emitError("the schedule does not fit target '")
           << target.name << "': " << reason;
  kernel.setScheduleAttr(schedule);
  return success();
}

struct AssignSchedulesPass
    : mamba::impl::AssignSchedulesPassBase<AssignSchedulesPass> {
  void runOnOperation() override {
    FailureOr<Target> target = targetOf(getOperation());
    if (failed(target))
      return signalPassFailure();
    for (KernelOp kernel : kernelsOf(getOperation()))
      if (failed(assign(kernel, *target)))
        signalPassFailure();
  }
};

} // namespace
