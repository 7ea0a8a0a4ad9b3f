// What a decode step has to read.
#pragma once

#include "runtime/pack/Manifest.h"

#include <set>

namespace mamba {

/// Each offset in the memory of prepared weights at which one begins, and the
/// end.
std::set<uint64_t> packedOffsets(const TargetSpec &target);

/// Whether a dispatch takes numbers of rows: it reads of its weights only those.
bool looksUpRows(const EntrySpec &entry, const Dispatch &dispatch);

/// Bytes of the weights that a decode step of entry `next` reads, each once;
/// left out are tables of which it looks up a row a token. Without such a
/// program all prepared weights.
uint64_t decodeWeightBytes(const Manifest &manifest, const TargetSpec &target);

} // namespace mamba
