// RUN: not mamba-opt %s --mamba-pipeline=fused --target=cpu:x86-64-v4 --weights=int3 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not mamba-opt %s --mamba-pipeline=ptx --target=cuda:sm_80 --activations=int8 2>&1 | FileCheck %s --check-prefix=ROWS

// A precision that nobody knows is one error, however many functions and kernels
// there are.
// UNKNOWN-NOT: error:
// UNKNOWN: error: unknown precision of weights 'int3': use f32, bf16, f16, int8 or int4
// UNKNOWN-NOT: error:
// ROWS-NOT: error:
// ROWS: error: unknown precision of activations 'int8': use f32, bf16 or f16
// ROWS-NOT: error:

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
