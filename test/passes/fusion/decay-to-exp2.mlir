// RUN: mamba-opt %s --ssm-decay-to-exp2 | FileCheck %s

// A comes from a weight: it is scaled by log2(e) once.
// CHECK-LABEL: func.func @scales
// CHECK: %[[A:.*]] = ssm.decay
// CHECK: %[[A2:.*]] = ssm.scale %[[A]] by 1.442695{{.*}} : tensor<8x4xf32>
// CHECK: ssm.selective_scan %{{.*}} delta %{{.*}} A %[[A2]] log2 B
func.func @scales(%u: tensor<?x8xf32>, %B: tensor<?x4xf32>, %h: tensor<?x8x4xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>) {
  %log = ssm.weight "A_log" : tensor<8x4xf32>
  %A = ssm.decay %log : tensor<8x4xf32>
  %y, %h1 = ssm.selective_scan %u delta %u A %A B %B C %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  return %y, %h1 : tensor<?x8xf32>, tensor<?x8x4xf32>
}

// Near miss: the decay is in base 2 already.
// CHECK-LABEL: func.func @already_log2
// CHECK-NOT: ssm.scale
func.func @already_log2(%u: tensor<?x8xf32>, %B: tensor<?x4xf32>, %h: tensor<?x8x4xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>) {
  %A = ssm.weight "A" : tensor<8x4xf32>
  %y, %h1 = ssm.selective_scan %u delta %u A %A log2 B %B C %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  return %y, %h1 : tensor<?x8xf32>, tensor<?x8x4xf32>
}

// Near miss: A is an argument; scaling it would be work in each step.
// CHECK-LABEL: func.func @argument
// CHECK-NOT: ssm.scale
// CHECK-NOT: log2
func.func @argument(%u: tensor<?x8xf32>, %A: tensor<8x4xf32>, %B: tensor<?x4xf32>, %h: tensor<?x8x4xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>) {
  %y, %h1 = ssm.selective_scan %u delta %u A %A B %B C %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  return %y, %h1 : tensor<?x8xf32>, tensor<?x8x4xf32>
}
