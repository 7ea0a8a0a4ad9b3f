// NVIDIA's libraries, which need not be there.
#pragma once

#include <dlfcn.h>
#include <span>
#include <type_traits>

namespace mamba::cuda {

/// The first of these that loads, or null. Never unloaded: they have threads and
/// exit handlers of their own.
inline void *openFirst(std::span<const char *const> names) {
  for (const char *name : names)
    if (void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL))
      return library;
  return nullptr;
}

/// Finds functions one by one and keeps the name of the first that is missing.
struct SymbolFinder {
  void *library;
  const char *missing = nullptr;

  template <typename Function>
  void operator()(Function &function, const char *name) {
    function = reinterpret_cast<std::decay_t<Function>>(dlsym(library, name));
    if (!function && !missing)
      missing = name;
  }
};

} // namespace mamba::cuda
