// RUN: mamba-opt %s --ssm-form-kernels --ssm-fuse-norm-linear --ssm-fuse-scan --remarks-filter=fusion 2>&1 | FileCheck %s

module attributes {ssm.target = "cpu:x86-64-v4"} {

// CHECK: remark: [Missed] ssm-fuse-scan | Category:fusion | Reason="the scan's y has another reader"
// CHECK: remark: {{.*}} Reason="the scan's y gates instead of being gated"
// CHECK: remark: {{.*}} Reason="the time step has another reader"
// CHECK: remark: {{.*}} Reason="softplus twice, or a bias after it"
// CHECK: remark: {{.*}} Reason="a scan has at most 256 states
// CHECK: remark: {{.*}} Reason="the norm of B or C has another reader"
// CHECK: remark: {{.*}} Reason="an input of the scan is computed in the kernel, and is not dt, u by a convolution or a norm without a weight of what dt is projected from, of B or of C"
// CHECK-NOT: remark

// All that Mamba has around its scan; the parts of one whole are one split.
// CHECK-LABEL: func.func @fuses
// CHECK-SAME: (%[[U:.*]]: tensor<?x8xf32>, %[[XZ:.*]]: tensor<?x16xf32>, %[[DBC:.*]]: tensor<?x10xf32>, %[[H:.*]]: tensor<?x8x4xf32>, %[[BATCH:.*]]: !ssm.batch)
// CHECK: %[[W:.*]] = ssm.weight "w"
// CHECK: %[[BIAS:.*]] = ssm.weight "bias"
// CHECK: %[[A:.*]] = ssm.weight "A"
// CHECK: %[[SKIP:.*]] = ssm.weight "D"
// CHECK: %[[R:.*]]:2 = ssm.kernel (%[[DBCI:.*]] = %[[DBC]], %[[WI:.*]] = %[[W]], %[[BIASI:.*]] = %[[BIAS]], %[[UI:.*]] = %[[U]], %[[AI:.*]] = %[[A]], %[[SKIPI:.*]] = %[[SKIP]], %[[HI:.*]] = %[[H]], %[[BATCHI:.*]] = %[[BATCH]], %[[XZI:.*]] = %[[XZ]]) :
// CHECK-NEXT: %[[P:.*]]:3 = ssm.split %[[DBCI]]
// CHECK-NEXT: %[[L:.*]] = ssm.linear %[[P]]#0, %[[WI]] bias %[[BIASI]]
// CHECK-NEXT: %[[DT:.*]] = ssm.softplus %[[L]]
// CHECK-NEXT: %[[Y:.*]], %[[H1:.*]] = ssm.selective_scan %[[UI]] delta %[[DT]] A %[[AI]] log2 B %[[P]]#1 C %[[P]]#2 skip %[[SKIPI]] state %[[HI]] of %[[BATCHI]]
// CHECK-NEXT: %[[Q:.*]]:2 = ssm.split %[[XZI]]
// CHECK-NEXT: %[[G:.*]] = ssm.gate %[[Y]], %[[Q]]#1
// CHECK-NEXT: ssm.yield %[[G]], %[[H1]]
// CHECK-NEXT: }
// CHECK-NEXT: return %[[R]]#0, %[[R]]#1
func.func @fuses(%u: tensor<?x8xf32>, %xz: tensor<?x16xf32>, %dbc: tensor<?x10xf32>, %h: tensor<?x8x4xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>) {
  %w = ssm.weight "w" : tensor<8x2xf32>
  %bias = ssm.weight "bias" : tensor<8xf32>
  %A = ssm.weight "A" : tensor<8x4xf32>
  %D = ssm.weight "D" : tensor<8xf32>
  %x, %z = ssm.split %xz : tensor<?x16xf32> -> tensor<?x8xf32>, tensor<?x8xf32>
  %d, %B, %C = ssm.split %dbc : tensor<?x10xf32> -> tensor<?x2xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  %p = ssm.linear %d, %w bias %bias : tensor<?x2xf32>, tensor<8x2xf32>, tensor<8xf32> -> tensor<?x8xf32>
  %dt = ssm.softplus %p : tensor<?x8xf32>
  %y, %h1 = ssm.selective_scan %u delta %dt A %A log2 B %B C %C skip %D state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<8xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  %g = ssm.gate %y, %z : tensor<?x8xf32>
  return %g, %h1 : tensor<?x8xf32>, tensor<?x8x4xf32>
}

// The scan has the softplus itself: the projection is next to it.
// CHECK-LABEL: func.func @softplus_of_the_scan
// CHECK: ssm.kernel
// CHECK-NEXT: %[[L:.*]] = ssm.linear
// CHECK-NEXT: ssm.selective_scan %{{.*}} delta %[[L]] softplus
// CHECK-NOT: ssm.kernel
func.func @softplus_of_the_scan(%u: tensor<?x8xf32>, %d: tensor<?x2xf32>, %B: tensor<?x4xf32>, %h: tensor<?x8x4xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>) {
  %w = ssm.weight "w" : tensor<8x2xf32>
  %A = ssm.weight "A" : tensor<8x4xf32>
  %p = ssm.linear %d, %w : tensor<?x2xf32>, tensor<8x2xf32> -> tensor<?x8xf32>
  %y, %h1 = ssm.selective_scan %u delta %p softplus A %A B %B C %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  return %y, %h1 : tensor<?x8xf32>, tensor<?x8x4xf32>
}

// The gate alone, where the time step is an argument.
// CHECK-LABEL: func.func @gate_alone
// CHECK: ssm.kernel
// CHECK-NEXT: %[[Y:.*]], %{{.*}} = ssm.selective_scan
// CHECK-NEXT: ssm.gate %[[Y]], %{{.*}}
// CHECK-NOT: ssm.kernel
func.func @gate_alone(%u: tensor<?x8xf32>, %dt: tensor<?x8xf32>, %z: tensor<?x8xf32>, %B: tensor<?x4xf32>, %h: tensor<?x8x4xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>) {
  %A = ssm.weight "A" : tensor<8x4xf32>
  %y, %h1 = ssm.selective_scan %u delta %dt A %A B %B C %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  %g = ssm.gate %y, %z : tensor<?x8xf32>
  return %g, %h1 : tensor<?x8xf32>, tensor<?x8x4xf32>
}

// Near miss: y is returned as well as gated; the time step is fused all the same.
// CHECK-LABEL: func.func @y_is_read_twice
// CHECK: %[[R:.*]]:2 = ssm.kernel
// CHECK-NEXT: ssm.softplus
// CHECK-NEXT: ssm.selective_scan
// CHECK-NEXT: ssm.yield
// CHECK: ssm.kernel (%{{.*}} = %[[R]]#0, %{{.*}} = %{{.*}})
// CHECK-NEXT: ssm.gate
func.func @y_is_read_twice(%u: tensor<?x8xf32>, %p: tensor<?x8xf32>, %z: tensor<?x8xf32>, %B: tensor<?x4xf32>, %h: tensor<?x8x4xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8x4xf32>) {
  %A = ssm.weight "A" : tensor<8x4xf32>
  %dt = ssm.softplus %p : tensor<?x8xf32>
  %y, %h1 = ssm.selective_scan %u delta %dt A %A B %B C %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  %g = ssm.gate %y, %z : tensor<?x8xf32>
  return %g, %y, %h1 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8x4xf32>
}

// Near miss: y is the z of the gate, not its x.
// CHECK-LABEL: func.func @y_gates
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.selective_scan
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.gate
func.func @y_gates(%u: tensor<?x8xf32>, %dt: tensor<?x8xf32>, %z: tensor<?x8xf32>, %B: tensor<?x4xf32>, %h: tensor<?x8x4xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>) {
  %A = ssm.weight "A" : tensor<8x4xf32>
  %y, %h1 = ssm.selective_scan %u delta %dt A %A B %B C %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  %g = ssm.gate %z, %y : tensor<?x8xf32>
  return %g, %h1 : tensor<?x8xf32>, tensor<?x8x4xf32>
}

// Near miss: the time step is returned, so it and its projection stay.
// CHECK-LABEL: func.func @time_step_is_returned
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.linear
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.softplus
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.selective_scan
func.func @time_step_is_returned(%u: tensor<?x8xf32>, %d: tensor<?x2xf32>, %B: tensor<?x4xf32>, %h: tensor<?x8x4xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8x4xf32>) {
  %w = ssm.weight "w" : tensor<8x2xf32>
  %A = ssm.weight "A" : tensor<8x4xf32>
  %p = ssm.linear %d, %w : tensor<?x2xf32>, tensor<8x2xf32> -> tensor<?x8xf32>
  %dt = ssm.softplus %p : tensor<?x8xf32>
  %y, %h1 = ssm.selective_scan %u delta %dt A %A B %B C %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  return %y, %dt, %h1 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8x4xf32>
}

// Near miss: the target refuses a softplus before the bias of the scan; it takes
// the gate, so that much is fused.
// CHECK-LABEL: func.func @takes_a_part
// CHECK: %[[DT:.*]] = ssm.kernel
// CHECK-NEXT: ssm.softplus
// CHECK: ssm.kernel (%{{.*}} = %{{.*}}, %{{.*}} = %[[DT]],
// CHECK-NEXT: ssm.selective_scan
// CHECK-NEXT: ssm.gate
func.func @takes_a_part(%u: tensor<?x8xf32>, %p: tensor<?x8xf32>, %z: tensor<?x8xf32>, %B: tensor<?x4xf32>, %h: tensor<?x8x4xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>) {
  %A = ssm.weight "A" : tensor<8x4xf32>
  %b = ssm.weight "b" : tensor<8xf32>
  %dt = ssm.softplus %p : tensor<?x8xf32>
  %y, %h1 = ssm.selective_scan %u delta %dt bias %b A %A B %B C %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  %g = ssm.gate %y, %z : tensor<?x8xf32>
  return %g, %h1 : tensor<?x8xf32>, tensor<?x8x4xf32>
}

// Near miss: no scan of 257 states is generated, whatever is around it.
// CHECK-LABEL: func.func @target_refuses
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.linear
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.selective_scan
// CHECK: ssm.kernel
// CHECK-NEXT: ssm.gate
func.func @target_refuses(%u: tensor<?x8xf32>, %d: tensor<?x2xf32>, %z: tensor<?x8xf32>, %B: tensor<?x257xf32>, %h: tensor<?x8x257xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x257xf32>) {
  %w = ssm.weight "w" : tensor<8x2xf32>
  %A = ssm.weight "A" : tensor<8x257xf32>
  %p = ssm.linear %d, %w : tensor<?x2xf32>, tensor<8x2xf32> -> tensor<?x8xf32>
  %y, %h1 = ssm.selective_scan %u delta %p softplus A %A B %B C %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x257xf32>, tensor<?x257xf32>, tensor<?x257xf32>, tensor<?x8x257xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x257xf32>)
  %g = ssm.gate %y, %z : tensor<?x8xf32>
  return %g, %h1 : tensor<?x8xf32>, tensor<?x8x257xf32>
}

