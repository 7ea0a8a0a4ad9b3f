// RUN: mamba-opt %s --ssm-activation-precision=precision=bf16 | FileCheck %s
// RUN: mamba-opt %s --ssm-activation-precision=precision=f16 | FileCheck %s --check-prefix=F16
// RUN: mamba-opt %s --ssm-activation-precision >%t.none
// RUN: mamba-opt %s | diff - %t.none
// RUN: not mamba-opt %s --ssm-activation-precision=precision=int4 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// UNKNOWN-NOT: error:
// UNKNOWN: error: unknown precision of activations 'int4': use f32, bf16, f16 or int8
// UNKNOWN-NOT: error:

// What a projection alone reads is rounded where it is written and widened
// where it is read, before the split of it; the schedule stays.
// CHECK-LABEL: func.func @between
// CHECK: %[[Y:.*]] = ssm.kernel (%{{.*}}) schedule <row_block = 1> : (tensor<?x8xf32>) -> tensor<?x8xbf16>
// CHECK-NEXT: %[[V:.*]] = ssm.silu
// CHECK-NEXT: %[[R:.*]] = ssm.cast %[[V]] : tensor<?x8xf32> to tensor<?x8xbf16>
// CHECK-NEXT: ssm.yield %[[R]]
// CHECK: ssm.kernel (%[[A:.*]] = %[[Y]], %{{.*}}) : (tensor<?x8xbf16>, tensor<3x4xf32>)
// CHECK-NEXT: %[[W:.*]] = ssm.cast %[[A]] : tensor<?x8xbf16> to tensor<?x8xf32>
// CHECK-NEXT: ssm.split %[[W]]
// F16-LABEL: func.func @between
// F16: ssm.cast %{{.*}} : tensor<?x8xf32> to tensor<?x8xf16>
func.func @between(%x: tensor<?x8xf32>, %w: tensor<3x4xf32>) -> tensor<?x3xf32> {
  %y = ssm.kernel (%a = %x) schedule <row_block = 1> : (tensor<?x8xf32>) -> tensor<?x8xf32> {
    %s = ssm.silu %a : tensor<?x8xf32>
    ssm.yield %s : tensor<?x8xf32>
  }
  %z = ssm.kernel (%a = %y, %b = %w) : (tensor<?x8xf32>, tensor<3x4xf32>) -> tensor<?x3xf32> {
    %l, %r = ssm.split %a : tensor<?x8xf32> -> tensor<?x4xf32>, tensor<?x4xf32>
    %p = ssm.linear %r, %b : tensor<?x4xf32>, tensor<3x4xf32> -> tensor<?x3xf32>
    ssm.yield %p : tensor<?x3xf32>
  }
  return %z : tensor<?x3xf32>
}

// The residual stream is added up in f32: it is written twice, and the norm
// reads the rounded one. What is returned stays as it is.
// CHECK-LABEL: func.func @residual
// CHECK: %[[R:.*]]:2 = ssm.kernel {{.*}} -> (tensor<?x8xf32>, tensor<?x8xbf16>)
// CHECK-NEXT: %[[S:.*]] = ssm.add
// CHECK-NEXT: %[[N:.*]] = ssm.cast %[[S]]
// CHECK-NEXT: ssm.yield %[[S]], %[[N]]
// CHECK: %[[M:.*]] = ssm.kernel (%{{.*}} = %[[R]]#1) : (tensor<?x8xbf16>) -> tensor<?x8xf32>
// CHECK-NEXT: ssm.cast
// CHECK-NEXT: ssm.rms_norm
// CHECK: %[[T:.*]] = ssm.kernel (%{{.*}} = %[[R]]#0, %{{.*}} = %[[M]]) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK-NEXT: ssm.add
// CHECK: return %[[T]] : tensor<?x8xf32>
func.func @residual(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = ssm.kernel (%a = %x) : (tensor<?x8xf32>) -> tensor<?x8xf32> {
    %s = ssm.add %a, %a : tensor<?x8xf32>
    ssm.yield %s : tensor<?x8xf32>
  }
  %n = ssm.kernel (%a = %y) : (tensor<?x8xf32>) -> tensor<?x8xf32> {
    %s = ssm.rms_norm %a eps 1.0e-05 : tensor<?x8xf32>
    ssm.yield %s : tensor<?x8xf32>
  }
  %z = ssm.kernel (%a = %y, %b = %n) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
    %s = ssm.add %a, %b : tensor<?x8xf32>
    ssm.yield %s : tensor<?x8xf32>
  }
  return %z : tensor<?x8xf32>
}

