#include "compiler/codegen/CudaTypes.h"

#include "mlir/Dialect/LLVMIR/LLVMTypes.h"
#include "llvm/ADT/SmallString.h"

using namespace mlir;

namespace mamba {

/// LLVM's number of shared memory.
static constexpr unsigned sharedSpace = 3;

std::string cudaType(Type type) {
  if (auto vector = dyn_cast<VectorType>(type)) {
    if (vector.isScalable() || !cudaMemoryType(vector.getElementType()).size())
      return "";
    int64_t bits = vector.getNumElements() * vector.getElementTypeBitWidth();
    if (vector.getElementTypeBitWidth() > 32 || (bits != 32 && bits != 64 && bits != 128))
      return "";
    std::string word = vector.getElementType().isF32() ? "float" : bits == 32 ? "unsigned" : "uint";
    return bits == 32 ? word : word + std::to_string(bits / 32);
  }
  // Shared memory is written through pointers, global memory read.
  if (auto pointer = dyn_cast<LLVM::LLVMPointerType>(type))
    return pointer.getAddressSpace() == sharedSpace ? "char *" : "const char *";
  if (type.isIndex() || type.isInteger(64))
    return "long long";
  if (type.isInteger(1))
    return "bool";
  if (type.isInteger(32))
    return "unsigned";
  if (type.isInteger(16) || type.isBF16() || type.isF16())
    return "unsigned short";
  if (type.isInteger(8))
    return "unsigned char";
  return type.isF32() ? "float" : "";
}

std::string cudaMemoryType(Type element) {
  if (element.isInteger(32))
    return "int";
  if (element.isInteger(8))
    return "signed char";
  if (element.isInteger(1) || isa<VectorType>(element))
    return "";
  return cudaType(element);
}

int64_t vectorWords(VectorType type) {
  return type.getNumElements() * type.getElementTypeBitWidth() / 32;
}

std::string wordOf(const std::string &variable, VectorType type, int64_t word) {
  return vectorWords(type) == 1 ? variable : variable + "." + "xyzw"[word];
}

std::string cudaFloat(const llvm::APFloat &value) {
  if (!value.isFinite()) {
    llvm::APInt bits = value.bitcastToAPInt();
    return "__uint_as_float(" + cudaInteger(bits, IntegerType()) + ")";
  }
  llvm::SmallString<32> text;
  // As many digits as bring the number back.
  value.toString(text, /*FormatPrecision=*/9, /*FormatMaxPadding=*/6);
  for (unsigned digits = 1; digits < 9; ++digits) {
    llvm::SmallString<32> shorter;
    value.toString(shorter, digits, /*FormatMaxPadding=*/6);
    if (llvm::APFloat(value.getSemantics(), shorter).bitwiseIsEqual(value)) {
      text = shorter;
      break;
    }
  }
  if (text.find_first_of(".E") == StringRef::npos)
    text += ".0";
  return (text + "f").str();
}

std::string cudaInteger(const llvm::APInt &value, Type type) {
  if (type && (type.isIndex() || type.isInteger(64)))
    return llvm::toString(value, 10, /*Signed=*/true);
  if (type && type.isInteger(1))
    return value.isZero() ? "false" : "true";
  if (value.ult(1024))
    return llvm::toString(value, 10, /*Signed=*/false) + "u";
  return "0x" + llvm::StringRef(llvm::toString(value, 16, /*Signed=*/false)).lower() + "u";
}

} // namespace mamba
