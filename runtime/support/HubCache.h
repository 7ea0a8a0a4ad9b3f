// Checkpoints by their names on the Hugging Face hub, in its cache on this
// machine. Nothing is downloaded and nothing written.
#pragma once

#include "runtime/support/Status.h"

#include <string>
#include <string_view>

namespace mamba {

/// Whether `text` has the form `org/name` of a model on the hub: letters,
/// digits, '-', '_' and '.', at most 96 of them on each side, neither "--" nor
/// "..", none of '-' and '.' at either end of a side.
bool isHubName(std::string_view text);

/// The folder of a checkpoint that a user names. What exists on the disk stands
/// for itself; another `org/name` is looked up in the cache of the hub: its
/// snapshot that `refs/main` notes. The cache is $HF_HUB_CACHE, else
/// $HF_HOME/hub, else $XDG_CACHE_HOME/huggingface/hub, else
/// ~/.cache/huggingface/hub. What has not this form is returned as it is, for
/// whoever opens it to find missing. The failure says what was looked for,
/// where, and how to get it.
Result<std::string> findCheckpointFolder(const std::string &name);

} // namespace mamba
