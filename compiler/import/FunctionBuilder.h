// Builds one public function over ssm ops: an entry of the pack to be.
#pragma once

#include "dialects/ssm/SSMDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace mamba {

/// Arguments first, then the body, then results. The location of
/// every value carries its name, for the printer.
class FunctionBuilder {
public:
  /// `name` is that of the function and of its entry.
  FunctionBuilder(mlir::ModuleOp module, llvm::StringRef name);

  /// A tensor argument; "input_ids" is its name for callers.
  mlir::Value addInput(llvm::StringRef name, mlir::Type type);
  /// The same with a row a sequence, not one a token.
  mlir::Value addInputOfSequences(llvm::StringRef name, mlir::Type type);
  /// A state pool; `id` says which state it is, `name` how callers call it.
  mlir::Value addState(llvm::StringRef name, llvm::StringRef id,
                       mlir::Type type);
  mlir::Value addBatch();

  void addResult(llvm::StringRef name, mlir::Value value);
  /// The pool that replaces the state argument of the same `id`.
  void addNewState(llvm::StringRef name, llvm::StringRef id, mlir::Value value);

  /// Writes the terminator and the function's type; call once, last.
  void finish();

  mlir::OpBuilder &builder() { return builder_; }

  /// A location that names an op's results for the printer; `scope` says where
  /// in the model they stand, as in "layers.0.mixer", or is empty.
  mlir::Location location(llvm::ArrayRef<std::string> names,
                          llvm::StringRef scope = "") const;

  /// [?, dims...] and [dims...] of f32.
  mlir::RankedTensorType rows(llvm::ArrayRef<int64_t> dims) const;
  mlir::RankedTensorType fixed(llvm::ArrayRef<int64_t> dims) const;
  /// [?] of i32.
  mlir::RankedTensorType tokens() const;

private:
  mlir::Value addArgument(llvm::StringRef name, mlir::Type type,
                          mlir::DictionaryAttr attributes);
  mlir::DictionaryAttr attributes(llvm::StringRef name,
                                  llvm::StringRef state = "") const;

  mlir::func::FuncOp function_;
  mlir::OpBuilder builder_;
  llvm::SmallVector<mlir::Value> results_;
  llvm::SmallVector<mlir::Attribute> argAttrs_, resultAttrs_;
};

} // namespace mamba
