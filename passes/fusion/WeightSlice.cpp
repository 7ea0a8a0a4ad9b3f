#include "passes/fusion/WeightSlice.h"

#include "dialects/ssm/SSMDialect.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mamba::ssm;

bool mamba::isWeightSlice(Value value) {
  Operation *op = value.getDefiningOp();
  return op && isWeightOp(op);
}

bool mamba::isWeightOp(Operation *op) {
  if (isa<WeightOp>(op))
    return true;
  return isa<CastOp, ReshapeOp, PackOp, UnpackOp, DecayOp, ScaleOp,
             ScaleColumnsOp, QuantScalesOp, QuantizeOp, DequantizeOp>(op) &&
         llvm::all_of(op->getOperands(), isWeightSlice);
}
