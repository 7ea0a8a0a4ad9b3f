// A pack with its weights on this processor, and a session of one sequence.
#pragma once

#include "mamba/runtime.h"

#include <cstdint>
#include <string>
#include <vector>

namespace mamba::bench {

struct LoadedModel {
  mamba_pack *pack = nullptr;
  mamba_model *model = nullptr;
  mamba_session *session = nullptr;
  mamba_pack_info info = {};
  mamba_model_info modelInfo = {};

  LoadedModel() = default;
  LoadedModel(const LoadedModel &) = delete;
  ~LoadedModel();

  /// `target` empty: the best of the pack; `folder` empty: the one that the pack
  /// names; `threads` 0: one for each processor. On failure `error` has one line.
  bool load(const std::string &packPath, const std::string &target, const std::string &folder,
            uint32_t threads, std::string &error);

  /// Tokens `first` to `first + count` of a prompt that is made up.
  std::vector<int32_t> prompt(int64_t first, int64_t count) const;

  /// One step of these tokens; on failure mamba_last_error() says why.
  bool step(const int32_t *tokens, size_t count);
};

} // namespace mamba::bench
