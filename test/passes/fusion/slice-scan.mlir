// RUN: mamba-opt %s --split-input-file --ssm-clone-classes --ssm-form-kernels --ssm-fuse-scan --ssm-slice-scan | FileCheck %s
// RUN: mamba-opt %s --split-input-file --ssm-clone-classes --ssm-form-kernels --ssm-fuse-scan --ssm-slice-scan --remarks-filter=fusion -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: mamba-opt %s --split-input-file --ssm-clone-classes=batch-invariant | FileCheck %s --check-prefix=INV
// RUN: mamba-opt %s --split-input-file --ssm-clone-classes=scan-slices=4 --ssm-form-kernels --ssm-fuse-scan --ssm-slice-scan | FileCheck %s --check-prefix=FOUR
// RUN: mamba-opt %s --split-input-file --ssm-clone-classes=scan-slices=4 --ssm-form-kernels --ssm-fuse-scan --ssm-slice-scan | FileCheck %s --check-prefix=GPU
// RUN: mamba-opt %s --split-input-file --ssm-clone-classes=scan-slices=16 | FileCheck %s --check-prefix=SIXTEEN
// RUN: mamba-opt %s --split-input-file --ssm-clone-classes='batch-invariant scan-slices=4' | FileCheck %s --check-prefix=INV
// RUN: not mamba-opt %s --split-input-file --ssm-clone-classes=scan-slices=17 -o /dev/null 2>&1 | FileCheck %s --check-prefix=MANY
// RUN: not mamba-opt %s --split-input-file --ssm-clone-classes=scan-slices=1 -o /dev/null 2>&1 | FileCheck %s --check-prefix=ONE
// RUN: not mamba-opt %s --mamba-pipeline=fused --target=cuda:sm_80 --scan-slices=4 -o /dev/null 2>&1 | FileCheck %s --check-prefix=CUDA
// RUN: not mamba-opt %s --mamba-pipeline=fused --target=cpu:x86-64-v4 --scan-slices=4 --batch-invariant -o /dev/null 2>&1 | FileCheck %s --check-prefix=BOTH

// MANY: error: scan-slices must be 0 or from 2 to 16, got 17
// ONE: error: scan-slices must be 0 or from 2 to 16, got 1
// CUDA: error: target 'cuda:sm_80' has rules for its scans: leave --scan-slices and --scan-block out
// BOTH: error: slices of time depend on the batch: leave --scan-slices or --batch-invariant out
// GPU: func.func @step_long
// GPU-NOT: ssm.scan_slices =
// GPU: ssm.scan_slices {{.*}} -> tensor<32x9x32xf32>

