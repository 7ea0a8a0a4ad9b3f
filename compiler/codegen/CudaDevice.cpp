// What only a GPU has, in CUDA C++.
#include "compiler/codegen/CudaKernel.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;

namespace mamba {

std::optional<CudaExpr> CudaKernel::intrinsic(Operation *op) {
  auto intrinsic = cast<LLVM::CallIntrinsicOp>(op);
  const CudaFunction *known = cudaFunctionOf(intrinsic.getIntrin());
  if (!known || op->getNumResults() != 1) {
    op->emitError("'llvm.call_intrinsic' has no CUDA C++: it calls ") << intrinsic.getIntrin();
    return std::nullopt;
  }
  functions.insert(known);
  SmallVector<CudaExpr> arguments;
  for (Value argument : intrinsic.getArgs())
    arguments.push_back(of(argument));
  return CudaExpr{call(known->name, arguments)};
}

/// "Idx" of threadIdx, blockIdx, ... in a dimension.
static std::string builtin(StringRef name, gpu::Dimension dimension) {
  return (name + "." + gpu::stringifyDimension(dimension)).str();
}

static StringRef shuffleName(gpu::ShuffleMode mode) {
  switch (mode) {
  case gpu::ShuffleMode::XOR:
    return "__shfl_xor_sync";
  case gpu::ShuffleMode::UP:
    return "__shfl_up_sync";
  case gpu::ShuffleMode::DOWN:
    return "__shfl_down_sync";
  case gpu::ShuffleMode::IDX:
    break;
  }
  return "__shfl_sync";
}

LogicalResult CudaKernel::device(Operation *op) {
  auto number = [&](StringRef name, gpu::Dimension dimension, StringRef variable) {
    Value result = op->getResult(0);
    std::string text = builtin(name, dimension);
    if (dimension != gpu::Dimension::x || exprs.contains(result)) {
      exprs[result] = castTo("long long", {text});
      return success();
    }
    this->text.line("const long long " + variable.str() + " = " + text + ";");
    exprs[result] = {variable.str()};
    return success();
  };
  if (auto id = dyn_cast<gpu::ThreadIdOp>(op))
    return number("threadIdx", id.getDimension(), "thread");
  if (auto id = dyn_cast<gpu::BlockIdOp>(op))
    return number("blockIdx", id.getDimension(), "block");
  if (isa<gpu::BarrierOp, NVVM::Barrier0Op>(op))
    return text.line("__syncthreads();"), success();
  if (auto control = dyn_cast<NVVM::GriddepcontrolOp>(op)) {
    StringRef action = NVVM::stringifyGridDepActionKind(control.getKind());
    text.line("asm volatile(\"griddepcontrol." + action.str() + ";\" ::: \"memory\");");
    return success();
  }
  if (auto sync = dyn_cast<NVVM::SyncWarpOp>(op)) {
    const CudaExpr &mask = of(sync.getMask());
    text.line(mask.text == "0xffffffffu" ? "__syncwarp();" : "__syncwarp(" + mask.text + ");");
    return success();
  }
  if (auto shuffle = dyn_cast<gpu::ShuffleOp>(op)) {
    Type type = shuffle.getShuffleResult().getType();
    if (shuffle.getValid().use_empty() && (type.isF32() || type.isInteger(32)) &&
        matchPattern(shuffle.getWidth(), m_Constant()) && of(shuffle.getWidth()).text == "32u") {
      CudaExpr value = of(shuffle.getValue());
      if (value.isSigned)
        value = castTo("unsigned", value);
      define(shuffle.getShuffleResult(),
             {call(shuffleName(shuffle.getMode()),
                   {{"0xffffffffu"}, value, of(shuffle.getOffset())})});
      return success();
    }
  }
  return matrix(op);
}

} // namespace mamba
