// RUN: mamba-opt %s --pass-pipeline='builtin.module(func.func(ssm-form-recipes))' --split-input-file | FileCheck %s

// The ops before one operand become one kernel; a reshape of the weight is the
// same memory and stays outside.
// CHECK-LABEL: func.func @slice
// CHECK: %[[W:.*]] = ssm.weight "A_log" : tensor<128x1x16xf32>
// CHECK: %[[R:.*]] = ssm.reshape %[[W]]
// CHECK: %[[A:.*]] = ssm.kernel (%[[X:.*]] = %[[R]]) : (tensor<128x16xf32>) -> tensor<2x16x64xf32> {
// CHECK-NEXT: %[[D:.*]] = ssm.decay %[[X]]
// CHECK-NEXT: %[[P:.*]] = ssm.pack %[[D]] block 64
// CHECK-NEXT: ssm.yield %[[P]]
// CHECK-NOT: ssm.decay
// CHECK: ssm.kernel (%{{.*}} = %{{.*}}, %{{.*}} = %[[A]])
func.func @slice(%x: tensor<?x16xf32>) -> tensor<?x128xf32> {
  %w = ssm.weight "A_log" : tensor<128x1x16xf32>
  %r = ssm.reshape %w : tensor<128x1x16xf32> to tensor<128x16xf32>
  %d = ssm.decay %r : tensor<128x16xf32>
  %p = ssm.pack %d block 64 : tensor<128x16xf32> -> tensor<2x16x64xf32>
  %y = ssm.kernel (%a = %x, %b = %p) : (tensor<?x16xf32>, tensor<2x16x64xf32>) -> tensor<?x128xf32> {
    %u = ssm.unpack %b : tensor<2x16x64xf32> -> tensor<128x16xf32>
    %l = ssm.linear %a, %u : tensor<?x16xf32>, tensor<128x16xf32> -> tensor<?x128xf32>
    ssm.yield %l : tensor<?x128xf32>
  }
  return %y : tensor<?x128xf32>
}

// -----

// Two kernels that read one value share the kernel that makes it.
// CHECK-LABEL: func.func @shared
// CHECK-COUNT-1: ssm.scale
// CHECK-NOT: ssm.scale
func.func @shared(%x: tensor<?x16xf32>) -> (tensor<?x16xf32>, tensor<?x16xf32>) {
  %w = ssm.weight "w" : tensor<16xf32>
  %s = ssm.scale %w by 2.0 : tensor<16xf32>
  %y = ssm.kernel (%a = %x, %b = %s) : (tensor<?x16xf32>, tensor<16xf32>) -> tensor<?x16xf32> {
    %l = ssm.rms_norm %a weight %b eps 1.0e-05 : tensor<?x16xf32>, tensor<16xf32>
    ssm.yield %l : tensor<?x16xf32>
  }
  %z = ssm.kernel (%a = %y, %b = %s) : (tensor<?x16xf32>, tensor<16xf32>) -> tensor<?x16xf32> {
    %l = ssm.rms_norm %a weight %b eps 1.0e-05 : tensor<?x16xf32>, tensor<16xf32>
    ssm.yield %l : tensor<?x16xf32>
  }
  return %y, %z : tensor<?x16xf32>, tensor<?x16xf32>
}

// -----

// A weight as it is, and one under another shape, need no kernel.
// CHECK-LABEL: func.func @mapped
// CHECK-COUNT-1: ssm.kernel
// CHECK-NOT: ssm.kernel
func.func @mapped(%x: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %w = ssm.weight "w" : tensor<16x1xf32>
  %r = ssm.reshape %w : tensor<16x1xf32> to tensor<16xf32>
  %y = ssm.kernel (%a = %x, %b = %r) : (tensor<?x16xf32>, tensor<16xf32>) -> tensor<?x16xf32> {
    %l = ssm.rms_norm %a weight %b eps 1.0e-05 : tensor<?x16xf32>, tensor<16xf32>
    ssm.yield %l : tensor<?x16xf32>
  }
  return %y : tensor<?x16xf32>
}

// -----

// Ops on arguments become kernels too: they run in each step.
// CHECK-LABEL: func.func @argument
// CHECK-SAME: %[[A:[a-z0-9]+]]: tensor<16xf32>)
// CHECK: ssm.kernel (%{{.*}} = %[[A]]) : (tensor<16xf32>) -> tensor<16xf32>
func.func @argument(%x: tensor<?x16xf32>, %a: tensor<16xf32>) -> tensor<?x16xf32> {
  %s = ssm.scale %a by 2.0 : tensor<16xf32>
  %y = ssm.kernel (%k = %x, %b = %s) : (tensor<?x16xf32>, tensor<16xf32>) -> tensor<?x16xf32> {
    %l = ssm.rms_norm %k weight %b eps 1.0e-05 : tensor<?x16xf32>, tensor<16xf32>
    ssm.yield %l : tensor<?x16xf32>
  }
  return %y : tensor<?x16xf32>
}

// -----

// With a target, the new kernels have schedules.
// CHECK-LABEL: func.func @scheduled
// CHECK: ssm.kernel ({{.*}}) schedule <lanes =
// CHECK-NEXT: ssm.scale
module attributes {ssm.target = "cpu:x86-64-v3"} {
  func.func @scheduled(%x: tensor<?x16xf32>) -> tensor<?x16xf32> {
    %w = ssm.weight "w" : tensor<16xf32>
    %s = ssm.scale %w by 2.0 : tensor<16xf32>
    %y = ssm.kernel (%a = %x, %b = %s) : (tensor<?x16xf32>, tensor<16xf32>) -> tensor<?x16xf32> {
      %l = ssm.rms_norm %a weight %b eps 1.0e-05 : tensor<?x16xf32>, tensor<16xf32>
      ssm.yield %l : tensor<?x16xf32>
    }
    return %y : tensor<?x16xf32>
  }
}
