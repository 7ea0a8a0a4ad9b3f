// A model compiled for a chip as far as a prediction needs it: kernels with
// their code, and for each class of steps what is launched on which arguments.
#pragma once

#include "runtime/predict/Launch.h"

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

using predict::Step;

enum class Family { Projection, Convolution, Scan, Other };

/// One launch, and the others of the program that differ in its buffers only.
struct PredictLaunch : predict::Launch {
  std::string role; // "in_proj"
  Family family = Family::Other;
  uint32_t times = 1;
  // Of a row:
  double matrixFlops = 0;  // of projections
  double specialLanes = 0; // of scans: N + 4 an element
};

struct PredictProgram {
  std::string className;
  StepBounds bounds;
  std::vector<PredictLaunch> launches;
};

struct PredictModel : predict::Code {
  Widths widths;
  Precisions precisions;
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
