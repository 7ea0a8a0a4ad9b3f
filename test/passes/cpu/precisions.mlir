// RUN: mamba-opt %s --ssm-assign-schedules --verify-diagnostics

// Kernels of a CPU read and write every precision; sampling alone reads logits of f32.
module attributes {ssm.target = "cpu:x86-64-v4"} {
func.func @narrow(%x: tensor<?x8xbf16>, %w: tensor<8x8xbf16>, %q: tensor<8x8xi8>, %s: tensor<8x1xbf16>) -> tensor<?x8xf32> {
  %0 = ssm.kernel (%a = %x) : (tensor<?x8xbf16>) -> tensor<?x8xf32> {
    %c = ssm.cast %a : tensor<?x8xbf16> to tensor<?x8xf32>
    ssm.yield %c : tensor<?x8xf32>
  }
  // expected-error @below {{its rows must be f32: use --activations=f32}}
  %1 = ssm.kernel (%a = %x) : (tensor<?x8xbf16>) -> tensor<?xi32> {
    %c = ssm.cast %a : tensor<?x8xbf16> to tensor<?x8xf32>
    %t = ssm.argmax %c valid 8 : tensor<?x8xf32> -> tensor<?xi32>
    ssm.yield %t : tensor<?xi32>
  }
  %2 = ssm.kernel (%a = %0, %b = %w) : (tensor<?x8xf32>, tensor<8x8xbf16>) -> tensor<?x8xf32> {
    %y = ssm.linear %a, %b : tensor<?x8xf32>, tensor<8x8xbf16> -> tensor<?x8xf32>
    ssm.yield %y : tensor<?x8xf32>
  }
  %3 = ssm.kernel (%a = %0, %b = %q, %c = %s) : (tensor<?x8xf32>, tensor<8x8xi8>, tensor<8x1xbf16>) -> tensor<?x8xf32> {
    %w8 = ssm.dequantize %b by %c bits 8 : tensor<8x8xi8>, tensor<8x1xbf16> -> tensor<8x8xf32>
    %y = ssm.linear %a, %w8 : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
    ssm.yield %y : tensor<?x8xf32>
  }
  // expected-error @below {{a projection of rows of int8 needs a quantised matrix}}
  %4 = ssm.kernel (%a = %0, %b = %w) : (tensor<?x8xf32>, tensor<8x8xbf16>) -> tensor<?x8xf32> {
    %r = ssm.int8_rows %a : tensor<?x8xf32>
    %y = ssm.linear %r, %b : tensor<?x8xf32>, tensor<8x8xbf16> -> tensor<?x8xf32>
    ssm.yield %y : tensor<?x8xf32>
  }
  // expected-error @below {{rows of int8 need at most 32 lanes}}
  %5 = ssm.kernel (%a = %0, %b = %q, %c = %s) schedule <lanes = 64, row_block = 1, col_block = 64, row_tile = 1, col_tile = 64> : (tensor<?x8xf32>, tensor<8x8xi8>, tensor<8x1xbf16>) -> tensor<?x8xf32> {
    %r = ssm.int8_rows %a : tensor<?x8xf32>
    %w8 = ssm.dequantize %b by %c bits 8 : tensor<8x8xi8>, tensor<8x1xbf16> -> tensor<8x8xf32>
    %y = ssm.linear %r, %w8 : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
    ssm.yield %y : tensor<?x8xf32>
  }
  return %2 : tensor<?x8xf32>
}
}
