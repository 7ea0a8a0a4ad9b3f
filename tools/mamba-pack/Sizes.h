// Where a pack's bytes are.
#pragma once

#include "runtime/pack/Pack.h"

#include <ostream>

namespace mamba::pack {

/// A table of stored bytes by target and by kind. What several targets use counts
/// for each of them, and once in the last line.
void printSizes(std::ostream &os, const Pack &pack);

} // namespace mamba::pack
