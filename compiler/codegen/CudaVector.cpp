// Vectors in CUDA C++.
//
// One that a variable can hold, up to 16 bytes, is written whole where it is
// loaded, stored, chosen or carried; what is done to elements is done to each of
// them by itself, so a longer one is known by its elements only.
#include "compiler/codegen/CudaKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace mamba {

static int64_t widthOf(Value vector) {
  return cast<VectorType>(vector.getType()).getElementTypeBitWidth();
}

/// A name or a component: nothing to compute.
static bool isName(const CudaExpr &expr) {
  return expr.strength == CudaExpr::Atom && expr.text.find('(') == std::string::npos;
}

std::vector<CudaExpr> CudaKernel::elementsOf(Value vector) {
  auto found = elements.find(vector);
  if (found != elements.end())
    return found->second;
  return elementsIn(of(vector).text, cast<VectorType>(vector.getType()));
}

std::vector<CudaExpr> elementsIn(const std::string &variable, VectorType type) {
  int64_t width = type.getElementTypeBitWidth();
  std::vector<CudaExpr> result;
  for (int64_t bit = 0; bit < type.getNumElements() * width; bit += width) {
    CudaExpr word{wordOf(variable, type, bit / 32)};
    if (bit % 32)
      word = {word.text + " >> " + std::to_string(bit % 32), CudaExpr::Compare};
    result.push_back(width == 32 ? word : castTo(cudaType(type.getElementType()), word));
  }
  return result;
}

std::vector<CudaExpr> CudaKernel::wordsOf(Value vector) {
  auto type = cast<VectorType>(vector.getType());
  if (exprs.contains(vector) && !elements.contains(vector)) {
    std::string variable = exprs[vector].text;
    std::vector<CudaExpr> words;
    for (int64_t i = 0; i < vectorWords(type); ++i)
      words.push_back({wordOf(variable, type, i)});
    return words;
  }
  std::vector<CudaExpr> parts = elementsOf(vector), words;
  int64_t width = type.getElementTypeBitWidth(), ofWord = 32 / width;
  for (size_t i = 0; i + ofWord <= parts.size(); i += ofWord) {
    ArrayRef<CudaExpr> word = ArrayRef(parts).slice(i, ofWord);
    words.push_back(width == 32   ? word[0]
                    : width == 16 ? callOurs("joinShorts", word)
                                  : callOurs("joinBytes", word));
  }
  return words;
}

CudaExpr CudaKernel::vectorOf(VectorType type, ArrayRef<CudaExpr> words) {
  return words.size() == 1 ? words[0] : CudaExpr{call("make_" + cudaType(type), words)};
}

void CudaKernel::bindElements(Value vector, std::vector<CudaExpr> parts, bool isKept) {
  constexpr size_t longest = 48;
  Type element = cast<VectorType>(vector.getType()).getElementType();
  StringRef base = baseOf(vector);
  for (CudaExpr &part : parts) {
    if (isName(part) || (!isKept && part.text.size() <= longest))
      continue;
    std::string name = names.next(base);
    text.line("const " + (part.isSigned ? "int" : cudaType(element)) + " " + name + " = " +
              part.text + ";");
    part = {name, CudaExpr::Atom, part.isSigned};
  }
  elements[vector] = std::move(parts);
}

LogicalResult CudaKernel::extract(vector::ExtractOp op) {
  VectorType source = op.getSourceVectorType();
  if (op.hasDynamicPosition() || isa<VectorType>(op.getType()) || source.getRank() != 1)
    return op.emitError("'vector.extract' has no CUDA C++: it takes no element of known place");
  bases[op] = baseOf(op.getSource()).str();
  CudaExpr part = elementsOf(op.getSource())[op.getStaticPosition().front()];
  if (isName(part) || op->hasOneUse())
    exprs[op] = part;
  else
    define(op, part);
  return success();
}

