#include "compiler/codegen/Comment.h"

#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace mamba {

std::string kernelComment(plan::KernelOp planned) {
  std::string text = "//\n// " + planned.getSymName().str() + "\n//   ops:      ";
  ssm::KernelOp kernel = planned.getKernel();
  for (Operation &op : kernel.getBlock().without_terminator())
    text += op.getName().getStringRef().str() + " ";
  text.pop_back();
  llvm::raw_string_ostream os(text);
  if (kernel.getScheduleAttr())
    os << "\n//   schedule: " << kernel.getScheduleAttr();
  if (planned.getGridAttr())
    os << "\n//   blocks:   " << planned.getGridAttr();
  os << "\n//   threads:  " << planned.getThreads().value_or(0)
     << ", shared: " << planned.getShared().value_or(0) << " bytes\n//\n";
  return text;
}

} // namespace mamba
