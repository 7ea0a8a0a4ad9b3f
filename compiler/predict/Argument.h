// The arguments of a planned kernel.
#pragma once

#include "runtime/predict/Launch.h"
#include "dialects/plan/PlanDialect.h"

namespace mamba::predict {

/// An argument with rows of that kind, all of which the kernel needs; numbers of rows,
/// if it holds such, are below `indexBelow`.
Argument argumentOf(const plan::KernelArg &planned, RowKind rows, uint64_t indexBelow);

/// Whether the kernel reads where sequences begin.
bool readsSequences(ssm::KernelOp kernel);

} // namespace mamba::predict