/// The same bits as other elements.
LogicalResult CudaKernel::bitcast(Operation *op) {
  Value from = op->getOperand(0), to = op->getResult(0);
  bases[to] = baseOf(from).str();
  auto fromType = dyn_cast<VectorType>(from.getType()), toType = dyn_cast<VectorType>(to.getType());
  if (fromType && fromType.getElementTypeBitWidth() == toType.getElementTypeBitWidth()) {
    bool toFloat = toType.getElementType().isF32(), fromFloat = fromType.getElementType().isF32();
    std::vector<CudaExpr> parts = elementsOf(from);
    if (toFloat != fromFloat)
      for (CudaExpr &part : parts)
        part = {call(toFloat ? "__uint_as_float" : "__float_as_uint", {part})};
    bindElements(to, std::move(parts), /*isKept=*/false);
    return success();
  }
  if (cudaType(to.getType()).empty())
    return op->emitError("'") << op->getName() << "' has no CUDA C++: it makes a value of type "
                              << to.getType();
  std::vector<CudaExpr> words = fromType ? wordsOf(from) : std::vector<CudaExpr>{of(from)};
  bool toFloat = toType.getElementType().isF32();
  bool fromFloat = getElementTypeOrSelf(from.getType()).isF32();
  for (CudaExpr &word : words) {
    if (toFloat != fromFloat)
      word = {call(toFloat ? "__uint_as_float" : "__float_as_uint", {word})};
  }
  if (words.size() == 1 && isName(words[0])) {
    exprs[to] = words[0];
    return success();
  }
  if (widthOf(to) == 32) {
    bindElements(to, std::move(words), /*isKept=*/false);
    return success();
  }
  // Another name of the same variable, or a new one.
  if (fromType && exprs.contains(from) && !elements.contains(from) &&
      cudaType(from.getType()) == cudaType(to.getType()))
    exprs[to] = CudaExpr(exprs[from]);
  else
    define(to, vectorOf(toType, words));
  return success();
}

LogicalResult CudaKernel::vectorValue(Operation *op) {
  if (auto extract = dyn_cast<vector::ExtractOp>(op))
    return this->extract(extract);
  if (isa<vector::BitCastOp, LLVM::BitcastOp>(op))
    return bitcast(op);
  Value result = op->getResult(0);
  auto type = cast<VectorType>(result.getType());
  if (auto load = dyn_cast<vector::LoadOp>(op))
    return this->load(load);
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    auto dense = dyn_cast<DenseElementsAttr>(constant.getValue());
    if (!dense)
      return op->emitError("'arith.constant' has no CUDA C++: its value is ") << constant.getValue();
    std::vector<CudaExpr> parts;
    for (Attribute value : dense.getValues<Attribute>())
      parts.push_back(this->constant(cast<TypedAttr>(value)));
    elements[result] = std::move(parts);
    return success();
  }
  bool isKept = !folding.isFolded(op);
  if (auto list = dyn_cast<vector::FromElementsOp>(op)) {
    std::vector<CudaExpr> parts;
    for (Value element : list.getElements())
      parts.push_back(of(element));
    bindElements(result, std::move(parts), isKept);
    return success();
  }
  if (auto broadcast = dyn_cast<vector::BroadcastOp>(op);
      broadcast && !isa<VectorType>(broadcast.getSourceType())) {
    bindElements(result, std::vector(type.getNumElements(), of(broadcast.getSource())), isKept);
    return success();
  }
  if (!op->hasTrait<OpTrait::Elementwise>())
    return op->emitError("'") << op->getName() << "' has no CUDA C++";
  std::vector<std::vector<CudaExpr>> operands;
  for (Value operand : op->getOperands())
    operands.push_back(isa<VectorType>(operand.getType())
                           ? elementsOf(operand)
                           : std::vector(type.getNumElements(), of(operand)));
  std::vector<CudaExpr> parts;
  for (int64_t i = 0; i < type.getNumElements(); ++i) {
    SmallVector<CudaExpr> ofElement;
    for (const std::vector<CudaExpr> &operand : operands)
      ofElement.push_back(operand[i]);
    std::optional<CudaExpr> part = elementwise(op, ofElement);
    if (!part)
      return op->emitError("'") << op->getName() << "' has no CUDA C++";
    parts.push_back(std::move(*part));
  }
  bindElements(result, std::move(parts), /*isKept=*/!op->hasOneUse());
  return success();
}

} // namespace mamba
