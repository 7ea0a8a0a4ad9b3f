// Where a model's weights come from: a checkpoint folder or the pack itself.
#pragma once

#include "runtime/device/Device.h"
#include "runtime/support/Status.h"

#include <memory>
#include <string>

namespace mamba {

/// The weights of a checkpoint's folder, or of a model in the cache of the
/// Hugging Face hub as findCheckpointFolder() has it. Fails if there are none.
Result<std::shared_ptr<WeightSource>>
weightsOfFolder(const std::string &folder);

/// The weights embedded in the pack, each checked against its SHA-256.
std::shared_ptr<WeightSource> weightsOfPack(std::shared_ptr<const Pack> pack);

} // namespace mamba
