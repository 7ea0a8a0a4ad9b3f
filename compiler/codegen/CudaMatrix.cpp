// The matrix unit, and copies into shared memory, in CUDA C++: functions around
// one instruction of PTX each, on addresses that are pointers to bytes.
#include "compiler/codegen/CudaKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace mamba {

/// Addresses; nothing if the op is none of them.
std::optional<CudaExpr> CudaKernel::pointer(Operation *op) {
  if (auto address = dyn_cast<memref::ExtractAlignedPointerAsIndexOp>(op))
    return addressOf(address);
  if (isa<LLVM::IntToPtrOp, LLVM::AddrSpaceCastOp>(op)) {
    Value from = op->getOperand(0), first = from;
    // Only of a buffer's address.
    while (Operation *source = first.getDefiningOp()) {
      if (!isa<LLVM::IntToPtrOp, LLVM::AddrSpaceCastOp, arith::IndexCastOp>(source))
        break;
      first = source->getOperand(0);
    }
    if (!first.getDefiningOp<memref::ExtractAlignedPointerAsIndexOp>())
      return std::nullopt;
    bases[op->getResult(0)] = std::string(bases[first]);
    return of(from);
  }
  auto step = dyn_cast<LLVM::GEPOp>(op);
  if (!step || !step.getElemType().isInteger(8) || step.getIndices().size() != 1)
    return std::nullopt;
  bases[step] = baseOf(step.getBase()).str();
  CudaExpr by;
  if (auto dynamic = dyn_cast<Value>(step.getIndices()[0]))
    by = of(dynamic);
  else
    by = {std::to_string(cast<IntegerAttr>(step.getIndices()[0]).getInt())};
  return CudaExpr{within(of(step.getBase()), CudaExpr::Sum) + " + " +
                      within(by, CudaExpr::Product),
                  CudaExpr::Sum};
}

/// A member of what the matrix unit gave.
LogicalResult CudaKernel::member(LLVM::ExtractValueOp op) {
  auto found = elements.find(op.getContainer());
  if (found == elements.end() || op.getPosition().size() != 1)
    return op.emitError("'llvm.extractvalue' has no CUDA C++: it takes no register of a matrix");
  const CudaExpr &part = found->second[op.getPosition()[0]];
  if (auto base = bases.find(op.getContainer()); base != bases.end())
    bases[op] = std::string(base->second);
  if (op.getContainer().getDefiningOp<NVVM::MmaOp>())
    bindVariable(op, part.text, "sum");
  else
    exprs[op] = part;
  return success();
}

/// "Bf16" or "F16" of a product with sums in f32.
static StringRef elementName(NVVM::MmaOp op) {
  if (!op.getMultiplicandAPtxType() ||
      op.getMultiplicandAPtxType() != op.getMultiplicandBPtxType() ||
      op.getLayoutA() != NVVM::MMALayout::row || op.getLayoutB() != NVVM::MMALayout::col ||
      !op.getOperandC().front().getType().isF32())
    return "";
  return *op.getMultiplicandAPtxType() == NVVM::MMATypes::bf16  ? "Bf16"
         : *op.getMultiplicandAPtxType() == NVVM::MMATypes::f16 ? "F16"
                                                                 : "";
}

LogicalResult CudaKernel::multiply(NVVM::MmaOp op) {
  NVVM::MMAShapeAttr shape = op.getShape();
  StringRef element = elementName(op);
  bool isKnown = shape.getM() == 16 && shape.getN() == 8 && (shape.getK() == 8 || shape.getK() == 16);
  if (element.empty() || !isKnown)
    return op.emitError("'nvvm.mma.sync' has no CUDA C++ of m")
           << shape.getM() << "n" << shape.getN() << "k" << shape.getK() << " and these types";
  llvm::SmallDenseSet<int64_t> taken;
  for (Operation *user : op->getUsers())
    if (auto member = dyn_cast<LLVM::ExtractValueOp>(user);
        !member || !taken.insert(member.getPosition()[0]).second)
      return op.emitError("'nvvm.mma.sync' has no CUDA C++: a sum is taken twice");
  // The sums are variables that it changes.
  std::vector<CudaExpr> sums;
  for (Value sum : op.getOperandC()) {
    if (!isContinued(sum) || !variables.contains(sum)) {
      std::string name = names.next("sum");
      text.line("float " + name + " = " + of(sum).text + ";");
      sums.push_back({name});
    } else {
      sums.push_back({variables[sum]});
    }
  }
  SmallVector<CudaExpr> arguments(sums.begin(), sums.end());
  for (Value value : op.getOperandA())
    arguments.push_back(of(value));
  for (Value value : op.getOperandB())
    arguments.push_back(of(value));
  text.line(callOurs(("multiply" + element + "K" + Twine(shape.getK())).str(), arguments).text + ";");
  elements[op] = std::move(sums);
  return success();
}

LogicalResult CudaKernel::matrix(Operation *op) {
  if (auto mma = dyn_cast<NVVM::MmaOp>(op))
    return multiply(mma);
  if (auto load = dyn_cast<NVVM::LdMatrixOp>(op);
      load && load.getNum() == 4 && load.getShape().getM() == 8 && load.getShape().getN() == 8 &&
      load.getEltType() == NVVM::LdStMatrixEltType::B16) {
    bool isTransposed = load.getLayout() == NVVM::MMALayout::col;
    StringRef function = isTransposed ? "loadMatricesTransposed" : "loadMatrices";
    std::string base = StringRef(baseOf(load.getPtr())).split("_bytes").first.str();
    bases[op->getResult(0)] = base;
    std::string name = names.next(base);
    text.line("const uint4 " + name + " = " + callOurs(function, {of(load.getPtr())}).text + ";");
    std::vector<CudaExpr> &words = elements[op->getResult(0)];
    for (char member : {'x', 'y', 'z', 'w'})
      words.push_back({name + "." + member});
    return success();
  }
  if (auto copy = dyn_cast<NVVM::CpAsyncOp>(op);
      copy && copy.getSize() == 16 && copy.getModifier() == NVVM::LoadCacheModifierKind::CG) {
    SmallVector<CudaExpr> arguments = {of(copy.getDst()), of(copy.getSrc())};
    if (copy.getCpSize())
      arguments.push_back(of(copy.getCpSize()));
    text.line(callOurs(copy.getCpSize() ? "copyAsyncFirst" : "copyAsync", arguments).text + ";");
    return success();
  }
  if (isa<NVVM::CpAsyncCommitGroupOp>(op))
    return text.line(callOurs("commitCopies", {}).text + ";"), success();
  if (auto wait = dyn_cast<NVVM::CpAsyncWaitGroupOp>(op)) {
    functions.insert(&cudaFunction("waitForCopies"));
    text.line("waitForCopies<" + std::to_string(wait.getN()) + ">();");
    return success();
  }
  return op->emitError("'") << op->getName() << "' has no CUDA C++";
}

} // namespace mamba
