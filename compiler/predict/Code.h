// A target's PTX and its machine code, for predictions.
#pragma once

#include "runtime/predict/Launch.h"

namespace mamba::predict {

/// The kernels of `target`, as in the module of PTX: for the simulator, and what
/// the assembler makes of them. A kernel's `text` is its body.
Result<Code> assembleCode(const std::string &ptx, const TargetSpec &target);

} // namespace mamba::predict
