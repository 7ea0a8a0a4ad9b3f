// Kernels for a GPU as far as a prediction needs them: their code, and what one is
// launched on.
#pragma once

#include "runtime/device/sim/CubinMix.h"
#include "runtime/device/sim/Sim.h"
#include "runtime/pack/Manifest.h"

#include <memory>
#include <string>
#include <vector>

namespace mamba::predict {

using Step = StepSpec;

/// An argument of a launch.
struct Argument {
  RowKind rows = RowKind::Constant; // that lie in memory
  uint64_t bytes = 0;               // a row; all of a constant
  /// What the kernel cannot do without: so many rows, and of each so many bytes.
  RowKind neededRows = RowKind::Constant;
  uint64_t read = 0, written = 0;
  uint64_t indexBelow = 0; // elements are numbers of rows below this; 0: they are none

  uint64_t memory(const Step &step) const { return bytes * rowsOf(rows, step); }
  uint64_t minimum(const Step &step) const {
    return (read + written) * rowsOf(neededRows, step);
  }
  static uint64_t rowsOf(RowKind kind, const Step &step) {
    return RowCount{kind, 1}.of(step.tokens(), step.sequences);
  }
};

struct Kernel {
  std::string name, ops, schedule;
  std::string text; // its PTX, to know equal ones by
  uint32_t index = 0; // in the module
  uint32_t threads = 1, shared = 0;
  uint32_t registers = 0;  // by the assembler; by the simulator if there is none
  uint64_t localBytes = 0; // stack of a thread, by the assembler
  sim::InstructionMix machine;

  /// Loads and stores of local memory in the machine code.
  uint32_t spills() const {
    return machine[sim::MixClass::LoadLocal] + machine[sim::MixClass::StoreLocal];
  }
};

/// The kernels of a target.
struct Code {
  std::string arch, assembler;
  std::unique_ptr<sim::Module> module;
  std::vector<Kernel> kernels;
};

struct Launch {
  Dispatch dispatch; // without arguments
  std::vector<Argument> arguments;
  bool readsSequences = false;

  uint64_t minimum(const Step &step) const {
    uint64_t bytes = 0;
    for (const Argument &argument : arguments)
      bytes += argument.minimum(step);
    return bytes;
  }
};

} // namespace mamba::predict
