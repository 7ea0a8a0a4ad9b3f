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
