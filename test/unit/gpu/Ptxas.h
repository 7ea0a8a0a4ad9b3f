// NVIDIA's assembler, where it is installed.
#pragma once

#include <string>

namespace mamba {

bool hasPtxas();
/// What is wrong with a module's machine code for the chip: ptxas's complaint,
/// or its lines about kernels that spill or use a stack; empty if nothing is.
std::string defectsOfAssembly(const std::string &ptx, const std::string &chip);
/// A module's machine code for the chip; the test fails if there is none.
std::string assembled(const std::string &ptx, const std::string &chip);

} // namespace mamba