// A result that is returned and read: the caller gets f32.
// CHECK-LABEL: func.func @returned
// CHECK: %[[Y:.*]]:2 = ssm.kernel {{.*}} -> (tensor<?x8xf32>, tensor<?x8xbf16>)
// CHECK: ssm.kernel (%{{.*}} = %[[Y]]#1)
// CHECK: return %[[Y]]#0
func.func @returned(%x: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %y = ssm.kernel (%a = %x) : (tensor<?x8xf32>) -> tensor<?x8xf32> {
    %s = ssm.silu %a : tensor<?x8xf32>
    ssm.yield %s : tensor<?x8xf32>
  }
  %z = ssm.kernel (%a = %y) : (tensor<?x8xf32>) -> tensor<?x8xf32> {
    %s = ssm.silu %a : tensor<?x8xf32>
    ssm.yield %s : tensor<?x8xf32>
  }
  return %y, %z : tensor<?x8xf32>, tensor<?x8xf32>
}

// Near miss: one kernel reads it in a norm and in a sum.
// CHECK-LABEL: func.func @read_twice
// CHECK-NOT: bf16
// CHECK: return
func.func @read_twice(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = ssm.kernel (%a = %x) : (tensor<?x8xf32>) -> tensor<?x8xf32> {
    %s = ssm.silu %a : tensor<?x8xf32>
    ssm.yield %s : tensor<?x8xf32>
  }
  %z = ssm.kernel (%a = %y) : (tensor<?x8xf32>) -> tensor<?x8xf32> {
    %n = ssm.rms_norm %a eps 1.0e-05 : tensor<?x8xf32>
    %s = ssm.add %n, %a : tensor<?x8xf32>
    ssm.yield %s : tensor<?x8xf32>
  }
  return %z : tensor<?x8xf32>
}

// Of a scan u and z may be rounded; dt, what a projection or a softplus makes
// it of, B, C and the state may not.
// CHECK-LABEL: func.func @scan
// CHECK: %[[UZ:.*]] = ssm.kernel {{.*}} -> tensor<?x16xbf16>
// CHECK: %[[ROWS:.*]] = ssm.kernel {{.*}} -> tensor<?x10xf32>
// CHECK: ssm.kernel (%[[A:.*]] = %[[UZ]], %{{.*}} = %[[ROWS]],
// CHECK-SAME: (tensor<?x16xbf16>, tensor<?x10xf32>, tensor<8x2xf32>, tensor<8x4xf32>, tensor<?x8x4xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
// CHECK-NEXT: ssm.cast %[[A]] : tensor<?x16xbf16> to tensor<?x16xf32>
// CHECK-NOT: ssm.cast
// CHECK: return
func.func @scan(%x: tensor<?x16xf32>, %p: tensor<?x10xf32>, %w: tensor<8x2xf32>, %A: tensor<8x4xf32>, %h: tensor<?x8x4xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>) {
  %uz = ssm.kernel (%a = %x) : (tensor<?x16xf32>) -> tensor<?x16xf32> {
    %s = ssm.silu %a : tensor<?x16xf32>
    ssm.yield %s : tensor<?x16xf32>
  }
  %rows = ssm.kernel (%a = %p) : (tensor<?x10xf32>) -> tensor<?x10xf32> {
    %s = ssm.silu %a : tensor<?x10xf32>
    ssm.yield %s : tensor<?x10xf32>
  }
  %y, %h1 = ssm.kernel (%a = %uz, %b = %rows, %c = %w, %d = %A, %e = %h, %f = %batch)
    : (tensor<?x16xf32>, tensor<?x10xf32>, tensor<8x2xf32>, tensor<8x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>) {
    %u, %z = ssm.split %a : tensor<?x16xf32> -> tensor<?x8xf32>, tensor<?x8xf32>
    %r, %B, %C = ssm.split %b : tensor<?x10xf32> -> tensor<?x2xf32>, tensor<?x4xf32>, tensor<?x4xf32>
    %l = ssm.linear %r, %c : tensor<?x2xf32>, tensor<8x2xf32> -> tensor<?x8xf32>
    %dt = ssm.softplus %l : tensor<?x8xf32>
    %s, %t = ssm.selective_scan %u delta %dt A %d B %B C %C gate %z state %e of %f
      : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8xf32>, tensor<?x8x4xf32>, !ssm.batch)
      -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
    ssm.yield %s, %t : tensor<?x8xf32>, tensor<?x8x4xf32>
  }
  return %y, %h1 : tensor<?x8xf32>, tensor<?x8x4xf32>
}

