// What a prediction needs of a target's PTX.
#pragma once

#include "compiler/predict/Launch.h"

namespace mamba::predict {

/// The kernels of `target`, as in the module of PTX: for the simulator, and what
/// the assembler makes of them.
Result<Code> readCode(const std::string &ptx, const TargetSpec &target);

} // namespace mamba::predict
