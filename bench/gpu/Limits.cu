// What a GPU can do at most: small kernels that each wait for one thing.
// Compiled to PTX when we are built, by the driver on the GPU to be measured.
#define KERNEL extern "C" __attribute__((global)) void

typedef float Vector __attribute__((vector_size(16)));

static __attribute__((device, always_inline)) inline unsigned thread() {
  return __nvvm_read_ptx_sreg_tid_x();
}
static __attribute__((device, always_inline)) inline unsigned blocks() {
  return __nvvm_read_ptx_sreg_nctaid_x();
}
static __attribute__((device, always_inline)) inline unsigned block() {
  return __nvvm_read_ptx_sreg_ctaid_x();
}
static __attribute__((device, always_inline)) inline unsigned threads() {
  return __nvvm_read_ptx_sreg_ntid_x();
}

/// `count` vectors `rounds` times, past the L1.
KERNEL readAll(const Vector *from, float *to, unsigned long long count,
               unsigned long long rounds) {
  constexpr int kBatch = 8;
  unsigned long long step = (unsigned long long)threads() * blocks();
  unsigned long long first = (unsigned long long)block() * threads() + thread();
  Vector v[kBatch], sum = {};
  for (unsigned long long round = 0; round < rounds; ++round)
    for (unsigned long long i = first; i + (kBatch - 1) * step < count; i += kBatch * step) {
      // Volatile: else one round would do for all.
#pragma unroll
      for (int k = 0; k < kBatch; ++k)
        asm volatile("ld.global.cg.v4.f32 {%0, %1, %2, %3}, [%4];"
                     : "=f"(v[k][0]), "=f"(v[k][1]), "=f"(v[k][2]), "=f"(v[k][3])
                     : "l"(from + i + k * step));
#pragma unroll
      for (int k = 0; k < kBatch; ++k)
        sum += v[k];
    }
  if (sum[0] + sum[1] + sum[2] + sum[3] == 12345.678f)
    *to = 1;
}

KERNEL copyAll(const Vector *from, Vector *to, unsigned long long count) {
  constexpr int kBatch = 4;
  unsigned long long step = (unsigned long long)threads() * blocks();
  unsigned long long first = (unsigned long long)block() * threads() + thread();
  Vector v[kBatch];
  for (unsigned long long i = first; i + (kBatch - 1) * step < count; i += kBatch * step) {
#pragma unroll
    for (int k = 0; k < kBatch; ++k)
      v[k] = from[i + k * step];
#pragma unroll
    for (int k = 0; k < kBatch; ++k)
      to[i + k * step] = v[k];
  }
}

/// 8 exponentials a round.
KERNEL special(float *to, unsigned long long rounds) {
  float x[8];
  for (int k = 0; k < 8; ++k)
    x[k] = float(thread() + k) * 0.001f;
  for (unsigned long long i = 0; i < rounds; ++i)
#pragma unroll
    for (int k = 0; k < 8; ++k)
      asm volatile("ex2.approx.ftz.f32 %0, %0;" : "+f"(x[k]));
  if (x[0] + x[1] + x[2] + x[3] + x[4] + x[5] + x[6] + x[7] == 12345.678f)
    *to = 1;
}

/// 16 multiply-adds a round.
KERNEL multiplyAdd(float *to, unsigned long long rounds) {
  float x[16], a = float(thread()) * 0.5f;
  for (int k = 0; k < 16; ++k)
    x[k] = float(k);
  for (unsigned long long i = 0; i < rounds; ++i)
#pragma unroll
    for (int k = 0; k < 16; ++k)
      asm volatile("fma.rn.ftz.f32 %0, %0, %1, %1;" : "+f"(x[k]) : "f"(a));
  float sum = 0;
  for (int k = 0; k < 16; ++k)
    sum += x[k];
  if (sum == 12345.678f)
    *to = 1;
}

/// 8 products of 16 x 16 by 16 x 8 a round and warp.
KERNEL matrix(float *to, unsigned long long rounds) {
#if __CUDA_ARCH__ >= 800
  float x[8][4] = {};
  unsigned a[4] = {thread(), 1, 2, 3}, b[2] = {4, thread()};
  for (unsigned long long i = 0; i < rounds; ++i)
#pragma unroll
    for (int k = 0; k < 8; ++k)
      asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
                   "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                   : "+f"(x[k][0]), "+f"(x[k][1]), "+f"(x[k][2]), "+f"(x[k][3])
                   : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  float sum = 0;
  for (int k = 0; k < 8; ++k)
    sum += x[k][0] + x[k][1] + x[k][2] + x[k][3];
  if (sum == 12345.678f)
    *to = 1;
#endif
}

/// Nothing: what a launch costs.
KERNEL nothing() {}

#if __CUDA_ARCH__ >= 900
/// The same, where the next kernel may begin at once.
KERNEL nothingOverlapped() {
  asm volatile("griddepcontrol.launch_dependents;");
  asm volatile("griddepcontrol.wait;" ::: "memory");
}
#endif

/// All blocks, of a warp each, which must be resident at once, wait for each other
/// `rounds` times.
KERNEL gridBarrier(unsigned *count, unsigned long long rounds) {
  for (unsigned long long i = 1; i <= rounds; ++i) {
    unsigned now, wanted = unsigned(i) * blocks();
    if (thread() == 0)
      asm volatile("red.add.release.gpu.global.u32 [%0], 1;" ::"l"(count) : "memory");
    do
      asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(now) : "l"(count) : "memory");
    while (now < wanted);
  }
}
