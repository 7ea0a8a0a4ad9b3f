// RUN: mamba-opt %s --cpu-generate-kernels --split-input-file --verify-diagnostics | FileCheck %s

// The kernel gets its grid and scratch memory, the module its code: lanes of 16
// channels, the last ones masked.
// CHECK-LABEL: plan.kernel @silu_40
// CHECK-SAME: grid <of = rows, block = 8> scratch 0
// CHECK: module @code
// CHECK: func.func private @silu_40(
// CHECK: vector.create_mask
// CHECK: vector.maskedload
// CHECK: vector.maskedstore
module attributes {ssm.target = "cpu:x86-64-v4"} {
  plan.kernel @silu_40 for ["prefill"] (%x: tensor<?x40xf32>) {
    %y = ssm.kernel (%a = %x) schedule <lanes = 16, row_block = 8> : (tensor<?x40xf32>) -> tensor<?x40xf32> {
      %s = ssm.silu %a : tensor<?x40xf32>
      ssm.yield %s : tensor<?x40xf32>
    }
    plan.yield %y : tensor<?x40xf32>
  }
}

// -----

// Whole vectors need no mask.
// CHECK-LABEL: plan.kernel @silu_64
// CHECK: func.func private @silu_64(
// CHECK-NOT: vector.create_mask
// CHECK: vector.store
module attributes {ssm.target = "cpu:x86-64-v4"} {
  plan.kernel @silu_64 for ["prefill"] (%x: tensor<?x64xf32>) {
    %y = ssm.kernel (%a = %x) schedule <lanes = 16, row_block = 8> : (tensor<?x64xf32>) -> tensor<?x64xf32> {
      %s = ssm.silu %a : tensor<?x64xf32>
      ssm.yield %s : tensor<?x64xf32>
    }
    plan.yield %y : tensor<?x64xf32>
  }
}

// -----

// Ops that no generator takes together are refused, with the reason.
module attributes {ssm.target = "cpu:x86-64-v4"} {
  // expected-error @below {{no kernel can be generated for target 'cpu:x86-64-v4': the norm has a weight: fold it into the projection first}}
  plan.kernel @k for ["prefill"] (%x: tensor<?x64xf32>, %n: tensor<64xf32>, %w: tensor<1x64x64xf32>) {
    %y = ssm.kernel (%a = %x, %c = %n, %b = %w) : (tensor<?x64xf32>, tensor<64xf32>, tensor<1x64x64xf32>) -> tensor<?x64xf32> {
      %u = ssm.unpack %b : tensor<1x64x64xf32> -> tensor<64x64xf32>
      %m = ssm.rms_norm %a weight %c eps 1.0e-05 : tensor<?x64xf32>, tensor<64xf32>
      %r = ssm.linear %m, %u : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
      ssm.yield %r : tensor<?x64xf32>
    }
    plan.yield %y : tensor<?x64xf32>
  }
}

// -----

// A schedule that does not fit is refused, with the numbers.
module attributes {ssm.target = "cpu:x86-64-v4"} {
  // expected-error @below {{the schedule does not fit target 'cpu:x86-64-v4': row_tile * col_tile takes 128 accumulators, 64 is the limit}}
  plan.kernel @k for ["prefill"] (%x: tensor<?x64xf32>, %w: tensor<1x64x64xf32>) {
    %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 16, row_block = 32, col_block = 64, row_tile = 32, col_tile = 64> : (tensor<?x64xf32>, tensor<1x64x64xf32>) -> tensor<?x64xf32> {
      %u = ssm.unpack %b : tensor<1x64x64xf32> -> tensor<64x64xf32>
      %r = ssm.linear %a, %u : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
      ssm.yield %r : tensor<?x64xf32>
    }
    plan.yield %y : tensor<?x64xf32>
  }
}

// -----

// So is one whose scratch memory no pack could ask for.
module attributes {ssm.target = "cpu:x86-64-v4"} {
  // expected-error @below {{the schedule does not fit target 'cpu:x86-64-v4': row_block, col_block and k_block take up to 536895488 bytes of scratch memory, 268435456 is the limit}}
  plan.kernel @wide for ["prefill"] (%x: tensor<?x64xf32>, %w: tensor<1x64x64xf32>) {
    %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 16, row_block = 1048576, col_block = 64, row_tile = 4, col_tile = 64, k_block = 32> : (tensor<?x64xf32>, tensor<1x64x64xf32>) -> tensor<?x64xf32> {
      %u = ssm.unpack %b : tensor<1x64x64xf32> -> tensor<64x64xf32>
      %r = ssm.linear %a, %u : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
      ssm.yield %r : tensor<?x64xf32>
    }
    plan.yield %y : tensor<?x64xf32>
  }
}

// -----

// Panels that were made for another schedule, or another format, are not read.
module attributes {ssm.target = "cpu:x86-64-v4"} {
  // expected-error @below {{the schedule does not fit target 'cpu:x86-64-v4': a weight is in other panels than the schedule's: block 32 interleave 1}}
  plan.kernel @block for ["prefill"] (%x: tensor<?x64xf32>, %w: tensor<1x64x64xf32>) {
    %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 16, row_block = 32, col_block = 32, row_tile = 4, col_tile = 32> : (tensor<?x64xf32>, tensor<1x64x64xf32>) -> tensor<?x64xf32> {
      %u = ssm.unpack %b : tensor<1x64x64xf32> -> tensor<64x64xf32>
      %r = ssm.linear %a, %u : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
      ssm.yield %r : tensor<?x64xf32>
    }
    plan.yield %y : tensor<?x64xf32>
  }
}

// -----

module attributes {ssm.target = "cpu:x86-64-v4"} {
  // expected-error @below {{a weight is in other panels than the schedule's: block 64 interleave 2}}
  plan.kernel @interleave for ["prefill"] (%x: tensor<?x64xf32>, %w: tensor<1x64x64xbf16>) {
    %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 16, row_block = 32, col_block = 64, row_tile = 4, col_tile = 64> : (tensor<?x64xf32>, tensor<1x64x64xbf16>) -> tensor<?x64xf32> {
      %u = ssm.unpack %b : tensor<1x64x64xbf16> -> tensor<64x64xbf16>
      %r = ssm.linear %a, %u : tensor<?x64xf32>, tensor<64x64xbf16> -> tensor<?x64xf32>
      ssm.yield %r : tensor<?x64xf32>
    }
    plan.yield %y : tensor<?x64xf32>
  }
}
