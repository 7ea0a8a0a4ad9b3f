// The end-to-end check of a pack: what the float64 reference says of the whole
// model for documented tokens.
#pragma once

#include "compiler/pipeline/Pipeline.h"
#include "runtime/pack/Manifest.h"
#include "runtime/support/Checkpoint.h"
#include "runtime/support/Status.h"

#include "mlir/IR/BuiltinOps.h"

#include <cstdint>
#include <string>
#include <vector>

namespace mamba {

/// An upper bound of the products that the reference takes for the check.
uint64_t modelCheckProducts(const Manifest &manifest);

/// Gives the manifest of a model, which has its entries, weights and
/// description, a check whose blob has the name `blob`; the result is the
/// blob's content. `imported` is the module as imported: its matrices are rounded
/// as in the kernels, rows are not. What that does to the logits of the options'
/// target is in the tolerance.
Result<std::vector<float>> addModelCheck(Manifest &manifest, mlir::ModuleOp imported,
                                         const PipelineOptions &options,
                                         const Checkpoint &checkpoint, const std::string &blob);

} // namespace mamba
