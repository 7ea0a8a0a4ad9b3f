// --ssm-assign-schedules: each kernel gets the schedule of its generator, or one
// that was found to be better.
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

struct AssignSchedulesPass
    : mamba::impl::AssignSchedulesPassBase<AssignSchedulesPass> {
  AssignSchedulesPass() = default;
  AssignSchedulesPass(std::shared_ptr<const ScheduleDatabase> found, std::string chip)
      : found(std::move(found)), chip(std::move(chip)) {}

  void runOnOperation() override {
    FailureOr<Target> target = targetOf(getOperation());
    if (failed(target))
      return signalPassFailure();
    for (KernelOp kernel : kernelsOf(getOperation()))
      if (failed(assign(kernel, *target)))
        signalPassFailure();
  }

private:
  LogicalResult assign(KernelOp kernel, const Target &target) const;
  ScheduleAttr choose(KernelOp kernel, const Target &target,
                      const KernelGenerator &generator) const;

  std::shared_ptr<const ScheduleDatabase> found; // Null: none.
  std::string chip;
};

} // namespace

/// The generator's schedule, or one of the database that can take its place; the
/// kernel notes the second.
ScheduleAttr AssignSchedulesPass::choose(KernelOp kernel, const Target &target,
                                         const KernelGenerator &generator) const {
  TokenClass tokens = tokenClassOf(kernel);
  if (tokens == TokenClass::Long)
    tokens = TokenClass::Prefill;
  ScheduleAttr own = generator.schedule(kernel, target, tokens);
  if (!found)
    return own;
  auto fits = [&](const Schedule &schedule) {
    std::string ignored;
    ScheduleAttr attribute = schedule.get(kernel.getContext());
    // By tiles the order of a sum may depend on the number of rows.
    return (tokens != TokenClass::Invariant || schedule.mma == own.getMma()) &&
           generator.isLegal(kernel, target, attribute, ignored) &&
           generator.keepsLayout(kernel, own, attribute);
  };
  ScheduleKey key = ScheduleKey::of(kernel, generator.family(), tokens);
  const ScheduleRecord *record = found->find(databaseTarget(target), key, chip, fits);
  // Where the generator's own was the best of a neighbour, it is taken here too.
  if (!record || (!(record->key == key) && record->figure.us >= record->figure.defaultUs))
    return own;
  std::string from = "database: " + record->chip +
                     (record->figure.isMeasured ? ", measured" : ", predicted");
  if (!record->figure.form.empty())
    from += ", code " + record->figure.form;
  kernel->setAttr("ssm.schedule_from", StringAttr::get(kernel.getContext(), from));
  return record->schedule.get(kernel.getContext());
}

LogicalResult AssignSchedulesPass::assign(KernelOp kernel, const Target &target) const {
  std::string reason;
  const KernelGenerator *generator = findGenerator(kernel, target, reason);
  if (!generator)
    return kernel.emitError("no kernel can be generated for target '")
           << target.name << "': " << reason;
  ScheduleAttr schedule = kernel.getScheduleAttr();
  if (!schedule)
    schedule = choose(kernel, target, *generator);
  else if (!kernel->hasAttr("ssm.schedule_from"))
    kernel->setAttr("ssm.schedule_from", StringAttr::get(kernel.getContext(), "given"));
  if (!generator->isLegal(kernel, target, schedule, reason))
    return kernel.emitError("the schedule does not fit target '")
           << target.name << "': " << reason;
  kernel.setScheduleAttr(schedule);
  return success();
}

std::unique_ptr<Pass>
mamba::createAssignSchedulesPass(std::shared_ptr<const ScheduleDatabase> found,
                                 std::string chip) {
  return std::make_unique<AssignSchedulesPass>(std::move(found), std::move(chip));
}
