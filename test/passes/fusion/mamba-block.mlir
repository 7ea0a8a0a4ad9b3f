// RUN: mamba-opt %s --ssm-verify-states --canonicalize --cse --ssm-fold-norm-weight --ssm-decay-to-exp2 \
// RUN:   --ssm-clone-classes --ssm-form-kernels --ssm-fuse-norm-linear --ssm-fuse-conv-silu --ssm-fuse-scan \
// RUN:   --ssm-fuse-linear-add --canonicalize --cse --ssm-assign-schedules --ssm-verify-states | FileCheck %s

module attributes {ssm.target = "cpu:x86-64-v4"} {

// Eleven ops of a layer become five kernels, in each class, and the weights are
// made ready outside of them.
// CHECK-LABEL: func.func @block_decode
// CHECK-NOT: ssm.kernel
// CHECK: %[[IN:.*]] = ssm.scale_columns
// CHECK-NEXT: ssm.kernel (%{{.*}} = %[[R:.*]], %{{.*}} = %[[IN]]) schedule <lanes = 16
// CHECK-NEXT: ssm.rms_norm
// CHECK-NEXT: ssm.linear
// CHECK-NEXT: ssm.yield
// CHECK: ssm.kernel {{.*}} schedule <lanes = 16
// CHECK-NEXT: ssm.split
// CHECK-NEXT: ssm.conv1d
// CHECK-NEXT: ssm.silu
// CHECK-NEXT: ssm.yield
// CHECK: ssm.kernel {{.*}} schedule <lanes = 16
// CHECK-NEXT: ssm.linear
// CHECK-NEXT: ssm.yield
// CHECK: ssm.scale %{{.*}} by 1.44
// CHECK-NEXT: ssm.kernel {{.*}} schedule <lanes = 16
// CHECK-NEXT: ssm.split
// CHECK-NEXT: ssm.linear
// CHECK-NEXT: ssm.softplus
// CHECK-NEXT: ssm.selective_scan {{.*}} log2 {{.*}} skip
// CHECK-NEXT: ssm.split
// CHECK-NEXT: ssm.gate
// CHECK-NEXT: ssm.yield
// CHECK: ssm.kernel {{.*}} schedule <lanes = 16
// CHECK-NEXT: ssm.linear
// CHECK-NEXT: ssm.add
// CHECK-NEXT: ssm.yield
// CHECK-NOT: ssm.kernel
// CHECK: return
// CHECK-LABEL: func.func @block_few
// CHECK-COUNT-5: ssm.kernel
// CHECK-NOT: ssm.kernel
// CHECK-LABEL: func.func @block_prefill
// CHECK-COUNT-5: ssm.kernel
// CHECK-NOT: ssm.kernel
func.func @block(%r: tensor<?x8xf32> {ssm.name = "x"}, %cs: tensor<?x3x16xf32> {ssm.state = "conv_state.0"},
                 %h: tensor<?x16x4xf32> {ssm.state = "ssm_state.0"}, %batch: !ssm.batch)
    -> (tensor<?x8xf32> {ssm.name = "y"}, tensor<?x3x16xf32> {ssm.state = "conv_state.0"},
        tensor<?x16x4xf32> {ssm.state = "ssm_state.0"}) attributes {ssm.entry = "block"} {
  %norm = ssm.weight "norm.weight" : tensor<8xf32>
  %in_w = ssm.weight "in_proj.weight" : tensor<32x8xf32>
  %conv_w3 = ssm.weight "conv1d.weight" : tensor<16x1x4xf32>
  %conv_w = ssm.reshape %conv_w3 : tensor<16x1x4xf32> to tensor<16x4xf32>
  %conv_b = ssm.weight "conv1d.bias" : tensor<16xf32>
  %x_w = ssm.weight "x_proj.weight" : tensor<10x16xf32>
  %dt_w = ssm.weight "dt_proj.weight" : tensor<16x2xf32>
  %dt_b = ssm.weight "dt_proj.bias" : tensor<16xf32>
  %A_log = ssm.weight "A_log" : tensor<16x4xf32>
  %A = ssm.decay %A_log : tensor<16x4xf32>
  %D = ssm.weight "D" : tensor<16xf32>
  %out_w = ssm.weight "out_proj.weight" : tensor<8x16xf32>
  %n = ssm.rms_norm %r weight %norm eps 1.0e-5 : tensor<?x8xf32>, tensor<8xf32>
  %xz = ssm.linear %n, %in_w : tensor<?x8xf32>, tensor<32x8xf32> -> tensor<?x32xf32>
  %x, %z = ssm.split %xz : tensor<?x32xf32> -> tensor<?x16xf32>, tensor<?x16xf32>
  %c, %cs1 = ssm.conv1d %x, %conv_w bias %conv_b state %cs of %batch
    : (tensor<?x16xf32>, tensor<16x4xf32>, tensor<16xf32>, tensor<?x3x16xf32>, !ssm.batch) -> (tensor<?x16xf32>, tensor<?x3x16xf32>)
  %u = ssm.silu %c : tensor<?x16xf32>
  %dbc = ssm.linear %u, %x_w : tensor<?x16xf32>, tensor<10x16xf32> -> tensor<?x10xf32>
  %d, %B, %C = ssm.split %dbc : tensor<?x10xf32> -> tensor<?x2xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  %p = ssm.linear %d, %dt_w bias %dt_b : tensor<?x2xf32>, tensor<16x2xf32>, tensor<16xf32> -> tensor<?x16xf32>
  %dt = ssm.softplus %p : tensor<?x16xf32>
  %y, %h1 = ssm.selective_scan %u delta %dt A %A B %B C %C skip %D state %h of %batch
    : (tensor<?x16xf32>, tensor<?x16xf32>, tensor<16x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<16xf32>, tensor<?x16x4xf32>, !ssm.batch)
    -> (tensor<?x16xf32>, tensor<?x16x4xf32>)
  %g = ssm.gate %y, %z : tensor<?x16xf32>
  %o = ssm.linear %g, %out_w : tensor<?x16xf32>, tensor<8x16xf32> -> tensor<?x8xf32>
  %r1 = ssm.add %r, %o : tensor<?x8xf32>
  return %r1, %cs1, %h1 : tensor<?x8xf32>, tensor<?x3x16xf32>, tensor<?x16x4xf32>
}

}
