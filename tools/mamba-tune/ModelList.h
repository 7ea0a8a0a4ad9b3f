// mamba-tune --list.
#pragma once

#include "compiler/tune/Plan.h"

namespace mamba::tune {

struct ListOptions {
  bool all = false, json = false;
};

/// The space of each kernel whose key contains `filter`; it fails where there is none.
Result<std::string> list(const TuneInput &input, const std::string &filter,
                         const ListOptions &options);

} // namespace mamba::tune
