// --gpu-overlap-launches: a kernel begins while the one before it still runs, and
// waits where it first needs what that leaves behind.
//
// The wait is where a kernel's weights, which nothing writes any more, are no
// longer all that it touches: what stands before it, the first weights of a
// projection above all, comes from memory while the kernel before it ends. It
// stands at the top level, so all threads execute it, and every kernel of a chain
// does: the end of one is the end of all before it.
//
// Right behind the wait a kernel lets the next one begin. That happens when all
// of its blocks have said so or ended, so the next takes no room from blocks that
// have yet to start, however many waves there are; to say so before the wait would
// only let a third kernel in, whose loads of weights go before those of the first.
#include "passes/gpu/Passes.h"

#include "dialects/plan/PlanDialect.h"
#include "passes/target/Target.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace mamba {
#define GEN_PASS_DEF_GPUOVERLAPLAUNCHESPASS
#define GEN_PASS_DEF_GPUGRIDDEPENDENCIESPASS
#include "passes/gpu/Passes.h.inc"

namespace {

/// What a pointer points into: an argument, or what made it.
Value rootOf(Value pointer) {
  while (Operation *op = pointer.getDefiningOp()) {
    auto view = dyn_cast<ViewLikeOpInterface>(op);
    if (!view)
      break;
    pointer = view.getViewSource();
  }
  return pointer;
}

bool isShared(Value pointer) {
  auto type = dyn_cast<MemRefType>(pointer.getType());
  return type && gpu::GPUDialect::isWorkgroupMemoryAddressSpace(type.getMemorySpace());
}

struct GpuOverlapLaunches : impl::GpuOverlapLaunchesPassBase<GpuOverlapLaunches> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<Target> target = targetOf(module);
    if (failed(target))
      return signalPassFailure();
    constexpr int64_t firstChip = 90;
    auto code = module.lookupSymbol<gpu::GPUModuleOp>("code");
    if (target->chip < firstChip || !code)
      return;
    for (auto &[planned, isWeight] : kernelsOfPrograms(module))
      if (auto function = code.lookupSymbol<gpu::GPUFuncOp>(planned.getSymName()))
        overlap(planned, function, isWeight);
  }

  /// The kernels that programs run, and which of their arguments are weights in
  /// all of them. Those of the recipe write weights.
  using Kernels = llvm::MapVector<plan::KernelOp, llvm::BitVector>;
  Kernels kernelsOfPrograms(ModuleOp module) {
    Kernels kernels;
    auto add = [&](plan::KernelOp planned, const llvm::BitVector &isWeight) {
      auto [known, isNew] = kernels.try_emplace(planned, isWeight);
      if (!isNew)
        known->second &= isWeight;
    };
    for (auto program : module.getOps<plan::ProgramOp>())
      for (auto dispatch : program.getBody().getOps<plan::DispatchOp>()) {
        llvm::BitVector isWeight(dispatch.getArgs().size());
        for (auto [i, buffer] : llvm::enumerate(dispatch.getArgs()))
          isWeight[i] = isa_and_present<plan::WeightOp, plan::PackedOp>(buffer.getDefiningOp());
        plan::KernelOp planned = dispatch.getKernelOp();
        add(planned, isWeight);
        if (ArrayAttr variants = planned.getVariantsAttr())
          for (auto variant : variants.getAsRange<plan::VariantAttr>())
            add(module.lookupSymbol<plan::KernelOp>(variant.getKernel().getAttr()), isWeight);
      }
    for (auto recipe : module.getOps<plan::RecipeOp>())
      for (auto dispatch : recipe.getBody().getOps<plan::DispatchOp>())
        kernels.erase(dispatch.getKernelOp());
    return kernels;
  }

  /// Arguments of the step stand before the dispatch's.
  static constexpr unsigned stepArguments = 4;

  void overlap(plan::KernelOp planned, gpu::GPUFuncOp function, const llvm::BitVector &isWeight) {
    for (unsigned i = 0; i < function.getFunctionType().getNumInputs(); ++i)
      // What others write may be read behind the wait only: not to alias would let
      // LLVM read it before, and constant memory the machine.
      if (i < stepArguments || !isWeight[i - stepArguments])
        function.removeArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName());
    auto mayTouch = [&](Value pointer) {
      Value root = rootOf(pointer);
      auto argument = dyn_cast<BlockArgument>(root);
      return !isShared(root) && !(argument && argument.getOwner() == &function.front() &&
                                  argument.getArgNumber() >= stepArguments &&
                                  isWeight[argument.getArgNumber() - stepArguments]);
    };
    auto needsOthers = [&](Operation *op) {
      auto effects = dyn_cast<MemoryEffectOpInterface>(op);
      if (!effects)
        return !op->hasTrait<OpTrait::HasRecursiveMemoryEffects>();
      SmallVector<MemoryEffects::EffectInstance> all;
      effects.getEffects(all);
      return llvm::any_of(all, [&](const MemoryEffects::EffectInstance &effect) {
        return !effect.getValue() || mayTouch(effect.getValue()) ||
               (isa<MemoryEffects::Write>(effect.getEffect()) &&
                !isShared(rootOf(effect.getValue())));
      });
    };
    Operation *first = function.front().getTerminator();
    for (Operation &op : function.front().without_terminator())
      if (op.walk([&](Operation *inner) {
              return needsOthers(inner) ? WalkResult::interrupt() : WalkResult::advance();
            }).wasInterrupted()) {
        first = &op;
        break;
      }
    keepBefore(function, first);
    OpBuilder b(first);
    NVVM::GriddepcontrolOp::create(b, first->getLoc(), NVVM::GridDepActionKind::wait);
    NVVM::GriddepcontrolOp::create(b, first->getLoc(),
                                   NVVM::GridDepActionKind::launch_dependents);
    planned.setOverlap(true);
  }

  /// The assembler moves loads of constant memory (ld.global.nc) behind the wait, so
  /// weights of which some are loaded before it are not constant.
  static void keepBefore(gpu::GPUFuncOp function, Operation *wait) {
    for (Operation &op : llvm::make_range(function.front().begin(), wait->getIterator()))
      op.walk([&](MemoryEffectOpInterface inner) {
        SmallVector<MemoryEffects::EffectInstance> all;
        inner.getEffects(all);
        for (const MemoryEffects::EffectInstance &effect : all)
          if (auto argument = dyn_cast_if_present<BlockArgument>(
                  effect.getValue() ? rootOf(effect.getValue()) : Value());
              argument && argument.getOwner() == &function.front() &&
              argument.getArgNumber() < function.getFunctionType().getNumInputs())
            function.removeArgAttr(argument.getArgNumber(),
                                   LLVM::LLVMDialect::getNoAliasAttrName());
      });
  }
};

struct GpuGridDependencies : impl::GpuGridDependenciesPassBase<GpuGridDependencies> {
  void runOnOperation() override {
    getOperation()->walk([](NVVM::GriddepcontrolOp op) {
      OpBuilder b(op);
      std::string action = NVVM::stringifyGridDepActionKind(op.getKind()).str();
      LLVM::InlineAsmOp::create(b, op.getLoc(), TypeRange(), ValueRange(),
                                "griddepcontrol." + action + ";", "~{memory}",
                                /*has_side_effects=*/true, /*is_align_stack=*/false,
                                LLVM::tailcallkind::TailCallKind::None,
                                /*asm_dialect=*/nullptr, /*operand_attrs=*/nullptr);
      op.erase();
    });
  }
};

} // namespace
} // namespace mamba
