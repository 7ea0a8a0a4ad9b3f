// RUN: mamba-opt %s --ssm-form-kernels --ssm-fuse-linear-add --remarks-filter=fusion 2>&1 | FileCheck %s

module attributes {ssm.target = "cpu:x86-64-v4"} {

// CHECK: remark: [Missed] ssm-fuse-linear-add | Category:fusion | Reason="the projection has another reader"
// CHECK: remark: {{.*}} Reason="another op reads the one kernel and feeds the other"
// CHECK: remark: {{.*}} Reason="both operands of the sum are the projection"
// CHECK: remark: {{.*}} Reason="the norm has a weight: fold it into the projection first"
// CHECK-NOT: remark

// The projection is the second operand.
// CHECK-LABEL: func.func @fuses_second
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>, %[[R:.*]]: tensor<?x4xf32>)
// CHECK: %[[W:.*]] = ssm.weight "w"
// CHECK: %[[K:.*]] = ssm.kernel (%[[A:.*]] = %[[X]], %[[B:.*]] = %[[W]], %[[C:.*]] = %[[R]]) :
// CHECK-NEXT: %[[L:.*]] = ssm.linear %[[A]], %[[B]]
// CHECK-NEXT: %[[S:.*]] = ssm.add %[[C]], %[[L]]
// CHECK-NEXT: ssm.yield %[[S]]
// CHECK: return %[[K]]
func.func @fuses_second(%x: tensor<?x8xf32>, %r: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %w = ssm.weight "w" : tensor<4x8xf32>
  %y = ssm.linear %x, %w : tensor<?x8xf32>, tensor<4x8xf32> -> tensor<?x4xf32>
  %s = ssm.add %r, %y : tensor<?x4xf32>
  return %s : tensor<?x4xf32>
}

// The projection is the first operand.
// CHECK-LABEL: func.func @fuses_first
// CHECK: ssm.kernel
// CHECK-NEXT: %[[L:.*]] = ssm.linear
// CHECK-NEXT: ssm.add %[[L]], %{{.*}}
func.func @fuses_first(%x: tensor<?x8xf32>, %r: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %w = ssm.weight "w" : tensor<4x8xf32>
  %y = ssm.linear %x, %w : tensor<?x8xf32>, tensor<4x8xf32> -> tensor<?x4xf32>
  %s = ssm.add %y, %r : tensor<?x4xf32>
  return %s : tensor<?x4xf32>
}

// Of two projections the first takes the sum, and reads the other.
// CHECK-LABEL: func.func @takes_one_of_two
// CHECK: %[[Z:.*]] = ssm.kernel
// CHECK-NEXT: ssm.linear
// CHECK: ssm.kernel (%{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}, %[[ZI:.*]] = %[[Z]])
// CHECK-NEXT: %[[L:.*]] = ssm.linear
// CHECK-NEXT: ssm.add %[[L]], %[[ZI]]
func.func @takes_one_of_two(%x: tensor<?x8xf32>) -> tensor<?x4xf32> {
  %w = ssm.weight "w" : tensor<4x8xf32>
  %v = ssm.weight "v" : tensor<4x8xf32>
  %y = ssm.linear %x, %w : tensor<?x8xf32>, tensor<4x8xf32> -> tensor<?x4xf32>
  %z = ssm.linear %x, %v : tensor<?x8xf32>, tensor<4x8xf32> -> tensor<?x4xf32>
  %s = ssm.add %y, %z : tensor<?x4xf32>
  return %s : tensor<?x4xf32>
}

// A value that both read is one operand of the merged kernel.
// CHECK-LABEL: func.func @shares_operand
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>)
// CHECK: ssm.kernel (%[[A:.*]] = %[[X]], %[[B:.*]] = %{{.*}}) :
// CHECK-NEXT: %[[L:.*]] = ssm.linear %[[A]], %[[B]]
// CHECK-NEXT: ssm.add %[[A]], %[[L]]
func.func @shares_operand(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %w = ssm.weight "w" : tensor<8x8xf32>
  %y = ssm.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %s = ssm.add %x, %y : tensor<?x8xf32>
  return %s : tensor<?x8xf32>
}

