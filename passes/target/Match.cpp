#include "passes/target/Match.h"

using namespace mlir;

namespace mamba {

bool consistsOf(ssm::KernelOp kernel, llvm::function_ref<bool(Operation *)> known) {
  return llvm::all_of(kernel.getBlock().without_terminator(),
                      [&](Operation &op) { return known(&op); });
}

/// What the rows are a part of, as it lies in memory.
static Value wholeRows(Value rows) {
  rows = unwidened(rows);
  while (auto split = rows.getDefiningOp<ssm::SplitOp>())
    rows = unwidened(split.getX());
  return rows;
}

Type storedElement(Value rows) { return getElementTypeOrSelf(wholeRows(rows).getType()); }

bool isOfSequences(ssm::KernelOp kernel, Value rows) {
  auto argument = dyn_cast<BlockArgument>(unwidened(rows));
  if (!argument)
    return false;
  Value source = kernel.getInput(argument);
  if (auto producer = source.getDefiningOp<ssm::KernelOp>())
    source = yielded(producer, cast<OpResult>(source).getResultNumber());
  return source.getDefiningOp<ssm::LastRowsOp>() != nullptr;
}

bool isRowsView(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getRank() == 2 && type.isDynamicDim(0) && type.getElementType().isF32() &&
         isa<BlockArgument>(wholeRows(value));
}

bool isBorder(Operation *op) {
  if (isa<ssm::SplitOp, ssm::UnpackOp, ssm::DequantizeOp>(op))
    return true;
  auto cast = dyn_cast<ssm::CastOp>(op);
  if (!cast)
    return false;
  if (isRowsView(cast.getY()))
    return true;
  return getElementTypeOrSelf(cast.getX().getType()).isF32() &&
         llvm::all_of(cast->getUsers(), [](Operation *user) { return isa<ssm::YieldOp>(user); });
}

/// Whether the value is rows of f16 or bf16.
static bool isNarrow(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getRank() == 2 && type.isDynamicDim(0) &&
         isa<FloatType>(type.getElementType()) && !type.getElementType().isF32();
}

bool computesInF32(ssm::KernelOp kernel, std::string &reason) {
  for (Operation &op : kernel.getBlock().without_terminator())
    if (!isBorder(&op) &&
        (llvm::any_of(op.getOperands(), isNarrow) || llvm::any_of(op.getResults(), isNarrow))) {
      reason = "rows are f32 inside of a kernel: cast them where it reads and where it yields";
      return false;
    }
  return true;
}

bool readsOnlyF32(ssm::KernelOp kernel, std::string &reason) {
  if (llvm::none_of(kernel.getBlock().getArguments(), isNarrow) &&
      llvm::none_of(kernel.getResults(), isNarrow))
    return true;
  reason = "its rows must be f32: use --activations=f32";
  return false;
}

bool isElementwise(Operation *op) {
  return isa<ssm::SiluOp, ssm::SoftplusOp, ssm::AddOp, ssm::GateOp>(op);
}

static bool isSource(Operation *op) { return isa<ssm::EmbeddingOp, ssm::LastRowsOp, ssm::RMSNormOp>(op); }

/// A part of what is computed in the kernel stands in no buffer.
static bool isPartOfComputed(Value value) {
  return value.getDefiningOp<ssm::SplitOp>() && !isRowsView(value);
}

bool matchRows(ssm::KernelOp kernel, std::string &reason) {
  bool sequences = false, rows = false;
  if (!computesInF32(kernel, reason))
    return false;
  for (Operation &op : kernel.getBlock().without_terminator()) {
    if (isBorder(&op))
      continue;
    if (!isElementwise(&op) && !isSource(&op))
      return false;
    if (llvm::any_of(op.getOperands(), isPartOfComputed)) {
      reason = "an operand is a part of what is computed in the kernel";
      return false;
    }
    if (auto embedding = dyn_cast<ssm::EmbeddingOp>(op)) {
      if (!isWeightArgument(embedding.getTable()) || !isa<BlockArgument>(embedding.getTokens())) {
        reason = "the table of the embedding must be an operand of the kernel";
        return false;
      }
    } else if (auto norm = dyn_cast<ssm::RMSNormOp>(op)) {
      if (!isRowsView(norm.getX()) || (norm.getWeight() && !isa<BlockArgument>(norm.getWeight()))) {
        reason = "the input of the norm is computed in the kernel";
        return false;
      }
    } else if (auto last = dyn_cast<ssm::LastRowsOp>(op)) {
      if (!isRowsView(last.getX())) {
        reason = "the input of last_rows is computed in the kernel";
        return false;
      }
    }
    (isa<ssm::LastRowsOp>(op) ? sequences : rows) = true;
  }
  if (sequences && rows) {
    reason = "rows of tokens and rows of sequences in one kernel";
    return false;
  }
  for (Type type : kernel.getResultTypes())
    if (auto tensor = dyn_cast<RankedTensorType>(type);
        !tensor || tensor.getRank() != 2 || !tensor.isDynamicDim(0) ||
        !isa<FloatType>(tensor.getElementType())) {
      reason = "a result is not rows";
      return false;
    }
  for (unsigned i = 0; i < kernel.getNumResults(); ++i) {
    Value value = yielded(kernel, i);
    if (kernel.getTiedInput(i) || isPartOfComputed(value) ||
        !getElementTypeOrSelf(value.getType()).isF32() ||
        (!isRowsView(value) && !value.getDefiningOp()))
      return false;
  }
  return kernel.getNumResults() > 0;
}

bool matchWeights(ssm::KernelOp kernel, std::string &reason) {
  if (kernel.getNumResults() != 1 || kernel.getBlock().without_terminator().empty())
    return false;
  for (Operation &op : kernel.getBlock().without_terminator())
    if (!isa<ssm::CastOp, ssm::ReshapeOp, ssm::DecayOp, ssm::ScaleOp, ssm::ScaleColumnsOp,
             ssm::PackOp, ssm::UnpackOp, ssm::QuantScalesOp, ssm::QuantizeOp, ssm::DequantizeOp>(op))
      return false;
  Value yielded = kernel.getBlock().getTerminator()->getOperand(0);
  auto type = dyn_cast<RankedTensorType>(yielded.getType());
  if (!type || !type.hasStaticShape() || !yielded.getDefiningOp())
    return false;
  // The pack's padding has no source: it must be the last step.
  for (auto pack : kernel.getBlock().getOps<ssm::PackOp>())
    if (pack.getResult() != yielded) {
      reason = "an op after 'ssm.pack'";
      return false;
    }
  return true;
}


std::optional<SampleParts> matchSample(ssm::KernelOp kernel, std::string &reason) {
  auto ops = kernel.getBlock().without_terminator();
  if (ops.empty() || !isa<ssm::ArgmaxOp, ssm::SampleOp>(*std::prev(ops.end())))
    return std::nullopt;
  Operation *op = &*std::prev(ops.end());
  SampleParts parts;
  parts.argmax = dyn_cast<ssm::ArgmaxOp>(op);
  parts.sample = dyn_cast<ssm::SampleOp>(op);
  parts.logits = op->getOperand(0);
  parts.valid = parts.argmax ? parts.argmax.getValid() : parts.sample.getValid();
  bool known = consistsOf(kernel, [&](Operation *other) {
    return other == op || isBorder(other);
  });
  for (Value operand : op->getOperands())
    known &= isRowsView(operand) || (isa<BlockArgument>(operand) &&
                                     !isa<FloatType>(getElementTypeOrSelf(operand)));
  for (unsigned i = 0; i < kernel.getNumResults(); ++i)
    known &= yielded(kernel, i).getDefiningOp() == op;
  if (!known) {
    reason = "sampling reads f32 logits, and nothing else is in its kernel";
    return std::nullopt;
  }
  return parts;
}

} // namespace mamba
