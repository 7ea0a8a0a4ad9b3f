/* Kernels for the tests of the CPU device; TestPack.cpp puts them together to
 * an entry. Rows are kWidth floats, tiles are blocks of rows or sequences. */
#include "runtime/pack/KernelABI.h"

enum { kWidth = 8 };

#define KERNEL __attribute__((visibility("default")))

static const float kTwo[4] = {2, 2, 2, 2}; /* in .rodata */

/* Recipe. packed[i] = 2 weight[i]; a tile an element. */
KERNEL void doubleWeight(const MambaKernelArgs *args, uint32_t tile) {
  const float *weight = args->buffers[0];
  float *packed = args->buffers[1];
  packed[tile] = kTwo[tile % 4] * weight[tile];
}

/* to[t] = x[t] * packed + constant; a tile 2 rows. Goes through scratch. */
KERNEL void scaleRows(const MambaKernelArgs *args, uint32_t tile) {
  const float *x = args->buffers[0], *packed = args->buffers[1];
  const float *bias = args->buffers[2];
  float *to = args->buffers[3], *scratch = args->scratch;
  for (uint64_t t = 2 * (uint64_t)tile; t < 2 * (uint64_t)tile + 2; ++t) {
    if (t >= args->rows)
      return;
    for (int i = 0; i < kWidth; ++i)
      scratch[i] = x[t * kWidth + i] * packed[i];
    for (int i = 0; i < kWidth; ++i)
      to[t * kWidth + i] = scratch[i] + bias[i];
  }
}

/* h = x[t] + 0.5 h, y[t] = h along each sequence, h carried in the slot and
 * zero at position 0; last[s] = h; two tiles a sequence. */
static void scanHalf(const MambaKernelArgs *args, uint32_t tile) {
  const float *x = args->buffers[0];
  float *pool = args->buffers[1], *y = args->buffers[2];
  float *last = args->buffers[3];
  uint64_t s = tile / 2;
  float *state = pool + (uint64_t)args->slot[s] * kWidth;
  for (int i = tile % 2 * (kWidth / 2), end = i + kWidth / 2; i < end; ++i) {
    float h = args->position[s] == 0 ? 0 : state[i];
    for (int64_t t = args->seqStart[s]; t < args->seqStart[s + 1]; ++t) {
      h = x[t * kWidth + i] + 0.5f * h;
      y[t * kWidth + i] = h;
    }
    if (args->seqStart[s] != args->seqStart[s + 1])
      state[i] = h;
    last[s * kWidth + i] = h;
  }
}

KERNEL void scan(const MambaKernelArgs *args, uint32_t tile) {
  scanHalf(args, tile);
}

/* The same for few sequences, and y is negated for the tests to see who ran. */
KERNEL void scanFew(const MambaKernelArgs *args, uint32_t tile) {
  float *y = args->buffers[2];
  scanHalf(args, tile);
  uint64_t s = tile / 2;
  for (int64_t t = args->seqStart[s]; t < args->seqStart[s + 1]; ++t)
    for (int i = tile % 2 * (kWidth / 2), end = i + kWidth / 2; i < end; ++i)
      y[t * kWidth + i] = -y[t * kWidth + i];
}

/* out[s] = last[s], zeros for an empty sequence; a tile a sequence. */
KERNEL void copyLast(const MambaKernelArgs *args, uint32_t tile) {
  const float *last = args->buffers[0];
  float *out = args->buffers[1];
  int empty = args->seqStart[tile] == args->seqStart[tile + 1];
  for (int i = 0; i < kWidth; ++i)
    out[(uint64_t)tile * kWidth + i] =
        empty ? 0 : last[(uint64_t)tile * kWidth + i];
}

/* bias = weight; once a step. */
KERNEL void copyBias(const MambaKernelArgs *args, uint32_t tile) {
  const float *weight = args->buffers[0];
  float *bias = args->buffers[1];
  for (int i = 0; i < kWidth; ++i)
    bias[i] = weight[i];
}

/* Writes one element too many. */
KERNEL void overrun(const MambaKernelArgs *args, uint32_t tile) {
  float *to = args->buffers[0];
  for (uint64_t i = 0; i <= args->rows; ++i)
    to[i] = 1;
}

/* out[0] = a product that is subnormal. */
KERNEL void makeSubnormal(const MambaKernelArgs *args, uint32_t tile) {
  const float *x = args->buffers[0];
  float *out = args->buffers[1];
  out[tile] = x[0] * x[1];
}
