// From the llvm dialect to machine code.
#pragma once

#include "passes/target/Target.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace mamba {

/// A linked ELF64 shared object as runtime/pack/FORMAT.md wants it: no undefined
/// symbol, no dynamic relocation, no writable data, no thread-local storage.
struct SharedObject {
  std::vector<uint8_t> elf;
  /// Virtual address of each exported function: its offset in the loaded image.
  std::map<std::string, uint64_t> entries;
};

/// Compiles the module `@code` of a module in phase llvm for its `ssm.target`.
/// The same module gives the same bytes. Errors are diagnostics.
mlir::FailureOr<SharedObject> emitSharedObject(mlir::ModuleOp module);

/// The same in two steps: the object file of a module, and what lld makes of
/// those of several. A failure of the second is one line in `error`.
mlir::FailureOr<std::string> emitObject(mlir::ModuleOp module);
mlir::FailureOr<SharedObject> linkObjects(llvm::ArrayRef<std::string> objects,
                                          std::string &error);

/// The same code as assembly text.
llvm::LogicalResult emitAssembly(mlir::ModuleOp module, llvm::raw_ostream &os);

/// Compiles the `gpu.module @code` of a module in phase nvvm for its
/// `ssm.target` to one module of PTX that calls nothing; a comment before each
/// kernel names its ops and its schedule. Errors are diagnostics.
mlir::FailureOr<std::string> emitPtx(mlir::ModuleOp module);

/// One module of PTX with the kernels of several for the same target.
std::string joinPtx(llvm::ArrayRef<std::string> modules);

/// What these need beyond registerCompiler.
void registerCodegen(mlir::DialectRegistry &registry);

} // namespace mamba
