// A record as a table to read: each figure beside its limit, its prediction and
// what is accepted.
#pragma once

#include "bench/gpu/Rows.h"

namespace mamba::bench {

/// Of a step whose library or program is not on this machine.
inline constexpr int kAbsentStatus = 3;

/// Whether nothing that the step verified is wrong.
bool isVerified(const Row &step, bool isVerification);

std::string reportOf(const Row &record, const CheckFolder &folder);

} // namespace mamba::bench
