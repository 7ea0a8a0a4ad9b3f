// A small Mamba-1 checkpoint that a test can spoil before it is written.
#pragma once

#include "compiler/import/Mamba1Weights.h"
#include "runtime/support/SafetensorsWriter.h"
#include "test/unit/support/TempFolder.h"

#include <map>
#include <string>
#include <vector>

namespace mamba {

/// D 4, E 8, N 2, W 3, R 1, V 5, two layers, tied head, biases of the
/// convolutions only.
struct TinyCheckpoint {
  struct Tensor {
    DType dtype = DType::F32;
    std::vector<int64_t> shape;
    uint8_t fill = 0;
  };
  std::map<std::string, Tensor> tensors;
  TempFolder folder;

  TinyCheckpoint() {
    Mamba1Sizes sizes{.layers = 2,
                      .vocab = 5,
                      .width = 4,
                      .inner = 8,
                      .state = 2,
                      .conv = 3,
                      .dtRank = 1};
    tensors["backbone.embeddings.weight"].shape = {5, 4};
    tensors["backbone.norm_f.weight"].shape = {4};
    for (int64_t layer = 0; layer < sizes.layers; ++layer)
      for (const Mamba1Tensor &tensor : mamba1LayerTensors())
        if (tensor.presence != Mamba1Tensor::Presence::ProjectionBias)
          tensors[mamba1LayerTensorName(layer, tensor.name)].shape =
              tensor.shape(sizes);
  }

  /// A config that leaves to the tensors all that it can.
  static ModelConfig config() {
    ModelConfig config;
    config.width = 4;
    config.layers = 2;
    return config;
  }

  void rename(const std::string &from, const std::string &to) {
    auto node = tensors.extract(from);
    node.key() = to;
    tensors.insert(std::move(node));
  }

  /// Writes the tensors into one file.
  void write(const std::string &file = "model.safetensors") const {
    SafetensorsWriter writer;
    for (const auto &[name, tensor] : tensors) {
      std::string bytes(*tensorBytes(tensor.dtype, tensor.shape),
                        char(tensor.fill));
      auto produce = [bytes](const TensorSink &sink) {
        return sink(bytes.data(), bytes.size());
      };
      Status status =
          writer.addTensor(name, tensor.dtype, tensor.shape, produce);
      EXPECT_TRUE(status.ok()) << status.message();
    }
    Status status = writer.write(folder / file);
    EXPECT_TRUE(status.ok()) << status.message();
  }

  /// Binds what write() wrote; `check` sees the weights while the files live.
  template <typename Check>
  void bind(const ModelConfig &config, Check check) const {
    auto checkpoint = openCheckpoint(folder.path());
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
    auto weights = bindMamba1Weights(*checkpoint, config);
    ASSERT_TRUE(weights.ok()) << weights.status().message();
    check(*weights);
  }

  /// Writes, binds and returns the failure, without the folder's name.
  std::string failure(const ModelConfig &config = TinyCheckpoint::config()) {
    write();
    auto checkpoint = openCheckpoint(folder.path());
    EXPECT_TRUE(checkpoint.ok()) << checkpoint.status().message();
    if (!checkpoint.ok())
      return "";
    auto weights = bindMamba1Weights(*checkpoint, config);
    EXPECT_FALSE(weights.ok());
    if (weights.ok())
      return "";
    std::string message = weights.status().message();
    std::string start = "checkpoint '" + folder.path() + "'";
    EXPECT_TRUE(message.starts_with(start)) << message;
    return message.substr(start.size());
  }
};

} // namespace mamba
