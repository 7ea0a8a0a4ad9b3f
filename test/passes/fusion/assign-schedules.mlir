// RUN: mamba-opt %s --ssm-assign-schedules --split-input-file --verify-diagnostics | FileCheck %s

module attributes {ssm.target = "cpu:x86-64-v4"} {

// A kernel without a schedule gets one with the lanes of the target.
// CHECK-LABEL: func.func @assigns
// CHECK: ssm.kernel (%{{.*}} = %{{.*}}) schedule <lanes = 16{{.*}}> :
func.func @assigns(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = ssm.kernel (%a = %x) : (tensor<?x8xf32>) -> tensor<?x8xf32> {
    %s = ssm.silu %a : tensor<?x8xf32>
    ssm.yield %s : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}

// The class of the function decides: a few tokens get lower tiles than many.
// CHECK-LABEL: func.func @class_decides_few
// CHECK: schedule <lanes = 16, row_block = [[FEW:[0-9]+]],
// CHECK-LABEL: func.func @class_decides_prefill
// CHECK-NOT: row_block = [[FEW]],
// CHECK: schedule <lanes = 16, row_block = {{[0-9]+}},
func.func @class_decides_few(%x: tensor<?x8xf32>, %w: tensor<64x8xf32>) -> tensor<?x64xf32> attributes {ssm.class = "few"} {
  %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x8xf32>, tensor<64x8xf32>) -> tensor<?x64xf32> {
    %l = ssm.linear %a, %b : tensor<?x8xf32>, tensor<64x8xf32> -> tensor<?x64xf32>
    ssm.yield %l : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}
func.func @class_decides_prefill(%x: tensor<?x8xf32>, %w: tensor<64x8xf32>) -> tensor<?x64xf32> attributes {ssm.class = "prefill"} {
  %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x8xf32>, tensor<64x8xf32>) -> tensor<?x64xf32> {
    %l = ssm.linear %a, %b : tensor<?x8xf32>, tensor<64x8xf32> -> tensor<?x64xf32>
    ssm.yield %l : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}

// A schedule that is there and fits is kept.
// CHECK-LABEL: func.func @keeps
// CHECK: schedule <lanes = 8, row_block = 3> {ssm.schedule_from = "given"} :
func.func @keeps(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = ssm.kernel (%a = %x) schedule <lanes = 8, row_block = 3> : (tensor<?x8xf32>) -> tensor<?x8xf32> {
    %s = ssm.silu %a : tensor<?x8xf32>
    ssm.yield %s : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}

}

// -----

module attributes {ssm.target = "cpu:x86-64-v4"} {
// Near miss: a schedule that is there and does not fit.
func.func @does_not_fit(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // expected-error @below {{the schedule does not fit target 'cpu:x86-64-v4': lanes must be a power of two from 4 to 64, got 12}}
  %y = ssm.kernel (%a = %x) schedule <lanes = 12, row_block = 3> : (tensor<?x8xf32>) -> tensor<?x8xf32> {
    %s = ssm.silu %a : tensor<?x8xf32>
    ssm.yield %s : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}
}

// -----

module attributes {ssm.target = "cpu:x86-64-v4"} {
// Near miss: nothing generates a scan of 257 states; each such kernel is told.
func.func @no_generator(%u: tensor<?x8xf32>, %A: tensor<8x257xf32>, %B: tensor<?x257xf32>, %h: tensor<?x8x257xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8x257xf32>) {
  // expected-error @below {{no kernel can be generated for target 'cpu:x86-64-v4': a scan has at most 256 states, got 257}}
  %y, %h1 = ssm.kernel (%a = %u, %b = %A, %c = %B, %d = %h, %e = %batch)
    : (tensor<?x8xf32>, tensor<8x257xf32>, tensor<?x257xf32>, tensor<?x8x257xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x8x257xf32>) {
    %s, %t = ssm.selective_scan %a delta %a A %b B %c C %c state %d of %e
      : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x257xf32>, tensor<?x257xf32>, tensor<?x257xf32>, tensor<?x8x257xf32>, !ssm.batch)
      -> (tensor<?x8xf32>, tensor<?x8x257xf32>)
    ssm.yield %s, %t : tensor<?x8xf32>, tensor<?x8x257xf32>
  }
  // expected-error @below {{no kernel can be generated for target 'cpu:x86-64-v4': a scan has at most 256 states, got 257}}
  %z, %h2 = ssm.kernel (%a = %y, %b = %A, %c = %B, %d = %h1, %e = %batch)
    : (tensor<?x8xf32>, tensor<8x257xf32>, tensor<?x257xf32>, tensor<?x8x257xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x8x257xf32>) {
    %s, %t = ssm.selective_scan %a delta %a A %b B %c C %c state %d of %e
      : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x257xf32>, tensor<?x257xf32>, tensor<?x257xf32>, tensor<?x8x257xf32>, !ssm.batch)
      -> (tensor<?x8xf32>, tensor<?x8x257xf32>)
    ssm.yield %s, %t : tensor<?x8xf32>, tensor<?x8x257xf32>
  }
  return %y, %z, %h2 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8x257xf32>
}
}

// -----

// Near miss: no target is noted on the module.
// expected-error @below {{no target: set 'ssm.target' on the module, or --target}}
func.func @no_target(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  return %x : tensor<?x8xf32>
}
