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

// Of bf16 pairs of columns stand side by side.
// CHECK-LABEL: func.func @pairs
// CHECK: %[[W:.*]] = ssm.weight "w"
// CHECK: %[[P:.*]] = ssm.pack %[[W]] block 64 interleave 2 : tensor<200x33xbf16> -> tensor<4x17x128xbf16>
// CHECK: ssm.kernel (%{{.*}} = %{{.*}}, %[[A:.*]] = %[[P]])
// CHECK: %[[U:.*]] = ssm.unpack %[[A]] interleave 2 : tensor<4x17x128xbf16> -> tensor<200x33xbf16>
// CHECK: ssm.linear %{{.*}}, %[[U]]
func.func @pairs(%x: tensor<?x33xf32>) -> tensor<?x200xf32> {
  %w = ssm.weight "w" : tensor<200x33xbf16>
  %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 16, row_block = 16, col_block = 64, row_tile = 4, col_tile = 64>
      : (tensor<?x33xf32>, tensor<200x33xbf16>) -> tensor<?x200xf32> {
    %r = ssm.linear %a, %b : tensor<?x33xf32>, tensor<200x33xbf16> -> tensor<?x200xf32>
    ssm.yield %r : tensor<?x200xf32>
  }
  return %y : tensor<?x200xf32>
}

// Near miss: of f16 there are no pairs.
// CHECK-LABEL: func.func @halves
// CHECK: ssm.pack %{{.*}} block 64 : tensor<200x33xf16> -> tensor<4x33x64xf16>
func.func @halves(%x: tensor<?x33xf32>, %w: tensor<200x33xf16>) -> tensor<?x200xf32> {
  %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 16, row_block = 16, col_block = 64, row_tile = 4, col_tile = 64>
      : (tensor<?x33xf32>, tensor<200x33xf16>) -> tensor<?x200xf32> {
    %r = ssm.linear %a, %b : tensor<?x33xf32>, tensor<200x33xf16> -> tensor<?x200xf32>
    ssm.yield %r : tensor<?x200xf32>
  }
  return %y : tensor<?x200xf32>
}

// Of 4-bit integers four bytes of a row stand side by side; their scales lie in
// panels too, and both are dequantised inside.
// CHECK-LABEL: func.func @int4
// CHECK-SAME: (%{{.*}}: tensor<?x66xf32>, %[[Q:.*]]: tensor<200x33xi8>, %[[S:.*]]: tensor<200x3xbf16>)
// CHECK-DAG: %[[QP:.*]] = ssm.pack %[[Q]] block 64 interleave 4 : tensor<200x33xi8> -> tensor<4x9x256xi8>
// CHECK-DAG: %[[SP:.*]] = ssm.pack %[[S]] block 64 : tensor<200x3xbf16> -> tensor<4x3x64xbf16>
// CHECK: ssm.kernel (%{{.*}} = %{{.*}}, %[[A:.*]] = %[[QP]], %[[B:.*]] = %[[SP]])
// CHECK-DAG: %[[QU:.*]] = ssm.unpack %[[A]] interleave 4 : tensor<4x9x256xi8> -> tensor<200x33xi8>
// CHECK-DAG: %[[SU:.*]] = ssm.unpack %[[B]] : tensor<4x3x64xbf16> -> tensor<200x3xbf16>
// CHECK: ssm.dequantize %[[QU]] by %[[SU]] bits 4
func.func @int4(%x: tensor<?x66xf32>, %q: tensor<200x33xi8>, %s: tensor<200x3xbf16>) -> tensor<?x200xf32> {
  %y = ssm.kernel (%a = %x, %b = %q, %c = %s) schedule <lanes = 16, row_block = 16, col_block = 64, row_tile = 4, col_tile = 64>
      : (tensor<?x66xf32>, tensor<200x33xi8>, tensor<200x3xbf16>) -> tensor<?x200xf32> {
    %w = ssm.dequantize %b by %c bits 4 : tensor<200x33xi8>, tensor<200x3xbf16> -> tensor<200x66xf32>
    %r = ssm.linear %a, %w : tensor<?x66xf32>, tensor<200x66xf32> -> tensor<?x200xf32>
    ssm.yield %r : tensor<?x200xf32>
  }
  return %y : tensor<?x200xf32>
}

// Near miss: of 8-bit integers each byte stands by itself.
// CHECK-LABEL: func.func @int8
// CHECK-DAG: ssm.pack %{{.*}} block 64 : tensor<200x66xi8> -> tensor<4x66x64xi8>
// CHECK-DAG: ssm.pack %{{.*}} block 64 : tensor<200x3xbf16> -> tensor<4x3x64xbf16>
func.func @int8(%x: tensor<?x66xf32>, %q: tensor<200x66xi8>, %s: tensor<200x3xbf16>) -> tensor<?x200xf32> {
  %y = ssm.kernel (%a = %x, %b = %q, %c = %s) schedule <lanes = 16, row_block = 16, col_block = 64, row_tile = 4, col_tile = 64>
      : (tensor<?x66xf32>, tensor<200x66xi8>, tensor<200x3xbf16>) -> tensor<?x200xf32> {
    %w = ssm.dequantize %b by %c bits 8 : tensor<200x66xi8>, tensor<200x3xbf16> -> tensor<200x66xf32>
    %r = ssm.linear %a, %w : tensor<?x66xf32>, tensor<200x66xf32> -> tensor<?x200xf32>
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
