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
/// is busiest, what a cache keeps of a block by its size and its sets, bytes from the
/// cache that has it, the weights from memory once, and how long the last thread
/// takes; at a nominal 2.6 GHz. Constants are those of a Xeon with AMX, some found by
/// its timings of mamba-130m: ranks matter, not microseconds.
double predictUs(ssm::KernelOp kernel, const Target &target, const Schedule &schedule,
                 const CpuWork &work);

} // namespace mamba
