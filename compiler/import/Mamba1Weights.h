// The tensors of a Mamba-1 checkpoint, found by name and checked. Needs no
// LLVM.
#pragma once

#include "compiler/import/Config.h"
#include "runtime/support/Checkpoint.h"
#include "runtime/support/Status.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mamba {

struct Mamba1Sizes {
  int64_t layers;
  int64_t vocab;  // V
  int64_t width;  // D
  int64_t inner;  // E
  int64_t state;  // N
  int64_t conv;   // W
  int64_t dtRank; // R
};

/// A layer's tensors, borrowed from the checkpoint. Biases may be null, all
/// else is there with the shape that mamba1LayerTensors() says.
struct Mamba1Layer {
  const TensorView *norm = nullptr;
  const TensorView *inProj = nullptr, *inProjBias = nullptr;
  const TensorView *conv = nullptr, *convBias = nullptr;
  const TensorView *xProj = nullptr;
  const TensorView *dtProj = nullptr, *dtBias = nullptr;
  const TensorView *aLog = nullptr, *d = nullptr;
  const TensorView *outProj = nullptr, *outProjBias = nullptr;
};

/// A whole checkpoint's tensors, borrowed from it.
struct Mamba1Weights {
  Mamba1Sizes sizes;
  const TensorView *embedding; // [V, D]
  const TensorView *finalNorm; // [D]
  const TensorView *head;      // [V, D], the embedding if they are tied
  std::vector<Mamba1Layer> layers;
  std::vector<std::string> warnings; // one line each
};

/// One tensor that every layer has, or has if the model has such a bias.
struct Mamba1Tensor {
  enum class Presence { Always, ProjectionBias, ConvBias };
  std::string_view name; // after "backbone.layers.N."
  std::vector<int64_t> (*shape)(const Mamba1Sizes &);
  const TensorView *Mamba1Layer::*field;
  Presence presence = Presence::Always;
};
std::span<const Mamba1Tensor> mamba1LayerTensors();

/// "backbone.layers.3.mixer.D", for layer 3 and the tensor "mixer.D".
std::string mamba1LayerTensorName(int64_t layer, std::string_view tensor);

/// Finds all tensors. Sizes that the config leaves out and biases are read off
/// the checkpoint; where the two disagree the failure names the tensor, the
/// expected and the found shape.
Result<Mamba1Weights> bindMamba1Weights(const Checkpoint &checkpoint,
                                        const ModelConfig &config);

} // namespace mamba
