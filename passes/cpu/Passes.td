// Passes of the CPU stage.
#ifndef PASSES_CPU_PASSES_TD
#define PASSES_CPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def PackOperandsPass : Pass<"cpu-pack-operands", "::mlir::ModuleOp"> {
  let summary = "give each kernel its weights in the layout that its generator reads";
  let description = [{
    Needs schedules (`--ssm-assign-schedules`). Outside of the kernel the weight
    is packed, which the recipe does once; inside it is unpacked again, which
    keeps the meaning.

    Before:
    ```mlir
    %y = ssm.kernel (%x = %0, %w = %1) schedule <lanes = 16, ..., col_tile = 64> ... {
      %r = ssm.linear %x, %w : tensor<?x64xf32>, tensor<200x64xf32> -> tensor<?x200xf32>
    ```
    After:
    ```mlir
    %p = ssm.pack %1 block 64 : tensor<200x64xf32> -> tensor<4x64x64xf32>
    %y = ssm.kernel (%x = %0, %w = %p) ... {
      %u = ssm.unpack %w : tensor<4x64x64xf32> -> tensor<200x64xf32>
      %r = ssm.linear %x, %u : ...
    ```
  }];
  let dependentDialects = ["::mamba::ssm::SSMDialect"];
}

def GenerateKernelsPass : Pass<"cpu-generate-kernels", "::mlir::ModuleOp"> {
  let summary = "write the code of each plan.kernel";
  let description = [{
    For each `plan.kernel` its generator writes a function of the same name in
    the nested module `@code`, and sets the kernel's grid and scratch memory.
    The function's arguments are in passes/cpu/README.md.
  }];
  let dependentDialects = [
    "::mlir::amx::AMXDialect", "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
    "::mlir::vector::VectorDialect", "::mamba::plan::PlanDialect"];
}

def KernelEntryPass : Pass<"cpu-kernel-entry", "::mlir::ModuleOp"> {
  let summary = "put the entry of the kernel ABI around each kernel";
  let description = [{
    Runs on a module of `llvm.func`, one a kernel. Each becomes the internal
    `@name.body`, always inlined, and `@name(%args: !llvm.ptr, %tile: i32)` loads
    what it takes from a MambaKernelArgs and calls it: so the body keeps its
    noalias arguments.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif
