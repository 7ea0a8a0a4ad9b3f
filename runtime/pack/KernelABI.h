/* The contract between generated CPU kernels and the runtime.
 *
 * A kernel is `void kernel(const MambaKernelArgs *, uint32_t tile)`: on x86-64
 * in the System V convention without a red zone, on AArch64 in AAPCS64 without
 * register x18. It touches nothing but its buffers and its scratch memory, and
 * tiles of one dispatch may run in any order and at the same time. It runs
 * rounding to nearest, with subnormals flushed to zero (MXCSR: FTZ and DAZ;
 * FPCR: FZ, and not EBF), and leaves that so. In a recipe S is 0, seqStart
 * points to a 0, slot and position are null. passes/cpu writes code against
 * these offsets. */
#ifndef MAMBA_RUNTIME_PACK_KERNELABI_H
#define MAMBA_RUNTIME_PACK_KERNELABI_H

#include <stdint.h>

typedef struct MambaKernelArgs {
  /* Rows of the dynamic dimension: T, S or a constant. */
  uint64_t rows;
  /* S. */
  uint64_t sequences;
  /* [S+1]; sequence s has the rows seqStart[s] to seqStart[s+1]. */
  const int64_t *seqStart;
  /* [S], state slot of sequence s; no slot twice. */
  const int32_t *slot;
  /* [S], tokens that the slot has seen before this step. */
  const int64_t *position;
  /* This thread's, 64-byte aligned, as large as the manifest says. */
  void *scratch;
  /* In the order of the dispatch's `args`. */
  void *const *buffers;
} MambaKernelArgs;

typedef void (*MambaKernel)(const MambaKernelArgs *args, uint32_t tile);

#endif
