// What a projection of few rows gets without tiles of the processor.
// RUN: mamba-opt %s --ssm-assign-schedules --split-input-file | FileCheck %s

// As many rows at once as all sums of a panel are in registers: with 16 registers four
// rows of two vectors. Rows that are widened meet four panels a tile, where 48 tiles stay.
module attributes {ssm.target = "cpu:x86-64-v3"} {
// CHECK-LABEL: func.func @narrow
// CHECK: schedule <lanes = 8, row_block = 16, col_block = 64, row_tile = 4, col_tile = 16>
func.func @narrow(%x: tensor<?x64xbf16>, %w: tensor<3072x64xf32>) -> tensor<?x3072xf32> attributes {ssm.class = "few"} {
  %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x64xbf16>, tensor<3072x64xf32>) -> tensor<?x3072xf32> {
    %c = ssm.cast %a : tensor<?x64xbf16> to tensor<?x64xf32>
    %l = ssm.linear %c, %b : tensor<?x64xf32>, tensor<3072x64xf32> -> tensor<?x3072xf32>
    ssm.yield %l : tensor<?x3072xf32>
  }
  return %y : tensor<?x3072xf32>
}

// Near misses: fewer tiles; nothing to widen; a decode step, of which most have one row.
// CHECK-LABEL: func.func @fewer_tiles
// CHECK: schedule <lanes = 8, row_block = 16, col_block = 16, row_tile = 4, col_tile = 16>
func.func @fewer_tiles(%x: tensor<?x64xbf16>, %w: tensor<1520x64xf32>) -> tensor<?x1520xf32> attributes {ssm.class = "few"} {
  %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x64xbf16>, tensor<1520x64xf32>) -> tensor<?x1520xf32> {
    %c = ssm.cast %a : tensor<?x64xbf16> to tensor<?x64xf32>
    %l = ssm.linear %c, %b : tensor<?x64xf32>, tensor<1520x64xf32> -> tensor<?x1520xf32>
    ssm.yield %l : tensor<?x1520xf32>
  }
  return %y : tensor<?x1520xf32>
}
// CHECK-LABEL: func.func @wide
// CHECK: schedule <lanes = 8, row_block = 16, col_block = 16, row_tile = 4, col_tile = 16>
func.func @wide(%x: tensor<?x64xf32>, %w: tensor<3072x64xf32>) -> tensor<?x3072xf32> attributes {ssm.class = "few"} {
  %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x64xf32>, tensor<3072x64xf32>) -> tensor<?x3072xf32> {
    %l = ssm.linear %a, %b : tensor<?x64xf32>, tensor<3072x64xf32> -> tensor<?x3072xf32>
    ssm.yield %l : tensor<?x3072xf32>
  }
  return %y : tensor<?x3072xf32>
}
// CHECK-LABEL: func.func @decode
// CHECK: schedule <lanes = 8, row_block = 16, col_block = 16, row_tile = 4, col_tile = 16>
func.func @decode(%x: tensor<?x64xbf16>, %w: tensor<3072x64xf32>) -> tensor<?x3072xf32> attributes {ssm.class = "decode"} {
  %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x64xbf16>, tensor<3072x64xf32>) -> tensor<?x3072xf32> {
    %c = ssm.cast %a : tensor<?x64xbf16> to tensor<?x64xf32>
    %l = ssm.linear %c, %b : tensor<?x64xf32>, tensor<3072x64xf32> -> tensor<?x3072xf32>
    ssm.yield %l : tensor<?x3072xf32>
  }
  return %y : tensor<?x3072xf32>
}
}

// -----

module attributes {ssm.target = "cpu:x86-64-v4"} {
// With 32 registers four rows of four vectors.
// CHECK-LABEL: func.func @four_vectors
// CHECK: schedule <lanes = 16, row_block = 16, col_block = 64, row_tile = 4, col_tile = 64>
func.func @four_vectors(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) -> tensor<?x64xf32> attributes {ssm.class = "few"} {
  %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32> {
    %l = ssm.linear %a, %b : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
    ssm.yield %l : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}

// Near miss: of three vectors eight.
// CHECK-LABEL: func.func @three_vectors
// CHECK: schedule <lanes = 16, row_block = 16, col_block = 48, row_tile = 8, col_tile = 48>
func.func @three_vectors(%x: tensor<?x64xf32>, %w: tensor<48x64xf32>) -> tensor<?x48xf32> attributes {ssm.class = "few"} {
  %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x64xf32>, tensor<48x64xf32>) -> tensor<?x48xf32> {
    %l = ssm.linear %a, %b : tensor<?x64xf32>, tensor<48x64xf32> -> tensor<?x48xf32>
    ssm.yield %l : tensor<?x48xf32>
  }
  return %y : tensor<?x48xf32>
}
}
