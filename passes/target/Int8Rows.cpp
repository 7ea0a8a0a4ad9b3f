#include "passes/target/Int8Rows.h"

using namespace mlir;

namespace mamba {

ssm::Int8RowsOp int8RowsOf(const LinearParts &parts) {
  ssm::LinearOp linear = parts.linear;
  ssm::RMSNormOp norm = parts.norm;
  return (norm ? norm.getX() : linear.getX()).getDefiningOp<ssm::Int8RowsOp>();
}

bool wantsInt8Rows(ssm::KernelOp kernel, const Target &target, TokenClass tokens) {
  std::string reason;
  std::optional<LinearParts> parts = matchLinear(kernel, reason);
  if (!parts || !parts->linear.getW().getDefiningOp<ssm::DequantizeOp>())
    return false;
  bool isMany = tokens == TokenClass::Prefill || tokens == TokenClass::Long;
  return !isMany || !target.has("amx-bf16") ||
         !storedElement(parts->x).isBF16();
}

} // namespace mamba
