// How long a kernel would take on a CPU: an analytic model, to rank schedules.
#pragma once

#include "passes/target/Target.h"

#include <cstdint>

namespace mamba {

/// The step and the machine that a prediction is for.
struct CpuWork {
  int64_t rows; // of one sequence
  unsigned threads;
};

/// Microseconds. Counted are multiply-adds, loads and exponentials by the port that
/// is busiest, bytes from the cache that a block fits, the weights from memory
/// once, and the share of threads that have tiles; at a nominal 2.6 GHz. Nothing
/// was fitted to a machine: ranks matter, not microseconds.
double predictUs(ssm::KernelOp kernel, const Target &target, const Schedule &schedule,
                 const CpuWork &work);

} // namespace mamba
