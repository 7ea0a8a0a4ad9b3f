#include "passes/cpu/Generator.h"
#include "passes/cpu/Passes.h"
#include "passes/target/Grid.h"

#include "dialects/plan/PlanDialect.h"

#include "mlir/Dialect/AMX/AMXDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace mamba {
#define GEN_PASS_DEF_GENERATEKERNELSPASS
#include "passes/cpu/Passes.h.inc"

namespace {

struct GenerateKernels : impl::GenerateKernelsPassBase<GenerateKernels> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    // A module whose code was generated before stays as it is.
    if (module.getOps<plan::KernelOp>().empty() || module.lookupSymbol("code"))
      return;
    FailureOr<Target> target = targetOf(module);
    if (failed(target))
      return signalPassFailure();
    OpBuilder b(&getContext());
    b.setInsertionPointToEnd(module.getBody());
    auto code = ModuleOp::create(b, module.getLoc(), "code");
    for (plan::KernelOp planned : module.getOps<plan::KernelOp>()) {
      ssm::KernelOp kernel = planned.getKernel();
      std::string reason;
      const KernelGenerator *generator = findGenerator(kernel, *target, reason);
      if (!generator) {
        planned.emitError("no kernel can be generated for target '") << target->name << "': " << reason;
        return signalPassFailure();
      }
      ssm::ScheduleAttr schedule = kernel.getScheduleAttr();
      if (!schedule)
        schedule = generator->schedule(kernel, *target, TokenClass::Prefill);
      if (!generator->isLegal(kernel, *target, schedule, reason)) {
        planned.emitError("the schedule does not fit target '") << target->name << "': " << reason;
        return signalPassFailure();
      }
      kernel.setScheduleAttr(schedule);
      OpBuilder inside = OpBuilder::atBlockEnd(code.getBody());
      CpuEmitter emitter(inside, planned.getLoc(), planned.getSymName(), kernel, *target, schedule);
      KernelGrid grid = static_cast<const CpuGenerator *>(generator)->generate(emitter);
      planned.setGridAttr(gridAttr(&getContext(), grid));
      planned.setScratchAttr(b.getI64IntegerAttr(emitter.scratchBytes()));
    }
  }
};

} // namespace
} // namespace mamba
