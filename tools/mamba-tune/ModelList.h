// mamba-tune --list.
#pragma once

#include "compiler/tune/Plan.h"

namespace mamba::tune {

struct ListOptions {
  bool all = false, json = false;
};

/// The space of each kernel.
Result<std::string> list(const TuneInput &input, const ListOptions &options);

} // namespace mamba::tune