// In class long the scan's kernel reads what a kernel before it found of the
// slices, which holds what it needs of the same ops: no C, no skip, no gate.
module attributes {ssm.target = "cuda:sm_80"} {
// INV-NOT: _long
// CHECK-LABEL: func.func @step_few
// CHECK-NOT: ssm.scan_slices
// CHECK-LABEL: func.func @step_long
// CHECK-SAME: ssm.class = "long"
// CHECK-SAME: ssm.max_sequences = 80 : i64, ssm.min_tokens = 2048 : i64
// CHECK: %[[P:.*]] = ssm.kernel (%[[DBC:.*]] = %{{.*}}, %[[W:.*]] = %{{.*}}, %[[U:.*]] = %{{.*}}, %[[A:.*]] = %{{.*}}, %[[H:.*]] = %{{.*}}, %[[BATCH:.*]] = %{{.*}}) :
// CHECK-SAME: -> tensor<32x9x32xf32> {
// CHECK-NEXT: %[[S:.*]]:3 = ssm.split %[[DBC]]
// CHECK-NEXT: %[[L:.*]] = ssm.linear %[[S]]#0, %[[W]]
// CHECK-NEXT: %[[DT:.*]] = ssm.softplus %[[L]]
// CHECK-NEXT: %[[Q:.*]] = ssm.scan_slices %[[U]] delta %[[DT]] A %[[A]] log2 B %[[S]]#1 state %[[H]] of %[[BATCH]]
// CHECK-NEXT: ssm.yield %[[Q]]
// CHECK: ssm.kernel ({{.*}}, %[[PI:.*]] = %[[P]]) :
// CHECK: ssm.selective_scan {{.*}} slices %[[PI]] of
// CHECK-NEXT: ssm.gate
// CHECK-NOT: ssm.scan_slices
// CHECK-LABEL: func.func @step_prefill
// CHECK-NOT: ssm.scan_slices
func.func @step(%u: tensor<?x32xf32>, %z: tensor<?x32xf32>, %dbc: tensor<?x10xf32>, %h: tensor<?x32x4xf32> {ssm.state = "h"}, %batch: !ssm.batch)
    -> (tensor<?x32xf32>, tensor<?x32x4xf32> {ssm.state = "h"}) attributes {ssm.entry = "step"} {
  %w = ssm.weight "w" : tensor<32x2xf32>
  %A = ssm.weight "A" : tensor<32x4xf32>
  %D = ssm.weight "D" : tensor<32xf32>
  %d, %B, %C = ssm.split %dbc : tensor<?x10xf32> -> tensor<?x2xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  %p = ssm.linear %d, %w : tensor<?x2xf32>, tensor<32x2xf32> -> tensor<?x32xf32>
  %dt = ssm.softplus %p : tensor<?x32xf32>
  %y, %h1 = ssm.selective_scan %u delta %dt A %A log2 B %B C %C skip %D state %h of %batch
    : (tensor<?x32xf32>, tensor<?x32xf32>, tensor<32x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<32xf32>, tensor<?x32x4xf32>, !ssm.batch)
    -> (tensor<?x32xf32>, tensor<?x32x4xf32>)
  %g = ssm.gate %y, %z : tensor<?x32xf32>
  return %g, %h1 : tensor<?x32xf32>, tensor<?x32x4xf32>
}
}

// -----

// What the target refuses is left as it is, and said.
module attributes {ssm.target = "cuda:sm_80"} {
// REMARK: remark: {{.*}} ssm-slice-scan {{.*}} Reason="a scan has at most 256 states, got 300
// CHECK-LABEL: func.func @wide_long
// CHECK-NOT: ssm.scan_slices
// CHECK: ssm.selective_scan
// CHECK-LABEL: func.func @wide_prefill
func.func @wide(%u: tensor<?x2xf32>, %A: tensor<2x300xf32>, %B: tensor<?x300xf32>, %h: tensor<?x2x300xf32> {ssm.state = "h"}, %batch: !ssm.batch)
    -> (tensor<?x2xf32>, tensor<?x2x300xf32> {ssm.state = "h"}) attributes {ssm.entry = "wide"} {
  %y, %h1 = ssm.selective_scan %u delta %u A %A B %B C %B state %h of %batch
    : (tensor<?x2xf32>, tensor<?x2xf32>, tensor<2x300xf32>, tensor<?x300xf32>, tensor<?x300xf32>, tensor<?x2x300xf32>, !ssm.batch)
    -> (tensor<?x2xf32>, tensor<?x2x300xf32>)
  return %y, %h1 : tensor<?x2xf32>, tensor<?x2x300xf32>
}
}

// -----

