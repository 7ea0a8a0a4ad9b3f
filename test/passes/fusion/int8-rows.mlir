// RUN: mamba-opt %s --ssm-activation-precision=precision=int8 --split-input-file | FileCheck %s
// RUN: mamba-opt %s --ssm-activation-precision=precision=bf16 --split-input-file | FileCheck %s --check-prefix=BF16

// BF16-NOT: int8_rows

// A projection by a quantised matrix reads its rows as int8, before the norm. Near
// miss: one by a matrix of bf16.
// CHECK-LABEL: func.func @quantised
// CHECK: ssm.kernel (%[[A:.*]] = %{{.*}}, %[[B:.*]] = %{{.*}}, %[[C:.*]] = %{{.*}}) :
// CHECK-NEXT: %[[R:.*]] = ssm.int8_rows %[[A]] : tensor<?x8xf32>
// CHECK-NEXT: %[[N:.*]] = ssm.rms_norm %[[R]]
// CHECK-NEXT: %[[W:.*]] = ssm.dequantize %[[B]] by %[[C]]
// CHECK-NEXT: ssm.linear %[[N]], %[[W]]
// CHECK: ssm.kernel
// CHECK-NOT: int8_rows
// CHECK: return
module attributes {ssm.target = "cpu:x86-64-v3"} {
func.func @quantised(%x: tensor<?x8xf32>, %q: tensor<4x8xi8>, %s: tensor<4x1xbf16>, %w: tensor<4x8xbf16>)
    -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %0 = ssm.kernel (%a = %x, %b = %q, %c = %s) : (tensor<?x8xf32>, tensor<4x8xi8>, tensor<4x1xbf16>) -> tensor<?x4xf32> {
    %n = ssm.rms_norm %a eps 1.0e-05 : tensor<?x8xf32>
    %d = ssm.dequantize %b by %c bits 8 : tensor<4x8xi8>, tensor<4x1xbf16> -> tensor<4x8xf32>
    %y = ssm.linear %n, %d : tensor<?x8xf32>, tensor<4x8xf32> -> tensor<?x4xf32>
    ssm.yield %y : tensor<?x4xf32>
  }
  %1 = ssm.kernel (%a = %x, %b = %w) : (tensor<?x8xf32>, tensor<4x8xbf16>) -> tensor<?x4xf32> {
    %y = ssm.linear %a, %b : tensor<?x8xf32>, tensor<4x8xbf16> -> tensor<?x4xf32>
    ssm.yield %y : tensor<?x4xf32>
  }
  return %0, %1 : tensor<?x4xf32>, tensor<?x4xf32>
}
}

// -----

// With tiles, many rows of bf16 stay as they are; few of them do not, and neither do
// rows of f32.
// CHECK-LABEL: func.func @many
// CHECK-NOT: int8_rows
// CHECK: return
// CHECK-LABEL: func.func @few
// CHECK: ssm.cast
// CHECK: ssm.int8_rows
// CHECK: return
// CHECK-LABEL: func.func @many_f32
// CHECK: ssm.int8_rows
// CHECK: return
module attributes {ssm.target = "cpu:x86-64-v4-amx"} {
func.func @many(%x: tensor<?x8xbf16>, %q: tensor<4x8xi8>, %s: tensor<4x1xbf16>) -> tensor<?x4xf32>
    attributes {ssm.class = "prefill"} {
  %0 = ssm.kernel (%a = %x, %b = %q, %c = %s) : (tensor<?x8xbf16>, tensor<4x8xi8>, tensor<4x1xbf16>) -> tensor<?x4xf32> {
    %n = ssm.cast %a : tensor<?x8xbf16> to tensor<?x8xf32>
    %d = ssm.dequantize %b by %c bits 8 : tensor<4x8xi8>, tensor<4x1xbf16> -> tensor<4x8xf32>
    %y = ssm.linear %n, %d : tensor<?x8xf32>, tensor<4x8xf32> -> tensor<?x4xf32>
    ssm.yield %y : tensor<?x4xf32>
  }
  return %0 : tensor<?x4xf32>
}
func.func @few(%x: tensor<?x8xbf16>, %q: tensor<4x8xi8>, %s: tensor<4x1xbf16>) -> tensor<?x4xf32>
    attributes {ssm.class = "few"} {
  %0 = ssm.kernel (%a = %x, %b = %q, %c = %s) : (tensor<?x8xbf16>, tensor<4x8xi8>, tensor<4x1xbf16>) -> tensor<?x4xf32> {
    %n = ssm.cast %a : tensor<?x8xbf16> to tensor<?x8xf32>
    %d = ssm.dequantize %b by %c bits 8 : tensor<4x8xi8>, tensor<4x1xbf16> -> tensor<4x8xf32>
    %y = ssm.linear %n, %d : tensor<?x8xf32>, tensor<4x8xf32> -> tensor<?x4xf32>
    ssm.yield %y : tensor<?x4xf32>
  }
  return %0 : tensor<?x4xf32>
}
func.func @many_f32(%x: tensor<?x8xf32>, %q: tensor<4x8xi8>, %s: tensor<4x1xbf16>) -> tensor<?x4xf32>
    attributes {ssm.class = "prefill"} {
  %0 = ssm.kernel (%a = %x, %b = %q, %c = %s) : (tensor<?x8xf32>, tensor<4x8xi8>, tensor<4x1xbf16>) -> tensor<?x4xf32> {
    %d = ssm.dequantize %b by %c bits 8 : tensor<4x8xi8>, tensor<4x1xbf16> -> tensor<4x8xf32>
    %y = ssm.linear %a, %d : tensor<?x8xf32>, tensor<4x8xf32> -> tensor<?x4xf32>
    ssm.yield %y : tensor<?x4xf32>
  }
  return %0 : tensor<?x4xf32>
}
}
