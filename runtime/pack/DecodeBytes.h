// What a decode step has to read.
#pragma once

#include "runtime/pack/Manifest.h"

namespace mamba {

/// Bytes of the weights that a decode step of entry `next` reads, each once;
/// left out are tables of which it looks up a row a token. Without such a
/// program all prepared weights.
uint64_t decodeWeightBytes(const Manifest &manifest, const TargetSpec &target);

} // namespace mamba
