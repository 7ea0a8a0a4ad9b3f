// What --version of a tool says.
#pragma once

#include <string>

namespace mamba::cli {

/// "mamba-run 0.1.0 (5d0b6dd, clang 22.1.8, Release)", then lines with the ABI of
/// the runtime inside and, if not empty, the version of LLVM.
std::string versionText(const std::string &tool, const std::string &llvm = "");

} // namespace mamba::cli
