// What a run reads, whose place no output of it may take.
#pragma once

#include <string>
#include <vector>

namespace mamba::cli {

/// Names that lead nowhere, and "", are no inputs.
struct InputFiles {
  std::vector<std::string> files = {};
  /// Folders, or `org/name` in the cache of the Hugging Face hub: what a checkpoint
  /// is made of.
  std::vector<std::string> checkpoints = {};
  /// Packs, and the checkpoints that they note.
  std::vector<std::string> packs = {};

  /// What `output` is, under whatever name, as in "'a.json' is a file of the
  /// checkpoint, name another file"; "" where it may be written.
  std::string refusal(const std::string &output) const;
};

/// Throws CLI::ValidationError of the option where `output` is refused.
void checkOutput(const std::string &option, const std::string &output,
                 const InputFiles &inputs);

} // namespace mamba::cli
