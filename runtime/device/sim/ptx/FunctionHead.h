// A function up to its body.
#pragma once

#include "runtime/device/sim/ptx/Cursor.h"
#include "runtime/device/sim/ptx/Limits.h"
#include "runtime/device/sim/ptx/Names.h"
#include "runtime/device/sim/ptx/Ptx.h"

namespace mamba::ptx {

/// `(.param .b32 r) name (.param .u64 x, ...) .maxntid 128`, after .entry or
/// .func. Declares the parameters in the innermost block of `names`.
Status parseFunctionHead(Cursor &cursor, Names &names, Usage &usage, Function &function);

} // namespace mamba::ptx
