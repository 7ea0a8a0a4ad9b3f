// RUN: mamba-opt %s --ssm-assign-schedules --split-input-file --verify-diagnostics | FileCheck %s

// Casts stand at the border of a kernel: rows are f32 between them.
module attributes {ssm.target = "cuda:sm_80"} {

// A cast of rows by itself, from and to; a part of wider rows, cast or of cast
// rows; two precisions at once.
// CHECK-LABEL: func.func @casts
// CHECK-COUNT-5: ssm.kernel {{.*}} schedule
func.func @casts(%x: tensor<?x8xf32>, %y: tensor<?x8xbf16>) -> tensor<?x8xbf16> {
  %0 = ssm.kernel (%a = %x) : (tensor<?x8xf32>) -> tensor<?x8xbf16> {
    %c = ssm.cast %a : tensor<?x8xf32> to tensor<?x8xbf16>
    ssm.yield %c : tensor<?x8xbf16>
  }
  %1 = ssm.kernel (%a = %0) : (tensor<?x8xbf16>) -> tensor<?x8xf32> {
    %c = ssm.cast %a : tensor<?x8xbf16> to tensor<?x8xf32>
    ssm.yield %c : tensor<?x8xf32>
  }
  %2 = ssm.kernel (%a = %0) : (tensor<?x8xbf16>) -> tensor<?x4xf16> {
    %l, %r = ssm.split %a : tensor<?x8xbf16> -> tensor<?x4xbf16>, tensor<?x4xbf16>
    %c = ssm.cast %r : tensor<?x4xbf16> to tensor<?x4xf32>
    %s = ssm.silu %c : tensor<?x4xf32>
    %n = ssm.cast %s : tensor<?x4xf32> to tensor<?x4xf16>
    ssm.yield %n : tensor<?x4xf16>
  }
  %3 = ssm.kernel (%a = %0) : (tensor<?x8xbf16>) -> tensor<?x4xf32> {
    %c = ssm.cast %a : tensor<?x8xbf16> to tensor<?x8xf32>
    %l, %r = ssm.split %c : tensor<?x8xf32> -> tensor<?x4xf32>, tensor<?x4xf32>
    %s = ssm.rms_norm %r eps 1.0e-05 : tensor<?x4xf32>
    ssm.yield %s : tensor<?x4xf32>
  }
  %4 = ssm.kernel (%a = %2, %b = %3) : (tensor<?x4xf16>, tensor<?x4xf32>) -> tensor<?x4xf32> {
    %c = ssm.cast %a : tensor<?x4xf16> to tensor<?x4xf32>
    %s = ssm.add %c, %b : tensor<?x4xf32>
    ssm.yield %s : tensor<?x4xf32>
  }
  return %0 : tensor<?x8xbf16>
}

// One matrix that two kernels read quantised; what a projection gives in two
// precisions.
// CHECK-LABEL: func.func @quantised
// CHECK-COUNT-2: ssm.kernel {{.*}} schedule
func.func @quantised(%t: tensor<?xi32>, %q: tensor<9x16xi8>, %s: tensor<9x1xbf16>) -> tensor<?x9xf32> {
  %0 = ssm.kernel (%a = %q, %b = %s, %c = %t) : (tensor<9x16xi8>, tensor<9x1xbf16>, tensor<?xi32>) -> tensor<?x32xf32> {
    %w = ssm.dequantize %a by %b bits 4 : tensor<9x16xi8>, tensor<9x1xbf16> -> tensor<9x32xf32>
    %e = ssm.embedding %w[%c] : tensor<9x32xf32>, tensor<?xi32> -> tensor<?x32xf32>
    ssm.yield %e : tensor<?x32xf32>
  }
  %1:2 = ssm.kernel (%a = %q, %b = %s, %c = %0) : (tensor<9x16xi8>, tensor<9x1xbf16>, tensor<?x32xf32>) -> (tensor<?x9xf32>, tensor<?x9xbf16>) {
    %w = ssm.dequantize %a by %b bits 4 : tensor<9x16xi8>, tensor<9x1xbf16> -> tensor<9x32xf32>
    %y = ssm.linear %c, %w : tensor<?x32xf32>, tensor<9x32xf32> -> tensor<?x9xf32>
    %n = ssm.cast %y : tensor<?x9xf32> to tensor<?x9xbf16>
    ssm.yield %y, %n : tensor<?x9xf32>, tensor<?x9xbf16>
  }
  return %1#0 : tensor<?x9xf32>
}
}

