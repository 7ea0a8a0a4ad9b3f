// What the operating system refused, as a Status.
#pragma once

#include "runtime/support/Status.h"

#include <string>

namespace mamba {

/// "cannot open 'model.bin': No such file or directory", with the code that
/// fits; `error` is a value of errno.
Status systemError(const std::string &action, const std::string &path,
                   int error);

} // namespace mamba