// The norms that Falcon-Mamba has: what dt is projected from is normed in the
// projection's kernel, B and C by kernels of their own.
// CHECK-LABEL: func.func @norms
// CHECK: ssm.kernel
// CHECK-NEXT: %[[P:.*]]:3 = ssm.split
// CHECK-DAG: %[[D:.*]] = ssm.rms_norm %[[P]]#0 eps
// CHECK-DAG: %[[B:.*]] = ssm.rms_norm %[[P]]#1 eps
// CHECK-DAG: %[[C:.*]] = ssm.rms_norm %[[P]]#2 eps
// CHECK: %[[L:.*]] = ssm.linear %[[D]],
// CHECK-NEXT: ssm.selective_scan %{{.*}} delta %[[L]] softplus A %{{.*}} B %[[B]] C %[[C]] state
// CHECK-NOT: ssm.kernel
func.func @norms(%u: tensor<?x8xf32>, %dbc: tensor<?x10xf32>, %h: tensor<?x8x4xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>) {
  %w = ssm.weight "w" : tensor<8x2xf32>
  %A = ssm.weight "A" : tensor<8x4xf32>
  %d, %B, %C = ssm.split %dbc : tensor<?x10xf32> -> tensor<?x2xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  %dn = ssm.rms_norm %d eps 1.0e-06 : tensor<?x2xf32>
  %Bn = ssm.rms_norm %B eps 1.0e-06 : tensor<?x4xf32>
  %Cn = ssm.rms_norm %C eps 1.0e-06 : tensor<?x4xf32>
  %p = ssm.linear %dn, %w : tensor<?x2xf32>, tensor<8x2xf32> -> tensor<?x8xf32>
  %y, %h1 = ssm.selective_scan %u delta %p softplus A %A B %Bn C %Cn state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  return %y, %h1 : tensor<?x8xf32>, tensor<?x8x4xf32>
}

