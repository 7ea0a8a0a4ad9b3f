#include "compiler/codegen/Codegen.h"
#include "compiler/codegen/Link.h"
#include "compiler/codegen/Machine.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"

using namespace mlir;

namespace mamba {

void registerCodegen(DialectRegistry &registry) {
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerGPUDialectTranslation(registry);
  registerNVVMDialectTranslation(registry);
}

static std::unique_ptr<llvm::TargetMachine> createMachine(const Target &target, std::string &error) {
  static bool initialized = [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
    return true;
  }();
  (void)initialized;
  llvm::Triple triple(target.arch + "-unknown-linux-gnu");
  const llvm::Target *backend = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!backend)
    return nullptr;
  std::string features;
  for (const std::string &feature : target.features)
    features += (features.empty() ? "+" : ",+") + feature;
  // Other operating systems keep x18 for themselves.
  if (target.isArm())
    features += ",+reserve-x18";
  return std::unique_ptr<llvm::TargetMachine>(
      backend->createTargetMachine(triple, target.isArm() ? "generic" : "x86-64", features, {},
                                   llvm::Reloc::PIC_, std::nullopt,
                                   llvm::CodeGenOptLevel::Aggressive));
}

static LogicalResult compile(ModuleOp module, Compilation &result) {
  FailureOr<Target> target = targetOf(module);
  if (failed(target))
    return failure();
  std::string error;
  result.machine = createMachine(*target, error);
  if (!result.machine)
    return module.emitError("no backend for target '") << target->name << "': " << error;
  // Part of the kernel ABI: nothing is called, no red zone, registers as wide
  // as the generators chose.
  return optimise(module, result, [&](llvm::Function &function) {
    function.addFnAttr(llvm::Attribute::NoRedZone);
    function.addFnAttr(llvm::Attribute::NoUnwind);
    function.addFnAttr("no-builtins");
    function.addFnAttr("target-features", result.machine->getTargetFeatureString());
    function.addFnAttr("target-cpu", result.machine->getTargetCPU());
    if (target->lanes >= 16)
      function.addFnAttr("prefer-vector-width", "512");
  });
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

FailureOr<std::string> emitObject(ModuleOp module) {
  Compilation c;
  llvm::SmallString<0> object;
  llvm::raw_svector_ostream stream(object);
  if (failed(compile(module, c)) ||
      failed(emit(module, c, stream, llvm::CodeGenFileType::ObjectFile)))
    return failure();
  return std::string(object);
}

FailureOr<SharedObject> linkObjects(ArrayRef<std::string> objects, std::string &error) {
  SharedObject shared;
  if (!linkSharedObject(objects, shared, error))
    return failure();
  return shared;
}

FailureOr<SharedObject> emitSharedObject(ModuleOp module) {
  FailureOr<std::string> object = emitObject(module);
  if (failed(object))
    return failure();
  std::string error;
  FailureOr<SharedObject> shared = linkObjects(*object, error);
  if (failed(shared))
    return module.emitError(error), failure();
  return shared;
}

} // namespace mamba
