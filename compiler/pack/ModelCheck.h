// The end-to-end check of a pack: what the float64 reference says of the whole
// model for documented tokens.
#pragma once

#include "compiler/pipeline/Pipeline.h"
#include "runtime/pack/Manifest.h"
#include "runtime/support/Checkpoint.h"
#include "runtime/support/Status.h"

#include "mlir/IR/BuiltinOps.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace mamba {

/// An upper bound of the products that the reference takes for the check.
uint64_t modelCheckProducts(const Manifest &manifest);

/// What the reference gives: the content of the check's blob, and the tolerance.
struct ModelCheckValues {
  std::vector<float> samples;
  double tolerance = 0;
};

/// The check of a model whose manifest has its entries, weights and description;
/// values are to come.
Result<CheckSpec> describeModelCheck(const Manifest &manifest, const Checkpoint &checkpoint);

/// The entry as targets round its rows: whoever rounds alike is one of `kinds`.
struct RoundedRows {
  std::map<std::string, mlir::OwningOpRef<mlir::ModuleOp>> kinds; // By the program's text.
  std::set<std::string> programs; // The texts of all, with their schedules.
};
/// Empty where rows are not rounded.
Result<RoundedRows> roundRows(mlir::ModuleOp imported, const std::vector<PipelineOptions> &targets);

/// Its values. `imported` is the module as imported: its matrices are rounded as
/// in the kernels, rows are not. The most that rounded rows do to the logits is in
/// the tolerance.
Result<ModelCheckValues> computeModelCheck(const Manifest &manifest, const CheckSpec &check,
                                           mlir::ModuleOp imported, const PipelineOptions &options,
                                           const RoundedRows &rounded,
                                           const Checkpoint &checkpoint);

} // namespace mamba
