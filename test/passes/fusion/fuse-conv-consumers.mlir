// RUN: mamba-opt %s --ssm-form-kernels --ssm-fuse-conv-silu --ssm-fuse-scan --ssm-fuse-conv-consumers --remarks-filter=fusion 2>&1 | FileCheck %s

module attributes {ssm.target = "cuda:sm_80"} {

// CHECK: remark: [Missed] ssm-fuse-conv-consumers | Category:fusion | Reason="rows of a sequence share what its convolution reads, so it is computed once: only a decode step has none"
// CHECK: remark: {{.*}} Reason="what the convolution makes has a reader that is no projection and not the scan"
// CHECK: remark: {{.*}} Reason="what the convolution makes has a reader that is no projection and not the scan"
// CHECK: remark: {{.*}} Reason="no scan reads what the convolution makes, so nothing could move its state on"
// CHECK: remark: {{.*}} Reason="each block of a projection would compute 2049 channels again: above 2048 a kernel of its own is faster"
// CHECK: remark: {{.*}} Reason="kernels of a CPU compute a convolution once, in a kernel of its own"
// CHECK-NOT: remark

// A clone reads the pool for x_proj; with the scan it moves on, behind it.
// CHECK-LABEL: func.func @fuses
// CHECK-SAME: (%[[XZ:.*]]: tensor<?x16xf32>, %[[S:.*]]: tensor<?x3x8xf32>, %[[H:.*]]: tensor<?x8x4xf32>, %[[BATCH:.*]]: !ssm.batch)
// CHECK: %[[DBC:.*]] = ssm.kernel ({{.*}} = %[[XZ]], {{.*}} = %[[S]], {{.*}} = %[[BATCH]]
// CHECK-NEXT: %[[P:.*]]:2 = ssm.split
// CHECK-NEXT: %[[Y:.*]], %{{.*}} = ssm.conv1d %[[P]]#0
// CHECK-NEXT: %[[U:.*]] = ssm.silu %[[Y]]
// CHECK-NEXT: %[[L:.*]] = ssm.linear %[[U]]
// CHECK-NEXT: ssm.yield %[[L]]
// CHECK: %[[R:.*]]:3 = ssm.kernel ({{.*}} = %[[XZ]], {{.*}} = %[[S]], {{.*}} = %[[BATCH]], {{.*}} = %[[DBC]]
// CHECK: %[[Y:.*]], %[[S1:.*]] = ssm.conv1d
// CHECK-NEXT: %[[U:.*]] = ssm.silu %[[Y]]
// CHECK: %{{.*}}, %[[H1:.*]] = ssm.selective_scan %[[U]]
// CHECK: %[[G:.*]] = ssm.gate
// CHECK-NEXT: ssm.yield %[[G]], %[[H1]], %[[S1]]
// CHECK-NOT: ssm.kernel
// CHECK: return %[[R]]#0, %[[R]]#2, %[[R]]#1
func.func @fuses(%xz: tensor<?x16xf32>, %s: tensor<?x3x8xf32>, %h: tensor<?x8x4xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x3x8xf32>, tensor<?x8x4xf32>) attributes {ssm.class = "decode"} {
  %w = ssm.weight "w" : tensor<8x4xf32>
  %b = ssm.weight "b" : tensor<8xf32>
  %xw = ssm.weight "xw" : tensor<16x8xf32>
  %A = ssm.weight "A" : tensor<8x4xf32>
  %x, %z = ssm.split %xz : tensor<?x16xf32> -> tensor<?x8xf32>, tensor<?x8xf32>
  %y, %s1 = ssm.conv1d %x, %w bias %b state %s of %batch
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<8xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
  %u = ssm.silu %y : tensor<?x8xf32>
  %dbc = ssm.linear %u, %xw : tensor<?x8xf32>, tensor<16x8xf32> -> tensor<?x16xf32>
  %d, %B, %C = ssm.split %dbc : tensor<?x16xf32> -> tensor<?x8xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  %o, %h1 = ssm.selective_scan %u delta %d softplus A %A B %B C %C state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  %g = ssm.gate %o, %z : tensor<?x8xf32>
  return %g, %s1, %h1 : tensor<?x8xf32>, tensor<?x3x8xf32>, tensor<?x8x4xf32>
}

// Near miss: sequences of many rows.
// CHECK-LABEL: func.func @prefill
// CHECK: %[[U:.*]]:2 = ssm.kernel
// CHECK-NEXT: ssm.conv1d
// CHECK: ssm.kernel ({{.*}} = %[[U]]#0
// CHECK: ssm.selective_scan
func.func @prefill(%x: tensor<?x8xf32>, %d: tensor<?x8xf32>, %B: tensor<?x4xf32>, %s: tensor<?x3x8xf32>, %h: tensor<?x8x4xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x3x8xf32>, tensor<?x8x4xf32>) attributes {ssm.class = "prefill"} {
  %w = ssm.weight "w" : tensor<8x4xf32>
  %A = ssm.weight "A" : tensor<8x4xf32>
  %y, %s1 = ssm.conv1d %x, %w state %s of %batch
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
  %o, %h1 = ssm.selective_scan %y delta %d softplus A %A B %B C %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  return %o, %s1, %h1 : tensor<?x8xf32>, tensor<?x3x8xf32>, tensor<?x8x4xf32>
}

// Near miss: the rows are returned as well, so they have to reach memory.
// CHECK-LABEL: func.func @rows_are_returned
// CHECK: %[[U:.*]]:2 = ssm.kernel
// CHECK-NEXT: ssm.conv1d
// CHECK: ssm.kernel ({{.*}} = %[[U]]#0
// CHECK-NEXT: ssm.selective_scan
func.func @rows_are_returned(%x: tensor<?x8xf32>, %d: tensor<?x8xf32>, %B: tensor<?x4xf32>, %s: tensor<?x3x8xf32>, %h: tensor<?x8x4xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x3x8xf32>, tensor<?x8x4xf32>) attributes {ssm.class = "decode"} {
  %w = ssm.weight "w" : tensor<8x4xf32>
  %A = ssm.weight "A" : tensor<8x4xf32>
  %y, %s1 = ssm.conv1d %x, %w state %s of %batch
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
  %o, %h1 = ssm.selective_scan %y delta %d softplus A %A B %B C %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  return %o, %y, %s1, %h1 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x3x8xf32>, tensor<?x8x4xf32>
}

// Near miss: another kernel adds to the rows.
// CHECK-LABEL: func.func @a_third_reader
// CHECK: %[[U:.*]]:2 = ssm.kernel
// CHECK-NEXT: ssm.conv1d
// CHECK: ssm.kernel ({{.*}} = %[[U]]#0
// CHECK-NEXT: ssm.selective_scan
// CHECK: ssm.kernel ({{.*}} = %[[U]]#0
// CHECK-NEXT: ssm.add
func.func @a_third_reader(%x: tensor<?x8xf32>, %d: tensor<?x8xf32>, %B: tensor<?x4xf32>, %s: tensor<?x3x8xf32>, %h: tensor<?x8x4xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x3x8xf32>, tensor<?x8x4xf32>) attributes {ssm.class = "decode"} {
  %w = ssm.weight "w" : tensor<8x4xf32>
  %A = ssm.weight "A" : tensor<8x4xf32>
  %y, %s1 = ssm.conv1d %x, %w state %s of %batch
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
  %o, %h1 = ssm.selective_scan %y delta %d softplus A %A B %B C %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  %t = ssm.add %y, %x : tensor<?x8xf32>
  return %o, %t, %s1, %h1 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x3x8xf32>, tensor<?x8x4xf32>
}

// Near miss: only a projection reads the rows, and that leaves the pool as it is.
// CHECK-LABEL: func.func @no_scan
// CHECK: %[[U:.*]]:2 = ssm.kernel
// CHECK-NEXT: ssm.conv1d
// CHECK: ssm.kernel ({{.*}} = %[[U]]#0
// CHECK-NEXT: ssm.linear
func.func @no_scan(%x: tensor<?x8xf32>, %s: tensor<?x3x8xf32>, %batch: !ssm.batch)
    -> (tensor<?x3xf32>, tensor<?x3x8xf32>) attributes {ssm.class = "decode"} {
  %w = ssm.weight "w" : tensor<8x4xf32>
  %xw = ssm.weight "xw" : tensor<3x8xf32>
  %y, %s1 = ssm.conv1d %x, %w state %s of %batch
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
  %l = ssm.linear %y, %xw : tensor<?x8xf32>, tensor<3x8xf32> -> tensor<?x3xf32>
  return %l, %s1 : tensor<?x3xf32>, tensor<?x3x8xf32>
}

// Near miss: too many channels to compute them in each block.
// CHECK-LABEL: func.func @many_channels
// CHECK: %[[U:.*]]:2 = ssm.kernel
// CHECK-NEXT: ssm.conv1d
// CHECK: ssm.kernel ({{.*}} = %[[U]]#0
// CHECK-NEXT: ssm.linear
func.func @many_channels(%x: tensor<?x2049xf32>, %s: tensor<?x3x2049xf32>, %batch: !ssm.batch)
    -> (tensor<?x3xf32>, tensor<?x3x2049xf32>) attributes {ssm.class = "decode"} {
  %w = ssm.weight "w" : tensor<2049x4xf32>
  %xw = ssm.weight "xw" : tensor<3x2049xf32>
  %y, %s1 = ssm.conv1d %x, %w state %s of %batch
    : (tensor<?x2049xf32>, tensor<2049x4xf32>, tensor<?x3x2049xf32>, !ssm.batch) -> (tensor<?x2049xf32>, tensor<?x3x2049xf32>)
  %l = ssm.linear %y, %xw : tensor<?x2049xf32>, tensor<3x2049xf32> -> tensor<?x3xf32>
  return %l, %s1 : tensor<?x3xf32>, tensor<?x3x2049xf32>
}

// Near miss: the target refuses.
// CHECK-LABEL: func.func @cpu
// CHECK: %[[U:.*]]:2 = ssm.kernel
// CHECK-NEXT: ssm.conv1d
// CHECK: ssm.kernel ({{.*}} = %[[U]]#0
// CHECK-NEXT: ssm.selective_scan
func.func @cpu(%x: tensor<?x8xf32>, %d: tensor<?x8xf32>, %B: tensor<?x4xf32>, %s: tensor<?x3x8xf32>, %h: tensor<?x8x4xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x3x8xf32>, tensor<?x8x4xf32>) attributes {ssm.class = "decode", ssm.target = "cpu:x86-64-v4"} {
  %w = ssm.weight "w" : tensor<8x4xf32>
  %A = ssm.weight "A" : tensor<8x4xf32>
  %y, %s1 = ssm.conv1d %x, %w state %s of %batch
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
  %o, %h1 = ssm.selective_scan %y delta %d softplus A %A B %B C %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  return %o, %s1, %h1 : tensor<?x8xf32>, tensor<?x3x8xf32>, tensor<?x8x4xf32>
}

}
