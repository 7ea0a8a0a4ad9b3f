// Loops over lanes that are compiled for several instruction sets. Without
// contraction the operations are the same ones in each, hence the bits too.
#pragma once

#if defined(__x86_64__) && defined(__gnu_linux__)
#define MAMBA_LANE_CLONES                                                                          \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define MAMBA_LANE_CLONES
#endif
#define MAMBA_INLINE inline __attribute__((always_inline))
