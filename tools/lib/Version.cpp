#include "tools/lib/Version.h"

#include "mamba/runtime.h"

namespace mamba::cli {

std::string versionText(const std::string &tool, const std::string &llvm) {
  std::string build = mamba_build_info(); // "mamba 0.1.0 (...)"
  std::string text = tool + build.substr(build.find(' ')) + "\nruntime ABI " +
                     std::to_string(mamba_abi_version());
  return llvm.empty() ? text : text + "\nLLVM " + llvm;
}

} // namespace mamba::cli
