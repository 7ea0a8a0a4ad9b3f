// The processors of this machine.
#pragma once

#include "runtime/support/Status.h"

#include <optional>

namespace mamba {

/// No device takes more threads than this.
inline constexpr unsigned kMaxDeviceThreads = 1024;

/// How many processors this process may use: those that the calling thread may
/// run on, but no more than its container's quota, to the nearest. From 1 to
/// kMaxDeviceThreads.
unsigned availableProcessors();

/// A number of processors under a quota of processors' time.
unsigned processorsWithin(unsigned processors, std::optional<double> quota);

/// Whether a device can have so many threads; 0 is availableProcessors().
Status checkThreads(unsigned threads);

} // namespace mamba
