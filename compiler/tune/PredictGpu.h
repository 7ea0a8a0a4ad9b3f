// How long a kernel would take on a GPU with a schedule: compiled, counted in the
// simulator, and set beside a chip's limits.
#pragma once

#include "compiler/tune/BuildCandidate.h"
#include "runtime/predict/Figures.h"

namespace mamba {

struct Alone;

/// Tokens of the step that kernels of a GPU for many tokens are predicted for, where
/// nobody says otherwise: enough to fill one.
inline constexpr int64_t kPredictedTokens = 2048;

/// What a kernel is launched on, and the steps that its schedule is judged by.
struct GpuLaunch {
  LaunchShape shape;
  PredictionSpec prediction;
};
/// Of a kernel in phase kernels or later. `module` is TunedKernel::module, `length` that
/// of a sequence of its step.
Result<GpuLaunch> launchOf(const Alone &alone, const std::string &module, int64_t length);

/// Compiles the kernel with this schedule and predicts its time.
Result<predict::Figures> predictCandidate(const CandidateKernel &kernel, const Schedule &schedule,
                                          const sim::Chip &chip, predict::StepKind step);

/// Compiles it, and compares its numbers with those of computeGoldens, in the
/// simulator with all checks; `kernel` has no step of a timing.
Status checkCandidate(const CandidateKernel &kernel, const Schedule &schedule,
                      const std::string &folder);

} // namespace mamba
