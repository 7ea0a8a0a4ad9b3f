// The PTX of a kernel as one asm statement: NVRTC takes no PTX by itself.
#pragma once

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"

#include <string>
#include <vector>

namespace mamba {

/// The kernels of a PTX module, by name.
struct PtxEntry {
  llvm::StringRef name;
  /// Names of its parameters, in order.
  std::vector<llvm::StringRef> parameters;
  /// The lines between its braces.
  std::vector<llvm::StringRef> lines;
};
/// False if the text is not as LLVM writes it.
bool splitPtx(llvm::StringRef ptx, std::vector<PtxEntry> &entries, std::string &error);

/// The asm statement of a kernel's body, whose parameters C++ calls
/// `parameters`. Registers and labels get other names than those that NVRTC
/// gives, which would stand for the operands; loads of parameters become moves of
/// operands. Empty with an error if that cannot be.
std::string asmOf(const PtxEntry &entry, llvm::ArrayRef<std::string> parameters,
                  std::string &error);

} // namespace mamba
