// The kernels of a module as optimised LLVM IR, with the machine that they are for.
#pragma once

#include "passes/target/Target.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/CodeGen.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"

#include <functional>
#include <memory>

namespace mamba {

struct Compilation {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module;
  std::unique_ptr<llvm::TargetMachine> machine;
};

/// Translates the module `@code` inside of `module` and optimises it for the
/// machine, which the caller has set; `prepare` sees each function before.
llvm::LogicalResult optimise(mlir::ModuleOp module, Compilation &result,
                             const std::function<void(llvm::Function &)> &prepare);

/// Writes it as an object file or as text.
llvm::LogicalResult emit(mlir::ModuleOp module, Compilation &c, llvm::raw_pwrite_stream &os,
                         llvm::CodeGenFileType type);

} // namespace mamba
