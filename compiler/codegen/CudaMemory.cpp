// Loads and stores in CUDA C++.
#include "compiler/codegen/CudaKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace mamba {

/// Under this type, not its scalar one, a vector is moved.
static std::string vectorType(VectorType type) { return cudaType(type); }

LogicalResult CudaKernel::bindBuffer(memref::ReinterpretCastOp cast) {
  if (buffers.contains(cast))
    return success();
  const Buffer *source = bufferOf(cast.getSource(), cast);
  if (!source)
    return failure();
  if (source->isShaped || !source->offset.empty())
    return cast.emitError("'") << cast->getName() << "' has no CUDA C++: it is a view of a view";
  Buffer buffer = *source;
  for (OpFoldResult stride : cast.getMixedStrides()) {
    std::optional<int64_t> known = getConstantIntValue(stride);
    if (!known)
      return cast.emitError("'") << cast->getName() << "' has no CUDA C++: a stride is dynamic";
    buffer.strides.push_back(*known);
  }
  OpFoldResult offset = cast.getMixedOffsets().front();
  if (auto dynamic = dyn_cast<Value>(offset))
    buffer.offset = within(of(dynamic), CudaExpr::Sum);
  else if (int64_t known = *getConstantIntValue(offset))
    buffer.offset = std::to_string(known);
  buffers[cast] = std::move(buffer);
  return success();
}

const CudaKernel::Buffer *CudaKernel::bufferOf(Value memref, Operation *user) {
  auto found = buffers.find(memref);
  if (found != buffers.end())
    return &found->second;
  user->emitError("'") << user->getName() << "' has no CUDA C++: its memory is of type "
                       << memref.getType() << ", and neither a parameter's nor shared";
  return nullptr;
}

std::string CudaKernel::element(const Buffer &buffer, ValueRange at, int64_t further) {
  std::string behind = further ? " + " + std::to_string(further) : "";
  if (buffer.isShaped) {
    std::string text = buffer.name;
    for (auto [i, index] : llvm::enumerate(at))
      text += "[" + (i + 1 < at.size() || behind.empty() ? of(index).text
                                                         : within(of(index), CudaExpr::Sum) + behind) +
              "]";
    return at.empty() ? text + "[0]" : text;
  }
  std::string sum = buffer.offset;
  for (auto [index, stride] : llvm::zip_equal(at, buffer.strides)) {
    const CudaExpr &expr = of(index);
    if (expr.text == "0" || stride == 0)
      continue;
    std::string term = stride == 1 ? within(expr, CudaExpr::Sum)
                                   : within(expr, CudaExpr::Product) + " * " + std::to_string(stride);
    sum += (sum.empty() ? "" : " + ") + term;
  }
  return buffer.name + "[" + (sum.empty() ? "0" : sum) + behind + "]";
}

std::optional<CudaExpr> CudaKernel::load(memref::LoadOp op) {
  const Buffer *buffer = bufferOf(op.getMemRef(), op);
  if (!buffer)
    return std::nullopt;
  bases[op] = buffer->base;
  Type type = op.getType();
  if (buffer->base == "seq_start") {
    auto next = op.getIndices().front().getDefiningOp<arith::AddIOp>();
    bases[op] = next && matchPattern(next.getRhs(), m_One()) ? "end" : "start";
  }
  std::string text = element(*buffer, op.getIndices());
  return CudaExpr{buffer->isConstant ? "__ldg(&" + text + ")" : text, CudaExpr::Atom,
                  type.isInteger(8) || type.isInteger(32)};
}

/// The type in which a vector is moved, whole or in parts: no longer than 16
/// bytes, its address a multiple of its size. Null after an error.
static VectorType pieceOf(Operation *op, VectorType type) {
  auto alignment = op->getAttrOfType<IntegerAttr>("alignment");
  int64_t elementBytes = type.getElementTypeBitWidth() / 8;
  int64_t bytes = type.getNumElements() * elementBytes;
  auto piece = int64_t(llvm::MinAlign(llvm::MinAlign(bytes, 16), alignment ? alignment.getInt() : 1));
  if (piece >= 4 && piece >= elementBytes && type.getRank() == 1)
    return VectorType::get({piece / elementBytes}, type.getElementType());
  op->emitError("'") << op->getName() << "' has no CUDA C++: its " << bytes
                     << " bytes are not aligned to 4";
  return {};
}

LogicalResult CudaKernel::load(vector::LoadOp op) {
  const Buffer *buffer = bufferOf(op.getBase(), op);
  VectorType type = op.getVectorType(), piece = buffer ? pieceOf(op, type) : VectorType();
  if (!piece)
    return failure();
  bases[op] = buffer->base;
  auto read = [&](int64_t further) {
    std::string pointer =
        "(const " + vectorType(piece) + " *)&" + element(*buffer, op.getIndices(), further);
    return buffer->isConstant ? CudaExpr{"__ldg(" + pointer + ")"}
                              : CudaExpr{"*" + pointer, CudaExpr::Unary};
  };
  if (piece == type) {
    if (folding.isFolded(op))
      exprs[op] = read(0);
    else
      define(op, read(0));
    return success();
  }
  std::vector<CudaExpr> parts;
  for (int64_t i = 0; i < type.getNumElements(); i += piece.getNumElements()) {
    std::string name = names.next(buffer->base);
    text.line("const " + vectorType(piece) + " " + name + " = " + read(i).text + ";");
    llvm::append_range(parts, elementsIn(name, piece));
  }
  elements[op] = std::move(parts);
  return success();
}

LogicalResult CudaKernel::store(memref::StoreOp op) {
  const Buffer *buffer = bufferOf(op.getMemRef(), op);
  if (!buffer)
    return failure();
  text.line(element(*buffer, op.getIndices()) + " = " + of(op.getValueToStore()).text + ";");
  return success();
}

LogicalResult CudaKernel::store(vector::StoreOp op) {
  const Buffer *buffer = bufferOf(op.getBase(), op);
  if (!buffer)
    return failure();
  VectorType type = op.getVectorType(), piece = pieceOf(op, type);
  if (!piece)
    return failure();
  auto write = [&](int64_t further, const std::string &value) {
    text.line("*(" + vectorType(piece) + " *)&" + element(*buffer, op.getIndices(), further) +
              " = " + value + ";");
  };
  if (piece == type) {
    write(0, of(op.getValueToStore()).text);
    return success();
  }
  std::vector<CudaExpr> words = wordsOf(op.getValueToStore());
  size_t count = vectorWords(piece);
  for (size_t i = 0; i < words.size(); i += count)
    write(i * 32 / type.getElementTypeBitWidth(),
          vectorOf(piece, ArrayRef(words).slice(i, count)).text);
  return success();
}

/// The address of a buffer's first byte, as a pointer to bytes.
std::optional<CudaExpr> CudaKernel::addressOf(memref::ExtractAlignedPointerAsIndexOp op) {
  const Buffer *buffer = bufferOf(op.getSource(), op);
  if (!buffer)
    return std::nullopt;
  bool isShared = bool(cast<MemRefType>(op.getSource().getType()).getMemorySpace());
  std::string from = buffer->offset.empty() ? buffer->name : "&" + buffer->name + "[" + buffer->offset + "]";
  bases[op] = buffer->base + "_bytes";
  return CudaExpr{(isShared ? "(char *)" : "(const char *)") + from, CudaExpr::Unary};
}

} // namespace mamba
