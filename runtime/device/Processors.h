// The processors of this machine.
#pragma once

#include "runtime/support/Status.h"

namespace mamba {

/// No device takes more threads than this.
inline constexpr unsigned kMaxDeviceThreads = 1024;

/// The processors that this process may use; from 1 to kMaxDeviceThreads.
unsigned availableProcessors();

/// Whether a device can have so many threads; 0 is availableProcessors().
Status checkThreads(unsigned threads);

} // namespace mamba