// One norm may be that of B and of C.
// CHECK-LABEL: func.func @one_norm
// CHECK: ssm.kernel
// CHECK-NEXT: %[[N:.*]] = ssm.rms_norm
// CHECK-NEXT: ssm.selective_scan %{{.*}} B %[[N]] C %[[N]]
// CHECK-NOT: ssm.kernel
func.func @one_norm(%u: tensor<?x8xf32>, %dt: tensor<?x8xf32>, %B: tensor<?x4xf32>, %h: tensor<?x8x4xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>) {
  %A = ssm.weight "A" : tensor<8x4xf32>
  %Bn = ssm.rms_norm %B eps 1.0e-06 : tensor<?x4xf32>
  %y, %h1 = ssm.selective_scan %u delta %dt A %A B %Bn C %Bn state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  return %y, %h1 : tensor<?x8xf32>, tensor<?x8x4xf32>
}

// Near miss: the norm is returned too, and stays in memory.
// CHECK-LABEL: func.func @norm_is_returned
// CHECK: %[[N:.*]] = ssm.kernel
// CHECK-NEXT: ssm.rms_norm
// CHECK: ssm.kernel ({{.*}} = %[[N]]
// CHECK-NEXT: ssm.selective_scan
func.func @norm_is_returned(%u: tensor<?x8xf32>, %dt: tensor<?x8xf32>, %B: tensor<?x4xf32>, %h: tensor<?x8x4xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>) {
  %A = ssm.weight "A" : tensor<8x4xf32>
  %Bn = ssm.rms_norm %B eps 1.0e-06 : tensor<?x4xf32>
  %y, %h1 = ssm.selective_scan %u delta %dt A %A B %Bn C %Bn state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  return %y, %Bn, %h1 : tensor<?x8xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>
}

