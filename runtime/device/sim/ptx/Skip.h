// What stands in a module for debuggers and for other compilers, and is passed
// over.
#pragma once

#include "runtime/device/sim/ptx/Cursor.h"

namespace mamba::ptx {

/// `.loc 1 5 3, function_name $L__info0, inlined_at 1 4 2`
Status skipLocation(Cursor &cursor);
/// `.file 1 "a.cu", 1700000000, 512`
Status skipFile(Cursor &cursor);
/// `.section .debug_abbrev { ... }`
Status skipSection(Cursor &cursor);
/// `.pragma "nounroll";`
Status skipPragma(Cursor &cursor);

} // namespace mamba::ptx
