#include "compiler/codegen/Codegen.h"
#include "compiler/codegen/Link.h"

#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;

namespace mamba {

void registerCodegen(DialectRegistry &registry) {
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
}

static std::unique_ptr<llvm::TargetMachine> createMachine(const Target &target, std::string &error) {
  static bool initialized = [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    return true;
  }();
  (void)initialized;
  llvm::Triple triple("x86_64-unknown-linux-gnu");
  const llvm::Target *backend = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!backend)
    return nullptr;
  std::string features;
  for (const std::string &feature : target.features)
    features += (features.empty() ? "+" : ",+") + feature;
  return std::unique_ptr<llvm::TargetMachine>(
      backend->createTargetMachine(triple, "x86-64", features, {}, llvm::Reloc::PIC_, std::nullopt,
                                   llvm::CodeGenOptLevel::Aggressive));
}

namespace {
/// The kernels as optimised LLVM IR, and the machine to emit them for.
struct Compilation {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module;
  std::unique_ptr<llvm::TargetMachine> machine;
};
} // namespace

static LogicalResult compile(ModuleOp module, Compilation &result) {
  FailureOr<Target> target = targetOf(module);
  if (failed(target))
    return failure();
  auto code = module.lookupSymbol<ModuleOp>("code");
  if (!code)
    return module.emitError("no module @code: nothing was generated");
  std::string error;
  result.machine = createMachine(*target, error);
  if (!result.machine)
    return module.emitError("no backend for target '") << target->name << "': " << error;
  result.module = translateModuleToLLVMIR(code, result.context, "kernels");
  if (!result.module)
    return code.emitError("the kernels are not in the llvm dialect");
  result.module->setTargetTriple(result.machine->getTargetTriple());
  result.module->setDataLayout(result.machine->createDataLayout());
  // Part of the kernel ABI: nothing is called, no red zone, registers as wide
  // as the generators chose.
  for (llvm::Function &function : *result.module) {
    function.addFnAttr(llvm::Attribute::NoRedZone);
    function.addFnAttr(llvm::Attribute::NoUnwind);
    function.addFnAttr("no-builtins");
    function.addFnAttr("target-features", result.machine->getTargetFeatureString());
    function.addFnAttr("target-cpu", "x86-64");
    if (target->lanes >= 16)
      function.addFnAttr("prefer-vector-width", "512");
  }
  if (llvm::Error e = makeOptimizingTransformer(3, 0, result.machine.get())(result.module.get()))
    return module.emitError("optimisation failed: ") << llvm::toString(std::move(e));
  return success();
}

static LogicalResult emit(ModuleOp module, Compilation &c, llvm::raw_pwrite_stream &os,
                          llvm::CodeGenFileType type) {
  llvm::legacy::PassManager pm;
  if (c.machine->addPassesToEmitFile(pm, os, nullptr, type))
    return module.emitError("the backend cannot emit this kind of file");
  pm.run(*c.module);
  return success();
}

LogicalResult emitAssembly(ModuleOp module, llvm::raw_ostream &os) {
  Compilation c;
  llvm::SmallString<0> text;
  llvm::raw_svector_ostream stream(text);
  if (failed(compile(module, c)) ||
      failed(emit(module, c, stream, llvm::CodeGenFileType::AssemblyFile)))
    return failure();
  os << text;
  return success();
}

FailureOr<SharedObject> emitSharedObject(ModuleOp module) {
  Compilation c;
  llvm::SmallString<0> object;
  llvm::raw_svector_ostream stream(object);
  if (failed(compile(module, c)) ||
      failed(emit(module, c, stream, llvm::CodeGenFileType::ObjectFile)))
    return failure();
  std::string error;
  SharedObject shared;
  if (!linkSharedObject({object.data(), object.size()}, shared, error))
    return module.emitError(error), failure();
  return shared;
}

} // namespace mamba
