// Any text as a module of ssm: the parser or a verifier refuses it, or it folds
// to one that is right too and is printed so that it can be read again.
#include "dialects/ssm/SSMDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

#include <cstdio>
#include <cstdlib>
#include <string>

using namespace mlir;

static void require(bool condition, const char *what) {
  if (condition)
    return;
  std::fprintf(stderr, "fuzz_ssm: %s\n", what);
  std::abort();
}

static std::string print(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream(text) << module;
  return text;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  // MLIR's own parser recurses as deep as its text.
  constexpr size_t kLongest = 1 << 16;
  if (size > kLongest)
    return 0;
  DialectRegistry registry;
  registry.insert<mamba::ssm::SSMDialect, func::FuncDialect,
                  arith::ArithDialect, tensor::TensorDialect>();
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.getDiagEngine().registerHandler(
      [](Diagnostic &) { return success(); });
  std::string text(data, data + size); // The lexer wants a zero behind it.
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  if (!module)
    return 0;
  std::string printed = print(*module);
  OwningOpRef<ModuleOp> again = parseSourceString<ModuleOp>(printed, &context);
  require(again.get() != nullptr, "what was printed cannot be read");
  require(print(*again) == printed, "another module when read again");
  PassManager passes(&context);
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  require(succeeded(passes.run(*module)) && succeeded(verify(*module)),
          "folding breaks a module that was right");
  return 0;
}