// Near miss: the projection is returned as well.
// CHECK-LABEL: func.func @projection_is_returned
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.linear
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.add
func.func @projection_is_returned(%x: tensor<?x8xf32>, %r: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %w = ssm.weight "w" : tensor<4x8xf32>
  %y = ssm.linear %x, %w : tensor<?x8xf32>, tensor<4x8xf32> -> tensor<?x4xf32>
  %s = ssm.add %r, %y : tensor<?x4xf32>
  return %y, %s : tensor<?x4xf32>, tensor<?x4xf32>
}

// Near miss: what is added to the projection is computed from the kernel that
// computes it, so that one kernel would need its own result.
// CHECK-LABEL: func.func @cycle
// CHECK: %[[P:.*]]:2 = ssm.kernel
// CHECK: %[[Q:.*]] = ssm.kernel (%{{.*}} = %[[P]]#0)
// CHECK: ssm.kernel (%{{.*}} = %[[Q]], %{{.*}} = %[[P]]#1)
// CHECK-NEXT: ssm.add
func.func @cycle(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %w = ssm.weight "w" : tensor<8x8xf32>
  %n, %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x8xf32>, tensor<8x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
    %m = ssm.silu %a : tensor<?x8xf32>
    %l = ssm.linear %m, %b : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
    ssm.yield %m, %l : tensor<?x8xf32>, tensor<?x8xf32>
  }
  %p = ssm.softplus %n : tensor<?x8xf32>
  %s = ssm.add %p, %y : tensor<?x8xf32>
  return %s : tensor<?x8xf32>
}

// Near miss: the projection is added to itself.
// CHECK-LABEL: func.func @added_to_itself
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.linear
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.add
func.func @added_to_itself(%x: tensor<?x8xf32>) -> tensor<?x4xf32> {
  %w = ssm.weight "w" : tensor<4x8xf32>
  %y = ssm.linear %x, %w : tensor<?x8xf32>, tensor<4x8xf32> -> tensor<?x4xf32>
  %s = ssm.add %y, %y : tensor<?x4xf32>
  return %s : tensor<?x4xf32>
}

// Near miss: the target generates no such projection.
// CHECK-LABEL: func.func @target_refuses
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.rms_norm
// CHECK-NEXT: ssm.linear
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.add
func.func @target_refuses(%x: tensor<?x8xf32>, %r: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %w = ssm.weight "w" : tensor<4x8xf32>
  %n = ssm.weight "n" : tensor<8xf32>
  %y = ssm.kernel (%a = %x, %b = %w, %c = %n) : (tensor<?x8xf32>, tensor<4x8xf32>, tensor<8xf32>) -> tensor<?x4xf32> {
    %m = ssm.rms_norm %a weight %c eps 1.0e-05 : tensor<?x8xf32>, tensor<8xf32>
    %l = ssm.linear %m, %b : tensor<?x8xf32>, tensor<4x8xf32> -> tensor<?x4xf32>
    ssm.yield %l : tensor<?x4xf32>
  }
  %s = ssm.add %r, %y : tensor<?x4xf32>
  return %s : tensor<?x4xf32>
}

// Near miss: the sum is of a projection that went through SiLU.
// CHECK-LABEL: func.func @silu_between
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.linear
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.silu
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.add
func.func @silu_between(%x: tensor<?x8xf32>, %r: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %w = ssm.weight "w" : tensor<4x8xf32>
  %y = ssm.linear %x, %w : tensor<?x8xf32>, tensor<4x8xf32> -> tensor<?x4xf32>
  %a = ssm.silu %y : tensor<?x4xf32>
  %s = ssm.add %r, %a : tensor<?x4xf32>
  return %s : tensor<?x4xf32>
}

}
