// Rows that a projection reads as small integers (ssm.int8_rows): where they are, and
// which projections read such.
#pragma once

#include "dialects/ssm/SSMInt8.h"
#include "passes/target/Match.h"
#include "passes/target/Target.h"

namespace mamba {

/// The op that says so of a projection's rows; null: they are read as they are.
ssm::Int8RowsOp int8RowsOf(const LinearParts &parts);

/// Whether the kernel is a projection by a quantised matrix whose products with rows
/// of int8 are those of integers on this target: but for many rows of bf16, which
/// tiles take with all their bits, faster.
bool wantsInt8Rows(ssm::KernelOp kernel, const Target &target, TokenClass tokens);

} // namespace mamba
