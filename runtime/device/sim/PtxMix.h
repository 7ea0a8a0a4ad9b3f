// The static instruction mix of a kernel's PTX, to set beside that of its
// machine code.
#pragma once

#include "runtime/device/sim/CubinMix.h"
#include "runtime/device/sim/Sim.h"
#include "runtime/device/sim/ptx/Ptx.h"

namespace mamba::sim {

/// What one instruction of the text counts as.
MixClass classOf(const ptx::Instruction &instruction);

/// Each instruction of the kernel's text once; not those of what it calls.
InstructionMix mixOfPtx(const Module &module, uint32_t kernel);

} // namespace mamba::sim
