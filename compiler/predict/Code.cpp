#include "compiler/predict/Code.h"

#include "compiler/codegen/Assemble.h"
#include "compiler/codegen/CudaShell.h"
#include "runtime/pack/Cubin.h"
#include "runtime/support/Quote.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace mamba::predict {

Result<Code> readCode(const std::string &ptx, const TargetSpec &target) {
  Code code;
  code.arch = target.arch;
  MAMBA_ASSIGN_OR_RETURN(code.module, sim::Module::load(ptx, "PTX for " + target.arch));
  std::vector<PtxEntry> texts;
  std::string error;
  if (!splitPtx(ptx, texts, error))
    return internalError(error);
  FailureOr<Assembly> assembly = assemblePtx(ptx, target.arch, error);
  if (failed(assembly))
    return internalError(error);
  code.assembler = assembly->assembler;
  Cubin cubin;
  if (!assembly->cubin.empty()) {
    MAMBA_ASSIGN_OR_RETURN(cubin, readCubin(assembly->cubin, "the cubin for " + target.arch));
  }
  for (const KernelSpec &spec : target.kernels) {
    Kernel kernel;
    kernel.name = spec.symbol;
    kernel.ops = spec.ops;
    kernel.schedule = spec.schedule;
    kernel.threads = spec.launch->threads;
    kernel.shared = spec.launch->shared;
    int index = code.module->find(spec.symbol);
    if (index < 0)
      return internalError("the PTX has no kernel " + inQuotes(spec.symbol));
    kernel.index = uint32_t(index);
    kernel.registers = code.module->kernels()[kernel.index].registers;
    for (const PtxEntry &text : texts)
      if (text.name == spec.symbol)
        kernel.text = llvm::join(text.lines, "\n");
    for (const CubinKernel &found : cubin.kernels)
      if (found.name == spec.symbol) {
        kernel.registers = found.registers;
        kernel.localBytes = found.localBytes;
        kernel.machine = sim::mixOfCode(found.code, cubin.chip);
      }
    code.kernels.push_back(std::move(kernel));
  }
  return std::move(code);
}

} // namespace mamba::predict