// A CPU has no class long, unless its slices are asked for.
module attributes {ssm.target = "cpu:x86-64-v4"} {
// CHECK-LABEL: func.func @cpu_few
// CHECK-NOT: @cpu_long
// CHECK-LABEL: func.func @cpu_prefill
// FOUR-LABEL: func.func @cpu_few
// FOUR-NOT: ssm.scan_slices
// FOUR-LABEL: func.func @cpu_long
// FOUR-SAME: ssm.class = "long"
// FOUR-SAME: ssm.max_sequences = 1 : i64, ssm.min_tokens = 256 : i64, ssm.scan_slices = 4 : i64
// FOUR: ssm.scan_slices {{.*}} -> tensor<4x9x8xf32>
// FOUR: ssm.selective_scan {{.*}} slices %{{.*}} of
// FOUR-LABEL: func.func @cpu_prefill
// FOUR-NOT: ssm.scan_slices
// SIXTEEN: func.func @cpu_long
// SIXTEEN-SAME: ssm.max_sequences = 7 : i64, ssm.min_tokens = 1024 : i64, ssm.scan_slices = 16 : i64
func.func @cpu(%u: tensor<?x8xf32>, %A: tensor<8x4xf32>, %B: tensor<?x4xf32>, %h: tensor<?x8x4xf32> {ssm.state = "h"}, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32> {ssm.state = "h"}) attributes {ssm.entry = "cpu"} {
  %y, %h1 = ssm.selective_scan %u delta %u A %A B %B C %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  return %y, %h1 : tensor<?x8xf32>, tensor<?x8x4xf32>
}
}

// -----

// One sequence of many channels is cut too, but not where memory is slow.
module attributes {ssm.target = "cuda:sm_90a"} {
// FOUR-LABEL: func.func @many_few
// CHECK-LABEL: func.func @many_long
// CHECK-SAME: ssm.max_sequences = 1 : i64, ssm.min_tokens = 512 : i64
func.func @many(%u: tensor<?x4096xf32>, %A: tensor<4096x4xf32>, %B: tensor<?x4xf32>, %h: tensor<?x4096x4xf32> {ssm.state = "h"}, %batch: !ssm.batch)
    -> (tensor<?x4096xf32>, tensor<?x4096x4xf32> {ssm.state = "h"}) attributes {ssm.entry = "many"} {
  %y, %h1 = ssm.selective_scan %u delta %u A %A B %B C %B state %h of %batch
    : (tensor<?x4096xf32>, tensor<?x4096xf32>, tensor<4096x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4096x4xf32>, !ssm.batch)
    -> (tensor<?x4096xf32>, tensor<?x4096x4xf32>)
  return %y, %h1 : tensor<?x4096xf32>, tensor<?x4096x4xf32>
}
}

// -----

module attributes {ssm.target = "cuda:sm_89"} {
// CHECK-LABEL: func.func @slow_few
// CHECK-NOT: @slow_long
// CHECK-LABEL: func.func @slow_prefill
func.func @slow(%u: tensor<?x4096xf32>, %A: tensor<4096x4xf32>, %B: tensor<?x4xf32>, %h: tensor<?x4096x4xf32> {ssm.state = "h"}, %batch: !ssm.batch)
    -> (tensor<?x4096xf32>, tensor<?x4096x4xf32> {ssm.state = "h"}) attributes {ssm.entry = "slow"} {
  %y, %h1 = ssm.selective_scan %u delta %u A %A B %B C %B state %h of %batch
    : (tensor<?x4096xf32>, tensor<?x4096xf32>, tensor<4096x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4096x4xf32>, !ssm.batch)
    -> (tensor<?x4096xf32>, tensor<?x4096x4xf32>)
  return %y, %h1 : tensor<?x4096xf32>, tensor<?x4096x4xf32>
}
}

// -----

// On a CPU a function of class long is left alone, unless it says how many slices.
module attributes {ssm.target = "cpu:x86-64-v4"} {
// CHECK-LABEL: func.func @kept
// CHECK-NOT: ssm.scan_slices
// CHECK: return
func.func @kept(%u: tensor<?x8xf32>, %A: tensor<8x4xf32>, %B: tensor<?x4xf32>, %h: tensor<?x8x4xf32> {ssm.state = "h"}, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32> {ssm.state = "h"}) attributes {ssm.entry = "kept", ssm.class = "long"} {
  %y, %h1 = ssm.selective_scan %u delta %u A %A B %B C %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  return %y, %h1 : tensor<?x8xf32>, tensor<?x8x4xf32>
}
}
