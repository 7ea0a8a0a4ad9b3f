// RUN: mamba-opt %s --ssm-form-kernels | FileCheck %s

// Each op has its kernel; weights are its operands and their recipe stays
// outside.
// CHECK-LABEL: func.func @each_op
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>)
// CHECK: %[[W:.*]] = ssm.weight "w"
// CHECK: %[[C:.*]] = ssm.cast %[[W]]
// CHECK: %[[Y:.*]] = ssm.kernel (%[[A:.*]] = %[[X]], %[[B:.*]] = %[[C]]) : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32> {
// CHECK-NEXT: %[[L:.*]] = ssm.linear %[[A]], %[[B]]
// CHECK-NEXT: ssm.yield %[[L]]
// CHECK-NEXT: }
// CHECK: %[[Z:.*]] = ssm.kernel (%[[A2:.*]] = %[[Y]])
// CHECK-NEXT: ssm.silu %[[A2]]
// CHECK: return %[[Z]]
func.func @each_op(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %w = ssm.weight "w" : tensor<8x8xbf16>
  %c = ssm.cast %w : tensor<8x8xbf16> to tensor<8x8xf32>
  %y = ssm.linear %x, %c : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %z = ssm.silu %y : tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// A value that is read twice is one operand; a cast of rows computes.
// CHECK-LABEL: func.func @distinct_operands
// CHECK: %[[C:.*]] = ssm.kernel (%[[A:.*]] = %{{.*}}) : (tensor<?x8xbf16>) -> tensor<?x8xf32>
// CHECK-NEXT: ssm.cast %[[A]]
// CHECK: ssm.kernel (%[[B:.*]] = %[[C]]) :
// CHECK-NEXT: ssm.add %[[B]], %[[B]]
func.func @distinct_operands(%x: tensor<?x8xbf16>) -> tensor<?x8xf32> {
  %c = ssm.cast %x : tensor<?x8xbf16> to tensor<?x8xf32>
  %y = ssm.add %c, %c : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// Both readers of a split read columns of the whole, one of them through two
// splits; no kernel is made of splits.
// CHECK-LABEL: func.func @splits_go_into_readers
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>)
// CHECK: %[[Y:.*]] = ssm.kernel (%[[A:.*]] = %[[X]])
// CHECK-NEXT: %[[P:.*]]:2 = ssm.split %[[A]]
// CHECK-NEXT: ssm.silu %[[P]]#0
// CHECK: %[[Z:.*]] = ssm.kernel (%[[B:.*]] = %[[X]])
// CHECK-NEXT: %[[Q:.*]]:2 = ssm.split %[[B]]
// CHECK-NEXT: %[[R:.*]]:2 = ssm.split %[[Q]]#1
// CHECK-NEXT: ssm.gate %[[R]]#0, %[[R]]#1
// CHECK-NOT: ssm.split
// CHECK: return %[[Y]], %[[Z]]
func.func @splits_go_into_readers(%x: tensor<?x8xf32>) -> (tensor<?x4xf32>, tensor<?x2xf32>) {
  %a, %b = ssm.split %x : tensor<?x8xf32> -> tensor<?x4xf32>, tensor<?x4xf32>
  %c, %d = ssm.split %b : tensor<?x4xf32> -> tensor<?x2xf32>, tensor<?x2xf32>
  %y = ssm.silu %a : tensor<?x4xf32>
  %z = ssm.gate %c, %d : tensor<?x2xf32>
  return %y, %z : tensor<?x4xf32>, tensor<?x2xf32>
}

// Near miss: a part is returned, so the split is a kernel; the other reader
// still reads the whole.
// CHECK-LABEL: func.func @returned_part
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>)
// CHECK: %[[P:.*]]:2 = ssm.kernel (%[[A:.*]] = %[[X]])
// CHECK-NEXT: %[[S:.*]]:2 = ssm.split %[[A]]
// CHECK-NEXT: ssm.yield %[[S]]#0, %[[S]]#1
// CHECK: %[[Y:.*]] = ssm.kernel (%{{.*}} = %[[X]])
// CHECK-NEXT: ssm.split
// CHECK-NEXT: ssm.silu
// CHECK: return %[[P]]#1, %[[Y]]
func.func @returned_part(%x: tensor<?x8xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %a, %b = ssm.split %x : tensor<?x8xf32> -> tensor<?x4xf32>, tensor<?x4xf32>
  %y = ssm.silu %b : tensor<?x4xf32>
  return %b, %y : tensor<?x4xf32>, tensor<?x4xf32>
}

