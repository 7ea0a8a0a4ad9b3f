// Evaluates functions over ssm ops, and the regions of ssm.kernel, op by op in
// float64.
#pragma once

#include "compiler/reference/Ops.h"

#include "mlir/IR/Region.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/LogicalResult.h"

#include <optional>
#include <variant>
#include <vector>

namespace mamba::reference {

/// What an SSA value of a function over ssm ops stands for.
using Value = std::variant<Tensor, BatchValue>;

/// The tensor that `ssm.weight "name"` stands for, or none.
using WeightLookup =
    llvm::function_ref<std::optional<Tensor>(llvm::StringRef name)>;

/// The lookup of a block that reads no weights.
inline std::optional<Tensor> noWeights(llvm::StringRef) { return std::nullopt; }

/// The operands of the block's terminator when its arguments have the values
/// `inputs`. Takes the block of a function or of an ssm.kernel; kernels inside
/// are entered. Wrong inputs (number, shape, an ill-formed batch, tokens or
/// slots out of range), a missing weight and an op that is not of the ssm
/// dialect emit an error and fail.
llvm::FailureOr<std::vector<Value>> evaluate(mlir::Block &block,
                                             llvm::ArrayRef<Value> inputs,
                                             WeightLookup weights = noWeights);

/// The same for a region of one block.
inline llvm::FailureOr<std::vector<Value>>
evaluate(mlir::Region &region, llvm::ArrayRef<Value> inputs,
         WeightLookup weights = noWeights) {
  return evaluate(region.front(), inputs, weights);
}

} // namespace mamba::reference
