// RUN: mamba-opt %s --ssm-form-kernels --ssm-fuse-norm-linear --remarks-filter=fusion 2>&1 | FileCheck %s

module attributes {ssm.target = "cpu:x86-64-v4"} {

// Reasons come first, as remarks, in the order of the functions.
// CHECK: remark: [Missed] ssm-fuse-norm-linear | Category:fusion | Reason="the norm is also read by something other than a projection"
// CHECK: remark: {{.*}} Reason="the norm is also read by something other than a projection"
// CHECK: remark: {{.*}} Reason="the norm has a weight: fold it into the projection first"
// CHECK: remark: {{.*}} Reason="a kernel with a schedule is not changed any more"
// CHECK-NOT: remark

// The norm is computed in the projection's kernel.
// CHECK-LABEL: func.func @fuses
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>)
// CHECK: %[[W:.*]] = ssm.weight "w"
// CHECK: %[[Y:.*]] = ssm.kernel (%[[A:.*]] = %[[X]], %[[B:.*]] = %[[W]]) : (tensor<?x8xf32>, tensor<16x8xf32>) -> tensor<?x16xf32> {
// CHECK-NEXT: %[[N:.*]] = ssm.rms_norm %[[A]]
// CHECK-NEXT: %[[L:.*]] = ssm.linear %[[N]], %[[B]]
// CHECK-NEXT: ssm.yield %[[L]]
// CHECK-NEXT: }
// CHECK-NEXT: return %[[Y]]
func.func @fuses(%x: tensor<?x8xf32>) -> tensor<?x16xf32> {
  %w = ssm.weight "w" : tensor<16x8xf32>
  %n = ssm.rms_norm %x eps 1.0e-5 : tensor<?x8xf32>
  %y = ssm.linear %n, %w : tensor<?x8xf32>, tensor<16x8xf32> -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// Two projections read the norm: each computes it.
// CHECK-LABEL: func.func @clones
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>)
// CHECK: ssm.kernel (%{{.*}} = %[[X]], %{{.*}} = %[[W:.*]]) :
// CHECK-NEXT: ssm.rms_norm
// CHECK-NEXT: ssm.linear
// CHECK: ssm.kernel (%{{.*}} = %[[X]], %{{.*}} = %[[V:.*]]) :
// CHECK-NEXT: ssm.rms_norm
// CHECK-NEXT: ssm.linear
// CHECK-NOT: ssm.kernel
func.func @clones(%x: tensor<?x8xf32>) -> (tensor<?x16xf32>, tensor<?x4xf32>) {
  %w = ssm.weight "w" : tensor<16x8xf32>
  %v = ssm.weight "v" : tensor<4x8xf32>
  %n = ssm.rms_norm %x eps 1.0e-5 : tensor<?x8xf32>
  %y = ssm.linear %n, %w : tensor<?x8xf32>, tensor<16x8xf32> -> tensor<?x16xf32>
  %z = ssm.linear %n, %v : tensor<?x8xf32>, tensor<4x8xf32> -> tensor<?x4xf32>
  return %y, %z : tensor<?x16xf32>, tensor<?x4xf32>
}

// The norm reads a part of a split: its kernel's split goes along.
// CHECK-LABEL: func.func @split_goes_along
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.split
// CHECK-NEXT: ssm.rms_norm
// CHECK-NEXT: ssm.linear
// CHECK-NOT: ssm.kernel
func.func @split_goes_along(%x: tensor<?x24xf32>) -> tensor<?x16xf32> {
  %w = ssm.weight "w" : tensor<16x8xf32>
  %a, %b = ssm.split %x : tensor<?x24xf32> -> tensor<?x16xf32>, tensor<?x8xf32>
  %n = ssm.rms_norm %b eps 1.0e-5 : tensor<?x8xf32>
  %y = ssm.linear %n, %w : tensor<?x8xf32>, tensor<16x8xf32> -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// Near miss: the norm is returned, so it is in memory anyway.
// CHECK-LABEL: func.func @norm_is_returned
// CHECK: %[[N:.*]] = ssm.kernel
// CHECK-NEXT: ssm.rms_norm
// CHECK: ssm.kernel (%{{.*}} = %[[N]],
// CHECK-NEXT: ssm.linear
func.func @norm_is_returned(%x: tensor<?x8xf32>) -> (tensor<?x16xf32>, tensor<?x8xf32>) {
  %w = ssm.weight "w" : tensor<16x8xf32>
  %n = ssm.rms_norm %x eps 1.0e-5 : tensor<?x8xf32>
  %y = ssm.linear %n, %w : tensor<?x8xf32>, tensor<16x8xf32> -> tensor<?x16xf32>
  return %y, %n : tensor<?x16xf32>, tensor<?x8xf32>
}

// Near miss: the norm has a second reader that is a kernel, but no projection.
// CHECK-LABEL: func.func @norm_is_gated
// CHECK: %[[N:.*]] = ssm.kernel
// CHECK-NEXT: ssm.rms_norm
// CHECK: ssm.kernel (%{{.*}} = %[[N]],
// CHECK-NEXT: ssm.linear
// CHECK: ssm.kernel (%{{.*}} = %[[N]])
// CHECK-NEXT: ssm.gate
func.func @norm_is_gated(%x: tensor<?x8xf32>) -> (tensor<?x16xf32>, tensor<?x8xf32>) {
  %w = ssm.weight "w" : tensor<16x8xf32>
  %n = ssm.rms_norm %x eps 1.0e-5 : tensor<?x8xf32>
  %y = ssm.linear %n, %w : tensor<?x8xf32>, tensor<16x8xf32> -> tensor<?x16xf32>
  %g = ssm.gate %n, %n : tensor<?x8xf32>
  return %y, %g : tensor<?x16xf32>, tensor<?x8xf32>
}

// Near miss: the target does not take a norm with a weight into a projection.
// CHECK-LABEL: func.func @target_refuses
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.rms_norm
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.linear
func.func @target_refuses(%x: tensor<?x8xf32>) -> tensor<?x16xf32> {
  %nw = ssm.weight "norm" : tensor<8xf32>
  %w = ssm.weight "w" : tensor<16x8xf32>
  %n = ssm.rms_norm %x weight %nw eps 1.0e-5 : tensor<?x8xf32>, tensor<8xf32>
  %y = ssm.linear %n, %w : tensor<?x8xf32>, tensor<16x8xf32> -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// Near miss: the projection has its schedule, which was chosen for what it is.
// CHECK-LABEL: func.func @has_schedule
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.rms_norm
// CHECK: ssm.kernel {{.*}} schedule
// CHECK-NEXT: ssm.linear
func.func @has_schedule(%x: tensor<?x8xf32>) -> tensor<?x16xf32> {
  %w = ssm.weight "w" : tensor<16x8xf32>
  %n = ssm.rms_norm %x eps 1.0e-5 : tensor<?x8xf32>
  %y = ssm.kernel (%a = %n, %b = %w) schedule <lanes = 16> : (tensor<?x8xf32>, tensor<16x8xf32>) -> tensor<?x16xf32> {
    %l = ssm.linear %a, %b : tensor<?x8xf32>, tensor<16x8xf32> -> tensor<?x16xf32>
    ssm.yield %l : tensor<?x16xf32>
  }
  return %y : tensor<?x16xf32>
}

// Near miss: no projection reads the norm.
// CHECK-LABEL: func.func @no_projection
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.rms_norm
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.silu
func.func @no_projection(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %n = ssm.rms_norm %x eps 1.0e-5 : tensor<?x8xf32>
  %y = ssm.silu %n : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

}
