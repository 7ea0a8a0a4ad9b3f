// The end-to-end check of a pack on any device: the whole model, as a session
// runs it, against the float64 reference.
#pragma once

#include "runtime/device/Device.h"

#include <string>

namespace mamba {

/// In one line why the pack's check cannot be asked of these weights; empty if
/// it can. `source` is null if there are none.
std::string whyUnchecked(const Manifest &manifest, WeightSource *source);

/// Runs the check that the executable's pack has for its weights; what is right
/// in one line. The failure is what Executable::checkModel promises.
Result<std::string> runModelCheck(Executable &executable);

/// What Executable::checkModel promises; `source` is what its weights are from.
Result<ModelCheck> checkModelOf(Executable &executable, WeightSource *source);

} // namespace mamba
