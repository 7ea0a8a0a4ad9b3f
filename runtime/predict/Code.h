// What a prediction needs of a target's PTX.
#pragma once

#include "runtime/pack/Pack.h"
#include "runtime/predict/Launch.h"

#include <span>

namespace mamba::predict {

/// The kernels of `target`, as in the module of PTX: for the simulator, and what
/// machine code says of them, which may be empty. A kernel's `text` is all of the PTX
/// and its name.
Result<Code> readCode(std::string_view ptx, std::span<const uint8_t> cubin,
                      const TargetSpec &target);

/// Of a cuda target of the pack.
Result<Code> readCode(const Pack &pack, const TargetSpec &target);

} // namespace mamba::predict