// -----

module attributes {ssm.target = "cuda:sm_80"} {
// Near misses: ops on narrow rows, a value that is rounded between two ops, and
// a cast between two narrow types.
func.func @inside(%x: tensor<?x8xbf16>, %w: tensor<8x8xbf16>) -> tensor<?x8xbf16> {
  // expected-error @below {{rows are f32 inside of a kernel: cast them where it reads and where it yields}}
  %0 = ssm.kernel (%a = %x) : (tensor<?x8xbf16>) -> tensor<?x8xbf16> {
    %s = ssm.silu %a : tensor<?x8xbf16>
    ssm.yield %s : tensor<?x8xbf16>
  }
  // expected-error @below {{rows are f32 inside of a kernel}}
  %1 = ssm.kernel (%a = %0, %b = %w) : (tensor<?x8xbf16>, tensor<8x8xbf16>) -> tensor<?x8xbf16> {
    %s = ssm.linear %a, %b : tensor<?x8xbf16>, tensor<8x8xbf16> -> tensor<?x8xbf16>
    ssm.yield %s : tensor<?x8xbf16>
  }
  // expected-error @below {{rows are f32 inside of a kernel}}
  %2 = ssm.kernel (%a = %1) : (tensor<?x8xbf16>) -> tensor<?x8xf32> {
    %c = ssm.cast %a : tensor<?x8xbf16> to tensor<?x8xf32>
    %s = ssm.silu %c : tensor<?x8xf32>
    %n = ssm.cast %s : tensor<?x8xf32> to tensor<?x8xf16>
    %d = ssm.cast %n : tensor<?x8xf16> to tensor<?x8xf32>
    %t = ssm.silu %d : tensor<?x8xf32>
    ssm.yield %t : tensor<?x8xf32>
  }
  // expected-error @below {{rows are f32 inside of a kernel}}
  %3 = ssm.kernel (%a = %1) : (tensor<?x8xbf16>) -> tensor<?x8xf16> {
    %c = ssm.cast %a : tensor<?x8xbf16> to tensor<?x8xf16>
    ssm.yield %c : tensor<?x8xf16>
  }
  return %1 : tensor<?x8xbf16>
}
}

// -----

module attributes {ssm.target = "cuda:sm_80"} {
// Near misses: a convolution's taps and A of a scan are no quantised operands.
func.func @small_weights(%x: tensor<?x8xf32>, %q: tensor<8x4xi8>, %s: tensor<8x1xbf16>, %p: tensor<?x3x8xf32>, %h: tensor<?x8x4xf32>,
                         %B: tensor<4xf32>, %batch: !ssm.batch) -> (tensor<?x3x8xf32>, tensor<?x8x4xf32>) {
  // expected-error @below {{an input of the convolution is computed in the kernel}}
  %0:2 = ssm.kernel (%a = %x, %b = %q, %c = %s, %d = %p, %e = %batch)
    : (tensor<?x8xf32>, tensor<8x4xi8>, tensor<8x1xbf16>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>) {
    %w = ssm.dequantize %b by %c bits 8 : tensor<8x4xi8>, tensor<8x1xbf16> -> tensor<8x4xf32>
    %y, %t = ssm.conv1d %a, %w state %d of %e
      : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
    ssm.yield %y, %t : tensor<?x8xf32>, tensor<?x3x8xf32>
  }
  // expected-error @below {{an input of the scan is computed in the kernel, and is not dt}}
  %1:2 = ssm.kernel (%a = %x, %b = %q, %c = %s, %d = %h, %e = %B, %f = %batch)
    : (tensor<?x8xf32>, tensor<8x4xi8>, tensor<8x1xbf16>, tensor<?x8x4xf32>, tensor<4xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x8x4xf32>) {
    %A = ssm.dequantize %b by %c bits 8 : tensor<8x4xi8>, tensor<8x1xbf16> -> tensor<8x4xf32>
    %y, %t = ssm.selective_scan %a delta %a A %A B %e C %e state %d of %f
      : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<?x8x4xf32>, !ssm.batch)
      -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
    ssm.yield %y, %t : tensor<?x8xf32>, tensor<?x8x4xf32>
  }
  return %0#1, %1#1 : tensor<?x3x8xf32>, tensor<?x8x4xf32>
}
}
