// RUN: mamba-opt %s --ssm-assign-schedules --verify-diagnostics

// A CPU has threads for all channels: its scans take the whole time.
module attributes {ssm.target = "cpu:x86-64-v4"} {
func.func @slices(%u: tensor<?x8xf32>, %B: tensor<?x4xf32>, %A: tensor<8x4xf32>, %h: tensor<?x8x4xf32>, %batch: !ssm.batch) {
  // expected-error @below {{no kernel can be generated for target 'cpu:x86-64-v4': time is cut into slices on GPUs only}}
  %p = ssm.kernel (%u1 = %u, %B1 = %B, %A1 = %A, %h1 = %h, %batch1 = %batch) : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<8x4xf32>, tensor<?x8x4xf32>, !ssm.batch) -> tensor<3x9x8xf32> {
    %q = ssm.scan_slices %u1 delta %u1 A %A1 B %B1 state %h1 of %batch1 : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch) -> tensor<3x9x8xf32>
    ssm.yield %q : tensor<3x9x8xf32>
  }
  return
}
}
