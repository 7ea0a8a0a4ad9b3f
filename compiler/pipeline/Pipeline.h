// The only place that orders passes.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/LLVM.h"

#include <string>

namespace mamba {

/// The phases that one can stop at, in order.
///   fused:   one ssm.kernel for each kernel, with its schedule
///   kernels: the plan, and each kernel as its generator wrote it
///   llvm:    of a cpu target, the kernels in the llvm dialect, with the entries of the ABI
///   nvvm:    of a cuda target, the kernels in the nvvm dialect
///   cuda:    of a cuda target, as kernels: what C++ is written from
enum class Phase { Fused, Kernels, LLVM, NVVM, Cuda };

struct PipelineOptions {
  std::string target = "cpu:native";
  bool batchInvariant = false;
  /// Of a CPU's scans: how many slices long steps are cut into, 2 to 16, 0: none, and
  /// how many channels a tile has, 16, 32 or 64, 0: four vectors of them. GPUs have
  /// rules of their own.
  int64_t scanSlices = 0, scanBlock = 0;
  /// Kernels of a GPU begin while the one before them ends, where it can.
  bool overlap = true;
  /// f32, bf16, f16, int8 or int4; f32, bf16, f16 or int8, which needs matrices of integers.
  std::string weights = "f32", activations = "f32";
  /// Schedules are the best known where they are: of what the compiler knows, if
  /// `knownSchedules`, and of a file (compiler/tune/README.md), if there is one.
  bool knownSchedules = true;
  std::string scheduleFile;
};

/// Adds the passes that take an ssm module, as imported, to the phase. An
/// unknown target is an error that lists the known ones, one that does not go
/// with the phase as well.
void buildPipeline(mlir::OpPassManager &pm, const PipelineOptions &options, Phase until);

/// The same, run on a module; errors are diagnostics.
llvm::LogicalResult runPipeline(mlir::ModuleOp module, const PipelineOptions &options, Phase until);

/// Rounds the matrices of an ssm module as the pipeline does, and nothing else:
/// what the kernels approximate.
llvm::LogicalResult roundWeights(mlir::ModuleOp module, const PipelineOptions &options);

/// Takes a module in phase kernels, or cuda, to llvm or nvvm.
llvm::LogicalResult legalizeKernels(mlir::ModuleOp module);

/// Dialects, passes, generators and pipelines of the compiler.
void registerCompiler(mlir::DialectRegistry &registry);

} // namespace mamba
