// Links object files with lld, and proves that the result stands alone.
#pragma once

#include "compiler/codegen/Codegen.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace mamba {

/// False with one line in `error` if lld fails or the result needs a loader:
/// an undefined symbol, a dynamic relocation, writable data, thread-local storage.
/// lld is one at a time: a second thread waits.
bool linkSharedObject(llvm::ArrayRef<std::string> objects, SharedObject &result,
                      std::string &error);

} // namespace mamba