// An op with a state yields y and the pool, and the order of operands is that
// of their use.
// CHECK-LABEL: func.func @state
// CHECK: %[[R:.*]]:2 = ssm.kernel (%{{.*}} = %[[X:.*]], %{{.*}} = %[[W:.*]], %{{.*}} = %[[S:.*]], %{{.*}} = %[[BATCH:.*]]) :
// CHECK-SAME: (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
// CHECK: return %[[R]]#0, %[[R]]#1
func.func @state(%batch: !ssm.batch, %s: tensor<?x3x8xf32>, %x: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x3x8xf32>) {
  %w = ssm.weight "w" : tensor<8x4xf32>
  %y, %s1 = ssm.conv1d %x, %w state %s of %batch
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
  return %y, %s1 : tensor<?x8xf32>, tensor<?x3x8xf32>
}

// Near miss: a kernel that is there already is left as it is.
// CHECK-LABEL: func.func @already_a_kernel
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.silu
// CHECK-NEXT: ssm.softplus
// CHECK-NOT: ssm.kernel
func.func @already_a_kernel(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = ssm.kernel (%a = %x) : (tensor<?x8xf32>) -> tensor<?x8xf32> {
    %s = ssm.silu %a : tensor<?x8xf32>
    %t = ssm.softplus %s : tensor<?x8xf32>
    ssm.yield %t : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}

// A quantised matrix is read as it is stored, by each reader.
// CHECK-LABEL: func.func @quantised_matrix
// CHECK-SAME: (%[[T:.*]]: tensor<?xi32>, %[[Q:.*]]: tensor<9x8xi8>, %[[S:.*]]: tensor<9x1xbf16>)
// CHECK: %[[X:.*]] = ssm.kernel (%[[A:.*]] = %[[Q]], %[[B:.*]] = %[[S]], %{{.*}} = %[[T]])
// CHECK-NEXT: %[[W:.*]] = ssm.dequantize %[[A]] by %[[B]]
// CHECK-NEXT: ssm.embedding %[[W]]
// CHECK: ssm.kernel (%{{.*}} = %[[Q]], %{{.*}} = %[[S]], %{{.*}} = %[[X]])
// CHECK-NEXT: %[[V:.*]] = ssm.dequantize
// CHECK-NEXT: ssm.linear %{{.*}}, %[[V]]
func.func @quantised_matrix(%t: tensor<?xi32>, %q: tensor<9x8xi8>, %s: tensor<9x1xbf16>) -> tensor<?x9xf32> {
  %w = ssm.dequantize %q by %s bits 8 : tensor<9x8xi8>, tensor<9x1xbf16> -> tensor<9x8xf32>
  %x = ssm.embedding %w[%t] : tensor<9x8xf32>, tensor<?xi32> -> tensor<?x8xf32>
  %y = ssm.linear %x, %w : tensor<?x8xf32>, tensor<9x8xf32> -> tensor<?x9xf32>
  return %y : tensor<?x9xf32>
}

// Near miss: a small weight is dequantised by the recipe.
// CHECK-LABEL: func.func @quantised_taps
// CHECK: %[[W:.*]] = ssm.dequantize
// CHECK: ssm.kernel (%{{.*}} = %{{.*}}, %{{.*}} = %[[W]],
// CHECK-NOT: ssm.dequantize
func.func @quantised_taps(%x: tensor<?x8xf32>, %q: tensor<8x4xi8>, %s: tensor<8x1xbf16>, %p: tensor<?x3x8xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x3x8xf32>) {
  %w = ssm.dequantize %q by %s bits 8 : tensor<8x4xi8>, tensor<8x1xbf16> -> tensor<8x4xf32>
  %y, %p1 = ssm.conv1d %x, %w state %p of %batch
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
  return %y, %p1 : tensor<?x8xf32>, tensor<?x3x8xf32>
}
