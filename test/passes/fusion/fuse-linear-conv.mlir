// RUN: mamba-opt %s --ssm-form-kernels --ssm-fuse-norm-linear --ssm-fuse-conv-silu --ssm-fuse-linear-conv --remarks-filter=fusion 2>&1 | FileCheck %s

module attributes {ssm.target = "cuda:sm_80"} {

// CHECK: remark: [Missed] ssm-fuse-linear-conv | Category:fusion | Reason="a projection's outputs go through a convolution only where each is its sequence's one row, in class decode"
// CHECK: remark: {{.*}} Reason="a projection's outputs go through a convolution on a CPU in class decode alone"
// CHECK: remark: {{.*}} Reason="kernels of a CPU take the first outputs of a projection through a convolution"
// CHECK: remark: {{.*}} Reason="on a CPU a projection by 1049088 bytes of weights is slower with a convolution of its outputs, up to 1048576 it is faster"
// CHECK-NOT: remark

// The convolution moves its state on where its input is projected; what others
// read of the outputs is yielded behind.
// CHECK-LABEL: func.func @fuses
// CHECK-SAME: (%[[X:.*]]: tensor<?x6xf32>, %[[S:.*]]: tensor<?x3x8xf32>, %[[BATCH:.*]]: !ssm.batch)
// CHECK: %[[R:.*]]:3 = ssm.kernel ({{.*}} = %[[X]], {{.*}} = %[[S]], {{.*}} = %[[BATCH]])
// CHECK-NEXT: %[[N:.*]] = ssm.rms_norm
// CHECK-NEXT: %[[L:.*]] = ssm.linear %[[N]]
// CHECK-NEXT: %[[P:.*]]:2 = ssm.split %[[L]]
// CHECK-NEXT: %[[Y:.*]], %[[S1:.*]] = ssm.conv1d %[[P]]#0
// CHECK-NEXT: %[[U:.*]] = ssm.silu %[[Y]]
// CHECK-NEXT: ssm.yield %[[U]], %[[S1]], %[[L]]
// CHECK: ssm.kernel ({{.*}} = %[[R]]#2, {{.*}} = %[[R]]#0)
// CHECK-NEXT: ssm.split
// CHECK-NEXT: ssm.gate
// CHECK: return %{{.*}}, %[[R]]#1
func.func @fuses(%r: tensor<?x6xf32>, %s: tensor<?x3x8xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x3x8xf32>) attributes {ssm.class = "decode"} {
  %iw = ssm.weight "iw" : tensor<16x6xf32>
  %w = ssm.weight "w" : tensor<8x4xf32>
  %n = ssm.rms_norm %r eps 1.0e-5 : tensor<?x6xf32>
  %xz = ssm.linear %n, %iw : tensor<?x6xf32>, tensor<16x6xf32> -> tensor<?x16xf32>
  %x, %z = ssm.split %xz : tensor<?x16xf32> -> tensor<?x8xf32>, tensor<?x8xf32>
  %y, %s1 = ssm.conv1d %x, %w state %s of %batch
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
  %u = ssm.silu %y : tensor<?x8xf32>
  %g = ssm.gate %u, %z : tensor<?x8xf32>
  return %g, %s1 : tensor<?x8xf32>, tensor<?x3x8xf32>
}

// All outputs go through it, and nothing else reads them.
// CHECK-LABEL: func.func @all_outputs
// CHECK: %[[R:.*]]:2 = ssm.kernel
// CHECK-NEXT: %[[L:.*]] = ssm.linear
// CHECK-NEXT: %[[Y:.*]], %[[S1:.*]] = ssm.conv1d %[[L]]
// CHECK-NEXT: ssm.yield %[[Y]], %[[S1]]
// CHECK: return %[[R]]#0, %[[R]]#1
func.func @all_outputs(%r: tensor<?x6xf32>, %s: tensor<?x3x8xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x3x8xf32>) attributes {ssm.class = "decode"} {
  %iw = ssm.weight "iw" : tensor<8x6xf32>
  %w = ssm.weight "w" : tensor<8x4xf32>
  %x = ssm.linear %r, %iw : tensor<?x6xf32>, tensor<8x6xf32> -> tensor<?x8xf32>
  %y, %s1 = ssm.conv1d %x, %w state %s of %batch
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
  return %y, %s1 : tensor<?x8xf32>, tensor<?x3x8xf32>
}

// Near miss: a sequence of several rows wants outputs that other threads have.
// CHECK-LABEL: func.func @few
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.linear
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.conv1d
func.func @few(%r: tensor<?x6xf32>, %s: tensor<?x3x8xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x3x8xf32>) attributes {ssm.class = "few"} {
  %iw = ssm.weight "iw" : tensor<8x6xf32>
  %w = ssm.weight "w" : tensor<8x4xf32>
  %x = ssm.linear %r, %iw : tensor<?x6xf32>, tensor<8x6xf32> -> tensor<?x8xf32>
  %y, %s1 = ssm.conv1d %x, %w state %s of %batch
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
  return %y, %s1 : tensor<?x8xf32>, tensor<?x3x8xf32>
}

// Near miss: a residual is added before.
// CHECK-LABEL: func.func @with_a_residual
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.linear
// CHECK-NEXT: ssm.add
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.conv1d
func.func @with_a_residual(%r: tensor<?x6xf32>, %a: tensor<?x8xf32>, %s: tensor<?x3x8xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x3x8xf32>) attributes {ssm.class = "decode"} {
  %iw = ssm.weight "iw" : tensor<8x6xf32>
  %w = ssm.weight "w" : tensor<8x4xf32>
  %x = ssm.kernel (%r1 = %r, %w1 = %iw, %a1 = %a) : (tensor<?x6xf32>, tensor<8x6xf32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
    %l = ssm.linear %r1, %w1 : tensor<?x6xf32>, tensor<8x6xf32> -> tensor<?x8xf32>
    %t = ssm.add %l, %a1 : tensor<?x8xf32>
    ssm.yield %t : tensor<?x8xf32>
  }
  %y, %s1 = ssm.conv1d %x, %w state %s of %batch
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
  return %y, %s1 : tensor<?x8xf32>, tensor<?x3x8xf32>
}

// So does a CPU.
// CHECK-LABEL: func.func @cpu(
// CHECK: %[[R:.*]]:2 = ssm.kernel
// CHECK-NEXT: %[[L:.*]] = ssm.linear
// CHECK-NEXT: %[[Y:.*]], %[[S1:.*]] = ssm.conv1d %[[L]]
// CHECK-NEXT: ssm.yield %[[Y]], %[[S1]]
// CHECK: return %[[R]]#0, %[[R]]#1
func.func @cpu(%r: tensor<?x6xf32>, %s: tensor<?x3x8xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x3x8xf32>) attributes {ssm.class = "decode", ssm.target = "cpu:x86-64-v4"} {
  %iw = ssm.weight "iw" : tensor<8x6xf32>
  %w = ssm.weight "w" : tensor<8x4xf32>
  %x = ssm.linear %r, %iw : tensor<?x6xf32>, tensor<8x6xf32> -> tensor<?x8xf32>
  %y, %s1 = ssm.conv1d %x, %w state %s of %batch
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
  return %y, %s1 : tensor<?x8xf32>, tensor<?x3x8xf32>
}

// Near miss: of many rows it is computed by itself.
// CHECK-LABEL: func.func @cpu_prefill
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.linear
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.conv1d
func.func @cpu_prefill(%r: tensor<?x6xf32>, %s: tensor<?x3x8xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x3x8xf32>) attributes {ssm.class = "prefill", ssm.target = "cpu:x86-64-v4"} {
  %iw = ssm.weight "iw" : tensor<8x6xf32>
  %w = ssm.weight "w" : tensor<8x4xf32>
  %x = ssm.linear %r, %iw : tensor<?x6xf32>, tensor<8x6xf32> -> tensor<?x8xf32>
  %y, %s1 = ssm.conv1d %x, %w state %s of %batch
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
  return %y, %s1 : tensor<?x8xf32>, tensor<?x3x8xf32>
}

// Near miss: of outputs behind others.
// CHECK-LABEL: func.func @cpu_behind
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.linear
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.split
// CHECK-NEXT: ssm.conv1d
func.func @cpu_behind(%r: tensor<?x6xf32>, %s: tensor<?x3x8xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x3x8xf32>) attributes {ssm.class = "decode", ssm.target = "cpu:x86-64-v4"} {
  %iw = ssm.weight "iw" : tensor<16x6xf32>
  %w = ssm.weight "w" : tensor<8x4xf32>
  %zx = ssm.linear %r, %iw : tensor<?x6xf32>, tensor<16x6xf32> -> tensor<?x16xf32>
  %z, %x = ssm.split %zx : tensor<?x16xf32> -> tensor<?x8xf32>, tensor<?x8xf32>
  %y, %s1 = ssm.conv1d %x, %w state %s of %batch
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
  return %y, %s1 : tensor<?x8xf32>, tensor<?x3x8xf32>
}

// Near miss: half of the second level cache does not hold the matrix.
// CHECK-LABEL: func.func @cpu_large
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.linear
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.conv1d
func.func @cpu_large(%r: tensor<?x128xf32>, %s: tensor<?x3x2049xf32>, %batch: !ssm.batch)
    -> (tensor<?x2049xf32>, tensor<?x3x2049xf32>) attributes {ssm.class = "decode", ssm.target = "cpu:x86-64-v4"} {
  %iw = ssm.weight "iw" : tensor<2049x128xf32>
  %w = ssm.weight "w" : tensor<2049x4xf32>
  %x = ssm.linear %r, %iw : tensor<?x128xf32>, tensor<2049x128xf32> -> tensor<?x2049xf32>
  %y, %s1 = ssm.conv1d %x, %w state %s of %batch
    : (tensor<?x2049xf32>, tensor<2049x4xf32>, tensor<?x3x2049xf32>, !ssm.batch) -> (tensor<?x2049xf32>, tensor<?x3x2049xf32>)
  return %y, %s1 : tensor<?x2049xf32>, tensor<?x3x2049xf32>
}

}
