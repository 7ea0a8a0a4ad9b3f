#include "compiler/predict/Code.h"

#include "compiler/codegen/Assemble.h"
#include "compiler/codegen/CudaShell.h"
#include "runtime/predict/Code.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace mamba::predict {

Result<Code> assembleCode(const std::string &ptx, const TargetSpec &target) {
  std::vector<PtxEntry> texts;
  std::string error;
  if (!splitPtx(ptx, texts, error))
    return internalError(error);
  FailureOr<Assembly> assembly = assemblePtx(ptx, target.arch, error);
  if (failed(assembly))
    return internalError(error);
  MAMBA_ASSIGN_OR_RETURN(Code code, readCode(ptx, assembly->cubin, target));
  code.assembler = assembly->assembler;
  for (Kernel &kernel : code.kernels)
    for (const PtxEntry &text : texts)
      if (text.name == kernel.name)
        kernel.text = llvm::join(text.lines, "\n");
  return std::move(code);
}

} // namespace mamba::predict
