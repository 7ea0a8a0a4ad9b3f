#include "test/unit/gpu/LabProgram.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace mamba {

bool isWeightOfProgram(const plan::KernelArg &arg) {
  return arg.role == plan::Role::In && arg.type.hasStaticShape();
}

void addProgram(ModuleOp module, ArrayRef<plan::KernelOp> kernels) {
  constexpr int64_t arenaBytes = int64_t(1) << 40;
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  Location loc = module.getLoc();
  auto entry = plan::EntryOp::create(b, loc, b.getStringAttr("lab"));
  entry.getBody().emplaceBlock();
  auto program = plan::ProgramOp::create(
      b, loc, "lab", "prefill", /*invariant=*/false, IntegerAttr(),
      IntegerAttr(), IntegerAttr(), IntegerAttr(), arenaBytes, arenaBytes,
      arenaBytes);
  b.setInsertionPointToEnd(&program.getBody().emplaceBlock());
  for (plan::KernelOp planned : kernels) {
    SmallVector<Value> args;
    SmallVector<int32_t> roles;
    for (const plan::KernelArg &arg : plan::kernelArgs(planned.getKernel())) {
      auto type =
          MemRefType::get(arg.type.getShape(), arg.type.getElementType());
      if (isWeightOfProgram(arg))
        args.push_back(plan::PackedOp::create(b, loc, type, 0));
      else
        args.push_back(plan::BufferOp::create(
            b, loc, type,
            type.hasStaticShape() ? plan::Arena::C : plan::Arena::T, 0));
      roles.push_back(int32_t(arg.role));
    }
    plan::DispatchOp::create(
        b, loc, planned.getSymName(),
        plan::RowsAttr::get(module.getContext(), plan::RowKind::T), args,
        roles);
  }
}

} // namespace mamba
