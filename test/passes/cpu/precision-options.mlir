// RUN: not mamba-opt %s --mamba-pipeline=fused --target=cpu:x86-64-v4 --weights=int3 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not mamba-opt %s --mamba-pipeline=ptx --target=cuda:sm_80 --activations=int4 2>&1 | FileCheck %s --check-prefix=ROWS
// RUN: not mamba-opt %s --mamba-pipeline=ptx --target=cuda:sm_80 --weights=int8 --activations=int8 2>&1 | FileCheck %s --check-prefix=GPU
// RUN: not mamba-opt %s --mamba-pipeline=fused --target=cpu:x86-64-v4 --weights=bf16 --activations=int8 2>&1 | FileCheck %s --check-prefix=MATRICES
// RUN: mamba-opt %s --mamba-pipeline=fused --target=cpu:x86-64-v4 --weights=int4 --activations=int8

// A precision that nobody knows is one error, however many functions and kernels
// there are.
// UNKNOWN-NOT: error:
// UNKNOWN: error: unknown precision of weights 'int3': use f32, bf16, f16, int8 or int4
// UNKNOWN-NOT: error:
// ROWS-NOT: error:
// ROWS: error: unknown precision of activations 'int4': use f32, bf16, f16 or int8
// ROWS-NOT: error:

// Rows of int8 are for products with integers, on a CPU.
// GPU-NOT: error:
// GPU: error: target 'cuda:sm_80' has no rows of int8: use --activations=bf16
// GPU-NOT: error:
// MATRICES-NOT: error:
// MATRICES: error: rows of int8 need matrices of integers, got bf16: use --weights=int8 or int4
// MATRICES-NOT: error:

func.func @f(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %w = ssm.weight "w" : tensor<8x8xf32>
  %y = ssm.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %z = ssm.silu %y : tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}
func.func @g(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = ssm.silu %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
