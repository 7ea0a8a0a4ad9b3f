// What Module holds.
#pragma once

#include "runtime/device/sim/Decoder.h"
#include "runtime/device/sim/Program.h"
#include "runtime/device/sim/Sim.h"

namespace mamba::sim {

struct Module::Impl {
  std::unique_ptr<ptx::Module> parsed; // texts of instructions lie in it
  /// Its data is what kernels write to: .global variables live as long as the module.
  mutable ModuleLayout layout;
  std::vector<Kernel> kernels;
  std::vector<const ptx::Function *> functions; // of kernels
  std::vector<std::unique_ptr<Program>> programs;
};

} // namespace mamba::sim
