// Which lines of several databases one of them all needs.
#pragma once

#include "runtime/tune/ScheduleLine.h"

namespace mamba::tune {

/// Of the lines for the same target, key, chip and size of work (rows, threads)
/// the one that counts: what was measured before what was predicted, then the
/// newest, then the fastest, whatever their order.
std::vector<ScheduleLine> keepBest(const std::vector<ScheduleLine> &lines);

} // namespace mamba::tune
