// Passes of the GPU stage.
#ifndef PASSES_GPU_PASSES_TD
#define PASSES_GPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def GpuGenerateKernelsPass : Pass<"gpu-generate-kernels", "::mlir::ModuleOp"> {
  let summary = "write the code of each plan.kernel for a GPU";
  let description = [{
    For each `plan.kernel` its generator writes a `gpu.func` of the same name in
    the `gpu.module @code`, and sets the kernel's grid, threads and shared
    memory. Where the generator has another schedule for steps of few sequences,
    that becomes a `plan.kernel` of its own, which the first names as its
    variant. The function's arguments are in passes/gpu/README.md.

    Before:
    ```mlir
    plan.kernel @scan_128x16 for ["prefill"] (...) { ssm.kernel ... }
    ```
    After:
    ```mlir
    plan.kernel @scan_128x16 for ["prefill"] grid <of = sequences, times = 2> scratch 0 threads 64
      shared 12288 variants [#plan.variant<@scan_128x16_few, max_sequences = 64>] (...) { ssm.kernel ... }
    plan.kernel @scan_128x16_few for ["prefill"] grid ... (...) { ssm.kernel ... }
    gpu.module @code {
      gpu.func @scan_128x16(...) workgroup(...) kernel { ... }
      gpu.func @scan_128x16_few(...) workgroup(...) kernel { ... }
    }
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect", "::mlir::NVVM::NVVMDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect", "::mamba::plan::PlanDialect"];
}

def GpuOverlapLaunchesPass : Pass<"gpu-overlap-launches", "::mlir::ModuleOp"> {
  let summary = "kernels of programs begin before the one before them ends";
  let description = [{
    From sm_90 on. Each kernel that programs run, and the recipe does not, waits
    before the first op of its top level that may touch global memory other than
    weights (arguments that are `plan.weight` or `plan.packed` in all dispatches), and
    then lets the next one begin. Its `plan.kernel` gets `overlap`. Of its
    arguments only weights that are not read before stay `noalias`: others' memory
    could be read earlier, and the assembler would read weights later.

    Before:
    ```mlir
    %w = vector.load %weights[%c0, %i] ...
    %x = vector.load %rows[%row, %i] ...
    ```
    After:
    ```mlir
    %w = vector.load %weights[%c0, %i] ...
    nvvm.griddepcontrol wait
    nvvm.griddepcontrol launch_dependents
    %x = vector.load %rows[%row, %i] ...
    ```
  }];
  let dependentDialects = ["::mlir::NVVM::NVVMDialect"];
}

def GpuGridDependenciesPass : Pass<"gpu-grid-dependencies", "::mlir::gpu::GPUModuleOp"> {
  let summary = "no load or store passes a wait for the kernel before";
  let description = [{
    For LLVM the intrinsics of `nvvm.griddepcontrol` touch no memory, so that it may
    move loads over them; assembly that may touch all stays where it is.

    Before: `nvvm.griddepcontrol wait`
    After: `llvm.inline_asm has_side_effects "griddepcontrol.wait;", "~{memory}"`
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def GpuLoopAnnotationsPass : Pass<"gpu-loop-annotations", "::mlir::gpu::GPUModuleOp"> {
  let summary = "keep what is said about unrolling a loop";
  let description = [{
    The conversion of `cf` that comes with MLIR's conversion of `gpu` leaves the
    annotation of a loop beside the branch's own attribute, where LLVM does not
    look. Runs after it.

    Before: `llvm.br ^bb1(%i : i64) {llvm.loop_annotation = #rolled}`
    After: `llvm.br ^bb1(%i : i64) {loop_annotation = #rolled}`
  }];
}

#endif
