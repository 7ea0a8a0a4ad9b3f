// A model compiled for a chip as far as a prediction needs it: kernels with
// their code, and for each class of steps what is launched on which arguments.
#pragma once

#include "runtime/device/sim/CubinMix.h"
#include "runtime/device/sim/Sim.h"
#include "runtime/pack/Manifest.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mamba::bench {

/// Of a Mamba-1 model.
struct Widths {
  std::string name;
  int64_t width, inner, states, conv, dtRank, vocab, layers;
};
/// "130m", "370m", "790m", "1.4b", "2.8b", or "D=64,layers=2,V=200".
Result<Widths> widthsOf(const std::string &text);

struct Precisions {
  std::string weights = "bf16", activations = "bf16";
};

/// Sequences of one length each.
struct Step {
  uint64_t sequences, length;
  uint64_t tokens() const { return sequences * length; }
};

/// An argument of a launch.
struct PredictArgument {
  RowKind rows = RowKind::Constant; // that lie in memory
  uint64_t bytes = 0;               // a row; all of a constant
  /// What the kernel cannot do without: so many rows, and of each so many bytes.
  RowKind neededRows = RowKind::Constant;
  uint64_t read = 0, written = 0;
  bool isIndex = false; // elements are numbers of rows

  uint64_t memory(const Step &step) const { return bytes * rowsOf(rows, step); }
  uint64_t minimum(const Step &step) const {
    return (read + written) * rowsOf(neededRows, step);
  }
  static uint64_t rowsOf(RowKind kind, const Step &step) {
    return RowCount{kind, 1}.of(step.tokens(), step.sequences);
  }
};

struct PredictKernel {
  std::string name, ops, schedule;
  std::string text; // its PTX, to know equal ones by
  uint32_t index = 0; // in the module
  uint32_t threads = 1, shared = 0;
  uint32_t registers = 0;  // by the assembler; by the simulator if there is none
  uint64_t localBytes = 0; // stack of a thread, by the assembler
  sim::InstructionMix machine;
};

enum class Family { Projection, Convolution, Scan, Other };

/// One launch, and the others of the program that differ in its buffers only.
struct PredictLaunch {
  std::string role; // "in_proj"
  Family family = Family::Other;
  uint32_t times = 1;
  Dispatch dispatch; // without arguments
  std::vector<PredictArgument> arguments;
  bool readsSequences = false;
  // Of a row:
  double matrixFlops = 0;  // of projections
  double specialLanes = 0; // of scans: N + 4 an element

  uint64_t minimum(const Step &step) const;
};

struct PredictProgram {
  std::string className;
  StepBounds bounds;
  std::vector<PredictLaunch> launches;
};

struct PredictModel {
  Widths widths;
  Precisions precisions;
  std::string arch, assembler;
  std::unique_ptr<sim::Module> code;
  std::vector<PredictKernel> kernels;
  std::vector<PredictProgram> programs; // of one entry: of a model what gives the next token

  /// The one that the runtime takes.
  const PredictProgram *programFor(const Step &step) const;
};

/// Without any weight: what a kernel does hangs on shapes alone. What the
/// compiler has to say of a failure is on stderr.
Result<PredictModel> compileForPrediction(const Widths &widths, const Precisions &precisions,
                                          const std::string &arch);

/// The entry of `mamba-import --op=scan` at the model's widths: every operand in
/// memory, in f32, and neither the projection of dt nor a gate.
Result<PredictModel> compileScanAlone(const Widths &widths, const std::string &arch);

/// Bytes of a decode step that no kernels can do without: matrices in that
/// precision, all other weights in f32, states read and written, rows of E.
double decodeBytes(const Widths &widths, const std::string &weights, uint64_t batch);

} // namespace mamba::bench
