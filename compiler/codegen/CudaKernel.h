// One kernel of phase kernels as CUDA C++.
#pragma once

#include "compiler/codegen/CudaFolding.h"
#include "compiler/codegen/CudaFunctions.h"
#include "compiler/codegen/CudaNames.h"
#include "compiler/codegen/CudaTypes.h"
#include "compiler/codegen/CudaText.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/DenseMap.h"

namespace mamba {

/// The elements of a vector in a variable, cut out of its words.
std::vector<CudaExpr> elementsIn(const std::string &variable, mlir::VectorType type);

/// Writes the signature and the body of a kernel. What it cannot translate is a
/// diagnostic that names the op.
class CudaKernel {
public:
  CudaKernel(mlir::gpu::GPUFuncOp function, plan::KernelOp planned, CudaFunctions &functions);
  llvm::LogicalResult translate();

  /// `extern "C" __global__ ... name(...)`, without a brace.
  std::string signature() const { return head; }
  std::string body() const { return text.str(); }
  /// What its parameters are called, in order.
  const std::vector<std::string> &parameters() const { return parameterNames; }

private:
  /// How the elements of a memref are written.
  struct Buffer {
    std::string name; // of the array or pointer
    std::string base; // of the numbers that come from it
    llvm::SmallVector<int64_t> strides;
    mlir::Type element;
    /// Subscripts, as of a C array of all dimensions but the first; else they
    /// are added up behind `offset`.
    bool isShaped = false;
    std::string offset = {};
    bool isConstant = false; // loads say so
  };

  // Functions and statements: CudaKernel.cpp.
  void nameParameters();
  llvm::LogicalResult declareShared();
  void writeHead();
  llvm::LogicalResult block(mlir::Block &block);
  llvm::LogicalResult statement(mlir::Operation *op);
  llvm::LogicalResult value(mlir::Operation *op);
  mlir::Value changedBy(mlir::Operation *op);
  /// Names the value and writes it down.
  void define(mlir::Value value, const CudaExpr &expr);
  void bindVariable(mlir::Value value, std::string name, std::string base);

  // Loops and branches: CudaControl.cpp.
  llvm::LogicalResult loop(mlir::scf::ForOp loop);
  llvm::LogicalResult branch(mlir::scf::IfOp branch);
  llvm::LogicalResult conditional(mlir::scf::IfOp branch, const std::string &condition,
                                  llvm::ArrayRef<CudaExpr> yields);
  /// The value, or the elements of a long vector.
  std::vector<CudaExpr> partsOf(mlir::Value value);
  void assign(llvm::ArrayRef<std::string> variables, mlir::ValueRange values);
  std::string carried(mlir::scf::ForOp loop, unsigned i);

  // What an op without effects is worth: CudaArith.cpp. Empty after an error.
  std::optional<CudaExpr> expression(mlir::Operation *op);
  std::optional<CudaExpr> elementwise(mlir::Operation *op, llvm::ArrayRef<CudaExpr> operands);
  std::optional<CudaExpr> integer(mlir::Operation *op, llvm::ArrayRef<CudaExpr> operands);
  std::optional<CudaExpr> convert(mlir::Operation *op, const CudaExpr &x);
  CudaExpr constant(mlir::TypedAttr value);
  bool isNonNegative(mlir::Value value, unsigned depth = 0);

  // Memory and vectors: CudaMemory.cpp.
  llvm::LogicalResult bindBuffer(mlir::memref::ReinterpretCastOp cast);
  /// The element there, or `further` behind it.
  std::string element(const Buffer &buffer, mlir::ValueRange at, int64_t further = 0);
  const Buffer *bufferOf(mlir::Value memref, mlir::Operation *user);
  std::optional<CudaExpr> load(mlir::memref::LoadOp op);
  llvm::LogicalResult load(mlir::vector::LoadOp op);
  llvm::LogicalResult store(mlir::memref::StoreOp op);
  llvm::LogicalResult store(mlir::vector::StoreOp op);
  std::optional<CudaExpr> addressOf(mlir::memref::ExtractAlignedPointerAsIndexOp op);

  // Vectors, whole or as their elements: CudaVector.cpp.
  llvm::LogicalResult vectorValue(mlir::Operation *op);
  llvm::LogicalResult extract(mlir::vector::ExtractOp op);
  llvm::LogicalResult bitcast(mlir::Operation *op);
  /// Gives the vector these elements; with a variable for each if `isKept` says
  /// that what they read may change.
  void bindElements(mlir::Value vector, std::vector<CudaExpr> elements, bool isKept);
  std::vector<CudaExpr> elementsOf(mlir::Value vector);
  std::vector<CudaExpr> wordsOf(mlir::Value vector);
  CudaExpr vectorOf(mlir::VectorType type, llvm::ArrayRef<CudaExpr> words);

  // What is the GPU's: CudaDevice.cpp.
  llvm::LogicalResult device(mlir::Operation *op);
  std::optional<CudaExpr> intrinsic(mlir::Operation *op);

  // The matrix unit and its copies: CudaMatrix.cpp.
  llvm::LogicalResult matrix(mlir::Operation *op);
  llvm::LogicalResult multiply(mlir::NVVM::MmaOp op);
  std::optional<CudaExpr> pointer(mlir::Operation *op);
  llvm::LogicalResult member(mlir::LLVM::ExtractValueOp op);
  /// A call of one of our functions.
  CudaExpr callOurs(llvm::StringRef function, llvm::ArrayRef<CudaExpr> arguments);

  /// The value as it is written in a use; it has been visited.
  const CudaExpr &of(mlir::Value value);
  std::string call(llvm::StringRef function, llvm::ArrayRef<CudaExpr> arguments);
  llvm::StringRef baseOf(mlir::Value value) const;

  mlir::gpu::GPUFuncOp function;
  plan::KernelOp planned;
  CudaFunctions &functions;
  CudaNames names;
  CudaFolding folding;
  std::vector<std::string> parameterNames;
  std::string head;
  CudaText text;
  llvm::DenseMap<mlir::Value, CudaExpr> exprs;
  llvm::DenseMap<mlir::Value, std::vector<CudaExpr>> elements; // of vectors, and members
  llvm::DenseMap<mlir::Value, std::string> variables; // those that may change
  llvm::DenseMap<mlir::Value, std::string> bases;
  llvm::DenseMap<mlir::Value, Buffer> buffers;
  unsigned depth = 0; // of loops
};

} // namespace mamba
