#include "passes/gpu/Generator.h"
#include "passes/gpu/Passes.h"
#include "passes/target/Grid.h"

#include "dialects/plan/PlanDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;

namespace mamba {
#define GEN_PASS_DEF_GPUGENERATEKERNELSPASS
#include "passes/gpu/Passes.h.inc"

namespace {

/// The class that decides the schedule of a kernel that several share.
TokenClass classOf(plan::KernelOp planned) {
  return planned.isDecodeOnly() ? TokenClass::Decode : TokenClass::Prefill;
}

struct GpuGenerateKernels : impl::GpuGenerateKernelsPassBase<GpuGenerateKernels> {
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
    auto code = gpu::GPUModuleOp::create(b, module.getLoc(), "code");
    SmallVector<plan::KernelOp> all(module.getOps<plan::KernelOp>());
    SymbolTable symbols(module);
    for (plan::KernelOp planned : all) {
      if (failed(generate(planned, *target, code)) ||
          failed(generateVariants(planned, *target, code, symbols)))
        return signalPassFailure();
      plan::KernelOp copy = copyForDecode(planned, *target, symbols);
      if (copy && (failed(generate(copy, *target, code)) ||
                   failed(generateVariants(copy, *target, code, symbols))))
        return signalPassFailure();
    }
  }

  /// A schedule may be the same for decode steps and for others, but only those
  /// have variants of their own: a copy for them if so, else null.
  plan::KernelOp copyForDecode(plan::KernelOp planned, const Target &target,
                               SymbolTable &symbols) {
    OpBuilder b(planned);
    StringAttr decode = b.getStringAttr(tokenClassName(TokenClass::Decode));
    SmallVector<Attribute> others(planned.getClasses().getValue());
    if (others.size() < 2 || !llvm::is_contained(others, decode) ||
        find(planned, target)->variants(planned.getKernel(), target, TokenClass::Decode).empty())
      return {};
    llvm::erase(others, decode);
    planned.setClassesAttr(b.getArrayAttr(others));
    plan::KernelOp copy = planned.clone();
    copy.setClassesAttr(b.getArrayAttr(decode));
    copy.removeVariantsAttr();
    copy.setSymName((planned.getSymName() + "_decode").str());
    symbols.insert(copy, std::next(planned->getIterator()));
    for (auto program : getOperation().getOps<plan::ProgramOp>())
      if (program.getClassNameAttr() == decode)
        (void)SymbolTable::replaceAllSymbolUses(planned.getSymNameAttr(), copy.getSymNameAttr(),
                                                program);
    return copy;
  }

  const GpuGenerator *find(plan::KernelOp planned, const Target &target) {
    std::string reason;
    const KernelGenerator *generator = findGenerator(planned.getKernel(), target, reason);
    if (!generator)
      planned.emitError("no kernel can be generated for target '") << target.name << "': " << reason;
    return static_cast<const GpuGenerator *>(generator);
  }

  LogicalResult generate(plan::KernelOp planned, const Target &target, gpu::GPUModuleOp code) {
    const GpuGenerator *generator = find(planned, target);
    if (!generator)
      return failure();
    ssm::KernelOp kernel = planned.getKernel();
    ssm::ScheduleAttr schedule = kernel.getScheduleAttr();
    if (!schedule)
      schedule = generator->schedule(kernel, target, classOf(planned));
    std::string reason;
    if (!generator->isLegal(kernel, target, schedule, reason))
      return planned.emitError("the schedule does not fit target '")
             << target.name << "': " << reason;
    kernel.setScheduleAttr(schedule);
    OpBuilder inside = OpBuilder::atBlockEnd(code.getBody());
    GpuEmitter emitter(inside, planned.getLoc(), planned.getSymName(), kernel, target, schedule);
    KernelGrid grid = generator->generate(emitter);
    planned.setGridAttr(gridAttr(&getContext(), grid));
    planned.setScratchAttr(inside.getI64IntegerAttr(0));
    planned.setThreadsAttr(inside.getI64IntegerAttr(emitter.threads));
    planned.setSharedAttr(inside.getI64IntegerAttr(emitter.sharedBytes()));
    return success();
  }

  LogicalResult generateVariants(plan::KernelOp planned, const Target &target,
                                 gpu::GPUModuleOp code, SymbolTable &symbols) {
    // Results of the class invariant must not depend on the number of sequences.
    if (llvm::is_contained(planned.getClasses().getAsValueRange<StringAttr>(),
                           tokenClassName(TokenClass::Invariant)))
      return success();
    SmallVector<Attribute> names;
    for (const GpuVariant &variant :
         find(planned, target)->variants(planned.getKernel(), target, classOf(planned))) {
      plan::KernelOp copy = planned.clone();
      copy.setSymName((planned.getSymName() + "_" + variant.suffix).str());
      copy.getKernel().setScheduleAttr(variant.schedule);
      copy->removeAttr("ssm.schedule_from");
      symbols.insert(copy, std::next(planned->getIterator()));
      if (failed(generate(copy, target, code)))
        return failure();
      names.push_back(plan::VariantAttr::get(
          &getContext(), FlatSymbolRefAttr::get(copy.getSymNameAttr()), variant.maxSequences));
    }
    if (!names.empty())
      planned.setVariantsAttr(ArrayAttr::get(&getContext(), names));
    return success();
  }
};

} // namespace
} // namespace mamba
