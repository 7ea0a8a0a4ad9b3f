// What a sweep is over: a model, compiled as far as its kernels.
#pragma once

#include "compiler/tune/Space.h"

#include <string>

namespace mamba {

struct TuneInput {
  std::string input; // the folder of a checkpoint, or an .mlir file
  std::string target = "cpu:native";
  std::string weights = "f32", activations = "f32"; // as in PipelineOptions
  bool batchInvariant = false;
  StepSize step;
};

/// The kernels of the model. Failures are one line.
Result<std::vector<TunedKernel>> planKernels(const TuneInput &input);

} // namespace mamba
