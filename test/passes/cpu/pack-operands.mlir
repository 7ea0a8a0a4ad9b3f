// RUN: mamba-opt %s --cpu-pack-operands | FileCheck %s

module attributes {ssm.target = "cpu:x86-64-v4"} {

// The weight of a projection is packed outside and unpacked inside.
// CHECK-LABEL: func.func @linear
// CHECK: %[[W:.*]] = ssm.weight "w"
// CHECK: %[[P:.*]] = ssm.pack %[[W]] block 64 : tensor<200x64xf32> -> tensor<4x64x64xf32>
// CHECK: ssm.kernel (%{{.*}} = %{{.*}}, %[[A:.*]] = %[[P]])
// CHECK: %[[U:.*]] = ssm.unpack %[[A]] : tensor<4x64x64xf32> -> tensor<200x64xf32>
// CHECK: ssm.linear %{{.*}}, %[[U]]
func.func @linear(%x: tensor<?x64xf32>) -> tensor<?x200xf32> {
  %w = ssm.weight "w" : tensor<200x64xf32>
  %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 16, row_block = 16, col_block = 64, row_tile = 4, col_tile = 64>
      : (tensor<?x64xf32>, tensor<200x64xf32>) -> tensor<?x200xf32> {
    %r = ssm.linear %a, %b : tensor<?x64xf32>, tensor<200x64xf32> -> tensor<?x200xf32>
    ssm.yield %r : tensor<?x200xf32>
  }
  return %y : tensor<?x200xf32>
}

// A kernel that reads no panels stays as it is.
// CHECK-LABEL: func.func @silu
// CHECK-NOT: ssm.pack
// CHECK: return
func.func @silu(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %y = ssm.kernel (%a = %x) schedule <lanes = 16, row_block = 4> : (tensor<?x64xf32>) -> tensor<?x64xf32> {
    %r = ssm.silu %a : tensor<?x64xf32>
    ssm.yield %r : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}

// Without a schedule there is no layout to choose.
// CHECK-LABEL: func.func @unscheduled
// CHECK-NOT: ssm.pack
// CHECK: return
func.func @unscheduled(%x: tensor<?x64xf32>, %w: tensor<200x64xf32>) -> tensor<?x200xf32> {
  %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x64xf32>, tensor<200x64xf32>) -> tensor<?x200xf32> {
    %r = ssm.linear %a, %b : tensor<?x64xf32>, tensor<200x64xf32> -> tensor<?x200xf32>
    ssm.yield %r : tensor<?x200xf32>
  }
  return %y : tensor<?x200xf32>
}
}