// The same with a norm of what dt is projected from, of B and of C: it only scales.
// CHECK-LABEL: func.func @normed_scan
// CHECK-NOT: bf16
// CHECK: return
func.func @normed_scan(%u: tensor<?x8xf32>, %p: tensor<?x10xf32>, %w: tensor<8x2xf32>, %A: tensor<8x4xf32>, %h: tensor<?x8x4xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>) {
  %rows = ssm.kernel (%a = %p) : (tensor<?x10xf32>) -> tensor<?x10xf32> {
    %s = ssm.silu %a : tensor<?x10xf32>
    ssm.yield %s : tensor<?x10xf32>
  }
  %y, %h1 = ssm.kernel (%a = %u, %b = %rows, %c = %w, %d = %A, %e = %h, %f = %batch)
    : (tensor<?x8xf32>, tensor<?x10xf32>, tensor<8x2xf32>, tensor<8x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>) {
    %r, %B, %C = ssm.split %b : tensor<?x10xf32> -> tensor<?x2xf32>, tensor<?x4xf32>, tensor<?x4xf32>
    %rn = ssm.rms_norm %r eps 1.0e-06 : tensor<?x2xf32>
    %Bn = ssm.rms_norm %B eps 1.0e-06 : tensor<?x4xf32>
    %Cn = ssm.rms_norm %C eps 1.0e-06 : tensor<?x4xf32>
    %l = ssm.linear %rn, %c : tensor<?x2xf32>, tensor<8x2xf32> -> tensor<?x8xf32>
    %dt = ssm.softplus %l : tensor<?x8xf32>
    %s, %t = ssm.selective_scan %a delta %dt A %d B %Bn C %Cn state %e of %f
      : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
      -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
    ssm.yield %s, %t : tensor<?x8xf32>, tensor<?x8x4xf32>
  }
  return %y, %h1 : tensor<?x8xf32>, tensor<?x8x4xf32>
}

// A convolution's y is rounded, its state is not. Near miss: one that the
// caller gets too stays f32 for all, for such a kernel writes its rows once.
// CHECK-LABEL: func.func @states
// CHECK: ssm.kernel {{.*}} -> (tensor<?x8xbf16>, tensor<?x3x8xf32>)
// CHECK: %[[Y:.*]]:2 = ssm.kernel {{.*}} -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
// CHECK: ssm.kernel (%{{.*}} = %[[Y]]#0) : (tensor<?x8xf32>) -> tensor<?x8xf32>
func.func @states(%x: tensor<?x8xf32>, %w: tensor<8x4xf32>, %s: tensor<?x3x8xf32>, %t: tensor<?x3x8xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x3x8xf32>, tensor<?x3x8xf32>) {
  %y, %s1 = ssm.kernel (%a = %x, %b = %w, %c = %s, %d = %batch)
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>) {
    %e, %f = ssm.conv1d %a, %b state %c of %d
      : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
    ssm.yield %e, %f : tensor<?x8xf32>, tensor<?x3x8xf32>
  }
  %z, %t1 = ssm.kernel (%a = %y, %b = %w, %c = %t, %d = %batch)
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>) {
    %e, %f = ssm.conv1d %a, %b state %c of %d
      : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
    ssm.yield %e, %f : tensor<?x8xf32>, tensor<?x3x8xf32>
  }
  %n = ssm.kernel (%a = %z) : (tensor<?x8xf32>) -> tensor<?x8xf32> {
    %e = ssm.rms_norm %a eps 1.0e-05 : tensor<?x8xf32>
    ssm.yield %e : tensor<?x8xf32>
  }
  return %z, %n, %s1, %t1 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x3x8xf32>, tensor<?x3x8xf32>
}

// Near misses: logits that are sampled from, and arguments of the function.
// CHECK-LABEL: func.func @sampled
// CHECK-NOT: bf16
// CHECK: return
func.func @sampled(%x: tensor<?x8xf32>) -> tensor<?xi32> {
  %y = ssm.kernel (%a = %x) : (tensor<?x8xf32>) -> tensor<?x8xf32> {
    %s = ssm.silu %a : tensor<?x8xf32>
    ssm.yield %s : tensor<?x8xf32>
  }
  %t = ssm.kernel (%a = %y) : (tensor<?x8xf32>) -> tensor<?xi32> {
    %s = ssm.argmax %a valid 7 : tensor<?x8xf32> -> tensor<?xi32>
    ssm.yield %s : tensor<?xi32>
  }
  return %t : tensor<?xi32>
}
