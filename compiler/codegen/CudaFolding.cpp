#include "compiler/codegen/CudaFolding.h"

#include "compiler/codegen/CudaFunctions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace mamba {

bool isFreeInCuda(Operation *op) {
  if (auto cast = dyn_cast<arith::IndexCastOp>(op))
    return cast.getIn().getType().isInteger(64) || cast.getType().isInteger(64);
  return isa<arith::ConstantOp, vector::ExtractOp, memref::ReinterpretCastOp,
             memref::ExtractAlignedPointerAsIndexOp, LLVM::IntToPtrOp, LLVM::AddrSpaceCastOp,
             LLVM::ExtractValueOp>(op);
}

Value accumulator(Operation *op) {
  if (auto fma = dyn_cast<math::FmaOp>(op); fma && !isa<VectorType>(fma.getType()))
    return fma.getC();
  if (auto add = dyn_cast<arith::AddFOp>(op); add && !isa<VectorType>(add.getType()))
    return add.getRhs().getDefiningOp<arith::ConstantOp>() ? Value() : add.getLhs();
  return {};
}

bool isOfBlock(Value value, Block *block) {
  return value.getParentBlock() == block;
}

bool isContinued(Value value) {
  if (!value.hasOneUse())
    return false;
  OpOperand &use = *value.use_begin();
  Operation *user = use.getOwner();
  if (!isOfBlock(value, user->getBlock()))
    return false;
  if (auto mma = dyn_cast<NVVM::MmaOp>(user))
    return llvm::is_contained(mma.getOperandC(), value);
  if (auto loop = dyn_cast<scf::ForOp>(user))
    return use.getOperandNumber() >= loop.getNumControlOperands();
  return accumulator(user) == value;
}

CudaFolding::CudaFolding(Region &body) {
  for (Block &block : body)
    visit(block);
}

/// Depends on its operands alone.
static bool isPureInCuda(Operation *op) {
  auto call = dyn_cast<LLVM::CallIntrinsicOp>(op);
  return call ? cudaFunctionOf(call.getIntrin()) != nullptr : isMemoryEffectFree(op);
}

/// The dynamic sizes of a memref are not written.
static bool isSizeOnly(Operation *op) {
  return op->getNumResults() == 1 && llvm::all_of(op->getResult(0).getUses(), [](OpOperand &use) {
           auto cast = dyn_cast<memref::ReinterpretCastOp>(use.getOwner());
           return cast && llvm::is_contained(cast.getSizes(), use.get()) &&
                  !llvm::is_contained(cast.getOffsets(), use.get());
         });
}

/// A vector is written into a use that takes it whole.
static bool takesVector(Operation *user) {
  return isa<vector::StoreOp, scf::YieldOp>(user);
}

void CudaFolding::visit(Block &block) {
  // From the end: where an op is evaluated is known before what it reads.
  DenseMap<Operation *, Operation *> evaluated;
  DenseMap<Operation *, unsigned> effectsBefore;
  unsigned effects = 0;
  for (Operation &op : block) {
    effectsBefore[&op] = effects;
    if (!isPureInCuda(&op) && !isa<memref::LoadOp, vector::LoadOp>(op))
      ++effects;
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        visit(inner);
  }
  for (Operation &op : llvm::reverse(block)) {
    evaluated[&op] = &op;
    bool isLoad = isa<memref::LoadOp, vector::LoadOp>(op);
    if (isPureInCuda(&op) && isSizeOnly(&op)) {
      folded.insert(&op);
      continue;
    }
    if (op.getNumResults() != 1 || op.getNumRegions() != 0 || isFreeInCuda(&op) ||
        !op.getResult(0).hasOneUse() || isContinued(op.getResult(0)) ||
        (!isLoad && !isPureInCuda(&op)))
      continue;
    Operation *user = *op.getResult(0).user_begin();
    // What is another name of the value stands for its use.
    if (user->getBlock() != &block || isFreeInCuda(user) ||
        (isa<VectorType>(op.getResult(0).getType()) && !takesVector(user)))
      continue;
    Operation *place = evaluated[user];
    if (isLoad && effectsBefore[place] != effectsBefore[&op])
      continue;
    evaluated[&op] = place;
    folded.insert(&op);
  }
}

} // namespace mamba