// Near miss: a norm with a weight is no factor of its row. That of C and the gate
// are fused all the same.
// CHECK-LABEL: func.func @norm_with_a_weight
// CHECK: %[[N:.*]] = ssm.kernel
// CHECK-NEXT: ssm.rms_norm %{{.*}} weight
// CHECK: ssm.kernel
// CHECK-NEXT: %[[C:.*]] = ssm.rms_norm
// CHECK-NEXT: %[[Y:.*]], %{{.*}} = ssm.selective_scan %{{.*}} C %[[C]]
// CHECK-NEXT: ssm.gate %[[Y]]
// CHECK-NOT: ssm.kernel
func.func @norm_with_a_weight(%u: tensor<?x8xf32>, %dt: tensor<?x8xf32>, %z: tensor<?x8xf32>, %B: tensor<?x4xf32>, %C: tensor<?x4xf32>, %h: tensor<?x8x4xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>) {
  %A = ssm.weight "A" : tensor<8x4xf32>
  %w = ssm.weight "w" : tensor<4xf32>
  %Bn = ssm.rms_norm %B weight %w eps 1.0e-06 : tensor<?x4xf32>, tensor<4xf32>
  %Cn = ssm.rms_norm %C eps 1.0e-06 : tensor<?x4xf32>
  %y, %h1 = ssm.selective_scan %u delta %dt A %A B %Bn C %Cn state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  %g = ssm.gate %y, %z : tensor<?x8xf32>
  return %g, %h1 : tensor<?x8xf32>, tensor<?x8x4xf32>
}

}
