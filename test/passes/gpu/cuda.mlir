// CUDA C++ of kernels as their generators wrote them: what an op becomes, and
// how little of it is left.
// RUN: mamba-opt %s --mamba-pipeline=cuda --target=cuda:sm_80 | FileCheck %s

// A kernel of rows: names from the model, a loop, one statement.
// CHECK: __device__ inline float exp2Approx(float x) {
// CHECK: __device__ inline float reciprocalApprox(float x) {
// CHECK: // silu_40_r1
// CHECK-NEXT: //   ops:      ssm.silu
// CHECK-NEXT: //   schedule:
// CHECK: extern "C" __global__ void __launch_bounds__([[THREADS:[0-9]+]])
// CHECK-NEXT: silu_40_r1(long long rows, long long sequences, const long long *__restrict__ seq_start,
// CHECK-NEXT: const int *__restrict__ slot, const float (*__restrict__ x)[40], float (*__restrict__ y)[40])
// CHECK-NEXT: {
// CHECK-NEXT: #ifndef MAMBA_PTX
// CHECK-NEXT:   const long long block = blockIdx.x;
// CHECK-NEXT:   const long long thread = threadIdx.x;
// CHECK: for (long long i = thread; i < 40; i += [[THREADS]]) {
// CHECK-NEXT: const float x0 = x[block][i];
// CHECK-NEXT: y[block][i] = x0 * reciprocalApprox(exp2Approx(-x0 * 1.44269{{[0-9]*}}f) + 1.0f);
// CHECK-NEXT: }
// CHECK-NEXT: #else
// The same in PTX: parameters are operands, registers have names of their own.
// CHECK-NEXT: asm volatile("{\n"
// CHECK: ".reg .b32 %%ptx_r<
// CHECK: "mov.b64 %%ptx_rd{{[0-9]+}}, %0;\n"
// CHECK: "mov.u32 %%ptx_r{{[0-9]+}}, %%ctaid.x;\n"
// CHECK: : "l"(
// CHECK-NEXT: : "memory");
// CHECK-NEXT: #endif
func.func @silu(%x: tensor<?x40xf32>) -> tensor<?x40xf32> {
  %y = ssm.silu %x : tensor<?x40xf32>
  return %y : tensor<?x40xf32>
}
