// A sequence on disk. README.md describes the file.
#pragma once

#include "runtime/model/Sampler.h"
#include "runtime/model/Session.h"
#include "runtime/support/Status.h"

#include <cstdint>
#include <span>
#include <string>

namespace mamba {

inline constexpr const char *kStateFormat = "1";

/// Writes a slot, and a sampler if not null, whole or not at all.
Status saveState(Session &session, uint32_t slot, const Sampler *sampler,
                 const std::string &path);

/// Replaces a slot, and the sampler if it is not null and the file has one. The
/// file is verified whole before anything changes.
Status loadState(Session &session, uint32_t slot, Sampler *sampler,
                 const std::string &path);

/// The same with the file's bytes in memory.
Result<std::string> stateToBytes(Session &session, uint32_t slot,
                                 const Sampler *sampler);
Status stateFromBytes(Session &session, uint32_t slot, Sampler *sampler,
                      std::span<const uint8_t> bytes);

} // namespace mamba
