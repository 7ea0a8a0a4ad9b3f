// RUN: mamba-opt %s --ssm-form-kernels --ssm-fuse-conv-silu --remarks-filter=fusion 2>&1 | FileCheck %s

module attributes {ssm.target = "cpu:x86-64-v4"} {

// CHECK: remark: [Missed] ssm-fuse-conv-silu | Category:fusion | Reason="the result of the convolution has another reader"
// CHECK: remark: [Missed] ssm-fuse-conv-silu | Category:fusion | Reason="a convolution is at most 8 wide, got 9: split its taps over two and add their results"
// CHECK-NOT: remark

// The convolution reads its columns in place and yields silu(y) and the pool.
// CHECK-LABEL: func.func @fuses
// CHECK-SAME: (%[[X:.*]]: tensor<?x16xf32>, %[[S:.*]]: tensor<?x3x8xf32>, %[[BATCH:.*]]: !ssm.batch)
// CHECK: %[[W:.*]] = ssm.weight "w"
// CHECK: %[[B:.*]] = ssm.weight "b"
// CHECK: %[[R:.*]]:2 = ssm.kernel (%[[XI:.*]] = %[[X]], %[[WI:.*]] = %[[W]], %[[BI:.*]] = %[[B]], %[[SI:.*]] = %[[S]], %[[BATCHI:.*]] = %[[BATCH]]) :
// CHECK-NEXT: %[[P:.*]]:2 = ssm.split %[[XI]]
// CHECK-NEXT: %[[Y:.*]], %[[S1:.*]] = ssm.conv1d %[[P]]#0, %[[WI]] bias %[[BI]] state %[[SI]] of %[[BATCHI]]
// CHECK-NEXT: %[[Z:.*]] = ssm.silu %[[Y]]
// CHECK-NEXT: ssm.yield %[[Z]], %[[S1]]
// CHECK-NEXT: }
// CHECK-NEXT: return %[[R]]#0, %[[R]]#1
func.func @fuses(%xz: tensor<?x16xf32>, %s: tensor<?x3x8xf32>, %batch: !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>) {
  %w = ssm.weight "w" : tensor<8x4xf32>
  %b = ssm.weight "b" : tensor<8xf32>
  %x, %z = ssm.split %xz : tensor<?x16xf32> -> tensor<?x8xf32>, tensor<?x8xf32>
  %y, %s1 = ssm.conv1d %x, %w bias %b state %s of %batch
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<8xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
  %a = ssm.silu %y : tensor<?x8xf32>
  return %a, %s1 : tensor<?x8xf32>, tensor<?x3x8xf32>
}

// The pool's reader stands between: it moves behind the merged kernel.
// CHECK-LABEL: func.func @reader_of_the_pool_moves
// CHECK: %[[R:.*]]:2 = ssm.kernel
// CHECK-NEXT: ssm.conv1d
// CHECK-NEXT: ssm.silu
// CHECK: %[[T:.*]]:2 = ssm.kernel (%{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}, %{{.*}} = %[[R]]#1,
// CHECK-NEXT: ssm.conv1d
// CHECK: return %[[R]]#0, %[[T]]#0, %[[T]]#1
func.func @reader_of_the_pool_moves(%x: tensor<?x8xf32>, %s: tensor<?x3x8xf32>, %batch: !ssm.batch, %next: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x3x8xf32>) {
  %w = ssm.weight "w" : tensor<8x4xf32>
  %y, %s1 = ssm.conv1d %x, %w state %s of %batch
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
  %y2, %s2 = ssm.conv1d %x, %w state %s1 of %next
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
  %a = ssm.silu %y : tensor<?x8xf32>
  return %a, %y2, %s2 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x3x8xf32>
}

// Near miss: y is returned as well, so it has to reach memory.
// CHECK-LABEL: func.func @y_is_returned
// CHECK: %[[R:.*]]:2 = ssm.kernel
// CHECK-NEXT: ssm.conv1d
// CHECK: %[[A:.*]] = ssm.kernel (%{{.*}} = %[[R]]#0)
// CHECK-NEXT: ssm.silu
// CHECK: return %[[A]], %[[R]]#0, %[[R]]#1
func.func @y_is_returned(%x: tensor<?x8xf32>, %s: tensor<?x3x8xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x3x8xf32>) {
  %w = ssm.weight "w" : tensor<8x4xf32>
  %y, %s1 = ssm.conv1d %x, %w state %s of %batch
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
  %a = ssm.silu %y : tensor<?x8xf32>
  return %a, %y, %s1 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x3x8xf32>
}

// Near miss: the target generates no convolution that wide.
// CHECK-LABEL: func.func @target_refuses
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.conv1d
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.silu
func.func @target_refuses(%x: tensor<?x8xf32>, %s: tensor<?x8x8xf32>, %batch: !ssm.batch) -> (tensor<?x8xf32>, tensor<?x8x8xf32>) {
  %w = ssm.weight "w" : tensor<8x9xf32>
  %y, %s1 = ssm.conv1d %x, %w state %s of %batch
    : (tensor<?x8xf32>, tensor<8x9xf32>, tensor<?x8x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x8x8xf32>)
  %a = ssm.silu %y : tensor<?x8xf32>
  return %a, %s1 : tensor<?x8xf32>, tensor<?x8x8xf32>
}

// Near miss: softplus is another function.
// CHECK-LABEL: func.func @softplus
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.conv1d
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.softplus
func.func @softplus(%x: tensor<?x8xf32>, %s: tensor<?x3x8xf32>, %batch: !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>) {
  %w = ssm.weight "w" : tensor<8x4xf32>
  %y, %s1 = ssm.conv1d %x, %w state %s of %batch
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
  %a = ssm.softplus %y : tensor<?x8xf32>
  return %a, %s1 : tensor<?x8xf32>, tensor<?x3x8xf32>
}

}
