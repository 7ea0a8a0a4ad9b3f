// A bound Mamba-1 checkpoint as functions over ssm ops.
#pragma once

#include "compiler/import/Mamba1Weights.h"

#include "mlir/IR/BuiltinOps.h"

#include <optional>

namespace mamba {

/// What the norms add to the mean of squares. Falcon-Mamba has norms without a
/// weight of d, B and C too; Mamba-1 has none.
struct NormEps {
  double layers;
  std::optional<double> mixer;
};

/// Adds @next, @logits and @sample, the whole model; validVocab is 0 if unknown.
void buildMamba1Model(mlir::ModuleOp module, const Mamba1Weights &weights,
                      NormEps eps, int64_t validVocab);

/// Adds @block, one layer with its norm and residual.
void buildMamba1Block(mlir::ModuleOp module, const Mamba1Weights &weights,
                      NormEps eps, int64_t layer);

/// Adds @scan and @scan_gated, the scan with a layer's A, D and dt bias, behind
/// all norms.
void buildMamba1Scan(mlir::ModuleOp module, const Mamba1Weights &weights,
                     int64_t layer);

} // namespace mamba
