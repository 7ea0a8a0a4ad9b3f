#include "compiler/predict/Argument.h"

using namespace mlir;

namespace mamba::predict {

/// Bytes of a row, or of all of a static type.
static uint64_t bytesOf(RankedTensorType type) {
  uint64_t bits = type.getElementTypeBitWidth();
  for (int64_t extent : type.getShape().drop_front(type.hasStaticShape() ? 0 : 1))
    bits *= uint64_t(extent);
  return bits / 8;
}

Argument argumentOf(const plan::KernelArg &planned, RowKind rows, uint64_t indexBelow) {
  Argument argument;
  argument.rows = argument.neededRows = rows;
  argument.bytes = bytesOf(planned.type);
  if (planned.role != plan::Role::In)
    argument.written = argument.bytes;
  if (planned.operand)
    argument.read = argument.bytes;
  if (planned.type.getElementType().isInteger(32))
    argument.indexBelow = indexBelow;
  return argument;
}

bool readsSequences(ssm::KernelOp kernel) {
  return llvm::any_of(kernel.getInputs(),
                      [](Value v) { return !isa<RankedTensorType>(v.getType()); });
}

} // namespace mamba::predict
