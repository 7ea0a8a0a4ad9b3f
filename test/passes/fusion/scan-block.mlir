// RUN: mamba-opt %s --mamba-pipeline=fused --target=cpu:x86-64-v4 --scan-block=16 --no-db | FileCheck %s --check-prefixes=CHECK,NARROW
// RUN: mamba-opt %s --mamba-pipeline=fused --target=cpu:x86-64-v4 --no-db | FileCheck %s --check-prefixes=CHECK,OWN
// RUN: not mamba-opt %s --mamba-pipeline=fused --target=cpu:x86-64-v4 --scan-block=17 -o /dev/null 2>&1 | FileCheck %s --check-prefix=BAD
// RUN: not mamba-opt %s --mamba-pipeline=fused --target=cuda:sm_80 --scan-block=16 -o /dev/null 2>&1 | FileCheck %s --check-prefix=CUDA

// RUN: not mamba-opt %s --mamba-pipeline=fused --target=cpu:x86-64-v4 --scan-slices=17 -o /dev/null 2>&1 | FileCheck %s --check-prefix=SLICES
// SLICES: error: --scan-slices must be from 2 to 16, got 17

// BAD: error: --scan-block must be 16, 32 or 64, got 17
// CUDA: error: target 'cuda:sm_80' has rules for its scans: leave --scan-slices and --scan-block out

// A scan has tiles of as many channels as whoever compiles says, in every class; other
// kernels have their own.
// CHECK: func.func @step_decode
// NARROW: ssm.kernel {{.*}} schedule <lanes = 16, col_block = 16, {{.*}}state_block = 8>
// OWN: ssm.kernel {{.*}} schedule <lanes = 16, col_block = 64, {{.*}}state_block = 8>
// CHECK-NEXT: ssm.selective_scan
// CHECK: ssm.kernel {{.*}} schedule <lanes = 16, {{.*}}col_block = 64,
// CHECK-NEXT: ssm.linear
// CHECK: func.func @step_prefill
// NARROW: ssm.kernel {{.*}} schedule <lanes = 16, col_block = 16, {{.*}}state_block = 8>
// OWN: ssm.kernel {{.*}} schedule <lanes = 16, col_block = 64, {{.*}}state_block = 8>
// CHECK-NEXT: ssm.selective_scan
func.func @step(%u: tensor<?x128xf32>, %B: tensor<?x4xf32>, %h: tensor<?x128x4xf32> {ssm.state = "h"}, %batch: !ssm.batch)
    -> (tensor<?x256xf32>, tensor<?x128x4xf32> {ssm.state = "h"}) attributes {ssm.entry = "step"} {
  %A = ssm.weight "A" : tensor<128x4xf32>
  %w = ssm.weight "w" : tensor<256x128xf32>
  %y, %h1 = ssm.selective_scan %u delta %u A %A B %B C %B state %h of %batch
    : (tensor<?x128xf32>, tensor<?x128xf32>, tensor<128x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x128x4xf32>, !ssm.batch)
    -> (tensor<?x128xf32>, tensor<?x128x4xf32>)
  %o = ssm.linear %y, %w : tensor<?x128xf32>, tensor<256x128xf32> -> tensor<?x256xf32>
  return %o, %h1 : tensor<?x256xf32>, tensor<?x128x4xf32>
}
