// What stands before a kernel in code that people read.
#pragma once

#include "dialects/plan/PlanDialect.h"

#include <string>

namespace mamba {

/// Lines of `//` with its name, ops, schedule, blocks and threads.
std::string kernelComment(plan::KernelOp planned);

} // namespace mamba
