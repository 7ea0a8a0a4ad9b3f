// What tests ask of the fake driver beside what every driver exports. They find
// these by dlsym in the library that MAMBA_CUDA_DRIVER names.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {
/// Begins anew, with what FAKE_CUDA or `settings` says: words of the form
/// name=value between spaces; README.md has them. False if one is unknown.
/// Nothing may be alive.
bool fakeCudaConfigure(const char *settings);
/// How often a function was called since then; all of them for "*".
uint64_t fakeCudaCalls(const char *function);
/// What was made and not given back, as "2 streams, 1 module"; empty if nothing.
const char *fakeCudaAlive();
/// The first defect that the simulator found since then, or empty.
const char *fakeCudaDefect();
/// From now on these bytes are a cubin of that PTX for that chip (80).
void fakeCudaAcceptCubin(const void *bytes, size_t size, unsigned chip,
                         const char *ptx);
}
