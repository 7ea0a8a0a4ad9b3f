// Kernels as a person writes them, for NVRTC: what the simulator has to take
// beside our own PTX. See README.md for how kernels.sm_80.ptx was made.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

// One block a row: y = x / sqrt(mean(x^2) + eps) * w.
extern "C" __global__ void rms_norm(const float *x, const float *w, float *y, int D, float eps) {
  __shared__ float sums[32];
  const float *row = x + size_t(blockIdx.x) * D;
  float sum = 0;
  for (int d = threadIdx.x; d < D; d += blockDim.x)
    sum += row[d] * row[d];
  for (int distance = 16; distance; distance /= 2)
    sum += __shfl_xor_sync(~0u, sum, distance);
  if (threadIdx.x % 32 == 0)
    sums[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x < 32) {
    sum = threadIdx.x < (blockDim.x + 31) / 32 ? sums[threadIdx.x] : 0;
    for (int distance = 16; distance; distance /= 2)
      sum += __shfl_xor_sync(~0u, sum, distance);
    if (threadIdx.x == 0)
      sums[0] = sum;
  }
  __syncthreads();
  float factor = rsqrtf(sums[0] / D + eps);
  for (int d = threadIdx.x; d < D; d += blockDim.x)
    y[size_t(blockIdx.x) * D + d] = row[d] * factor * w[d];
}

// A channel a thread; state [W-1, E] of one sequence.
extern "C" __global__ void conv_silu(const float *x, const float *w, const float *bias,
                                     float *state, float *y, int T, int E) {
  constexpr int W = 4;
  int c = blockIdx.x * blockDim.x + threadIdx.x;
  if (c >= E)
    return;
  float window[W];
  for (int k = 0; k < W - 1; ++k)
    window[k] = state[k * E + c];
  for (int t = 0; t < T; ++t) {
    window[W - 1] = x[t * E + c];
    float sum = bias[c];
    for (int k = 0; k < W; ++k)
      sum = fmaf(w[c * W + k], window[k], sum);
    y[t * E + c] = sum / (1 + __expf(-sum));
    for (int k = 0; k < W - 1; ++k)
      window[k] = window[k + 1];
  }
  for (int k = 0; k < W - 1; ++k)
    state[k * E + c] = window[k];
}

// A channel a thread, B and C of 8 steps in shared memory; libm's log1p and exp.
extern "C" __global__ void scan(const float *u, const float *delta, const float *A, const float *B,
                                const float *C, const float *D, const float *z, float *h, float *y,
                                int T, int E) {
  constexpr int N = 16, Chunk = 8;
  __shared__ float b[Chunk][N], c[Chunk][N];
  int e = blockIdx.x * blockDim.x + threadIdx.x;
  float state[N], rate[N];
  for (int n = 0; n < N; ++n) {
    state[n] = e < E ? h[e * N + n] : 0;
    rate[n] = e < E ? A[e * N + n] * 1.44269504f : 0;
  }
  for (int t0 = 0; t0 < T; t0 += Chunk) {
    int steps = min(Chunk, T - t0);
    for (int i = threadIdx.x; i < steps * N; i += blockDim.x) {
      b[i / N][i % N] = B[t0 * N + i];
      c[i / N][i % N] = C[t0 * N + i];
    }
    __syncthreads();
    for (int t = 0; t < steps && e < E; ++t) {
      size_t at = size_t(t0 + t) * E + e;
      float raw = delta[at], dt = raw > 20 ? raw : log1pf(expf(raw)), sum = 0;
#pragma unroll
      for (int n = 0; n < N; ++n) {
        state[n] = exp2f(dt * rate[n]) * state[n] + dt * u[at] * b[t][n];
        sum += state[n] * c[t][n];
      }
      sum += D[e] * u[at];
      y[at] = sum * (z[at] / (1 + expf(-z[at])));
    }
    __syncthreads();
  }
  for (int n = 0; n < N; ++n)
    if (e < E)
      h[e * N + n] = state[n];
}

// y[16, 8] = x[16, 16] w[8, 16]^T of bf16, one warp: cp.async, ldmatrix, mma.sync.
extern "C" __global__ void tile_product(const __nv_bfloat16 *x, const __nv_bfloat16 *w, float *y) {
  __shared__ __align__(16) __nv_bfloat16 xs[16][16], ws[8][16];
  unsigned lane = threadIdx.x, to = __cvta_generic_to_shared(&xs[lane / 2][lane % 2 * 8]);
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(x + lane * 8));
  if (lane < 16) {
    to = __cvta_generic_to_shared(&ws[lane / 2][lane % 2 * 8]);
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(w + lane * 8));
  }
  asm volatile("cp.async.commit_group;\ncp.async.wait_group 0;" ::: "memory");
  __syncwarp();
  unsigned a[4], b[2];
  unsigned from = __cvta_generic_to_shared(&xs[lane % 16][lane / 16 * 8]);
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(a[0]), "=r"(a[1]), "=r"(a[2]), "=r"(a[3]) : "r"(from));
  from = __cvta_generic_to_shared(&ws[lane % 8][lane / 8 % 2 * 8]);
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
               : "=r"(b[0]), "=r"(b[1]) : "r"(from));
  float d[4] = {};
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, "
               "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  for (int i = 0; i < 4; ++i)
    y[(lane / 4 + i / 2 * 8) * 8 + lane % 4 * 2 + i % 2] = d[i];
}

// f16 rows scaled in place, two at a time; sums of all blocks by an atomic, the
// last block writes their mean.
extern "C" __global__ void scale_half(__half2 *x, int n, float factor, unsigned *count,
                                      unsigned long long *total, float *mean) {
  unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  if (int(i) < n) {
    x[i] = __hmul2(x[i], __float2half2_rn(factor));
    atomicAdd(total, (unsigned long long)(i));
  }
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0 && atomicAdd(count, 1u) == gridDim.x - 1) {
    __threadfence();
    *mean = float(atomicAdd(total, 0ull)) / float(n);
  }
}

// The column of the largest logit of a row: ballots and 64-bit keys.
extern "C" __global__ void argmax(const float *logits, int V, int *token) {
  __shared__ unsigned long long best[32];
  unsigned long long key = 0;
  for (int i = threadIdx.x; i < V; i += blockDim.x) {
    unsigned bits = __float_as_uint(logits[size_t(blockIdx.x) * V + i]);
    bits = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
    unsigned long long mine = (unsigned long long)(bits) << 32 | unsigned(~i);
    key = mine > key ? mine : key;
  }
  for (int distance = 16; distance; distance /= 2) {
    unsigned long long other = __shfl_down_sync(~0u, key, distance);
    key = other > key ? other : key;
  }
  if (threadIdx.x % 32 == 0)
    best[threadIdx.x / 32] = key;
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int i = 1; i < blockDim.x / 32; ++i)
      key = best[i] > key ? best[i] : key;
    token[blockIdx.x] = int(~unsigned(key));
  }
}
