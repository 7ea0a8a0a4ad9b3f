// The arithmetic of the selective scan, written once for all devices, over f32
// numbers or vectors of channels (arXiv 2312.00752, algorithm 2).
#pragma once

#include "passes/target/VectorMath.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace mamba {

/// dt = delta + bias (null: none), then softplus if it stands there.
mlir::Value scanStepSize(VectorMath &math, mlir::Value delta, mlir::Value bias, bool softplus);

/// One step of some states of a channel: h[i] becomes exp2(dt decay[i]) h[i] +
/// dtU B(i), and h[i] C(i) is added to sums[i % sums.size()]. decay is A
/// log2(e). Sums are chains over the states in order. The exponentials of the
/// first `fmaExp` states are polynomials, for decays that do not grow. Without C
/// there are no sums.
void scanStep(VectorMath &math, mlir::Value dt, mlir::Value dtU,
              llvm::ArrayRef<mlir::Value> decay, llvm::function_ref<mlir::Value(int64_t)> B,
              llvm::function_ref<mlir::Value(int64_t)> C,
              llvm::MutableArrayRef<mlir::Value> h, llvm::MutableArrayRef<mlir::Value> sums,
              int64_t fmaExp = 0);

/// The state h with which a slice of time began, and what the slice makes of a
/// state of 0: what it leaves, if the sum of its dt is `sum`.
mlir::Value scanEntry(VectorMath &math, mlir::Value sum, mlir::Value decay, mlir::Value h,
                      mlir::Value found);

/// y + D u, then times silu(z); D and z may be null.
mlir::Value scanOutput(VectorMath &math, mlir::Value y, mlir::Value D, mlir::Value u,
                       mlir::Value z);

} // namespace mamba
