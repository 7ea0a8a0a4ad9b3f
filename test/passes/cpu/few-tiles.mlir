// RUN: mamba-opt %s --cpu-generate-kernels --split-input-file --verify-diagnostics | FileCheck %s

// Without k_block: four rows and fewer by multiply-adds, up to 16 copied once and
// multiplied by tiles, whose panels are fetched before they are read.
// CHECK-LABEL: plan.kernel @few
// CHECK-SAME: grid <of = rows, block = 16, times = 2>
// CHECK: func.func private @few(
// CHECK-NOT: amx
// CHECK: math.fma
// CHECK-NOT: amx
// CHECK: vector.store %{{.*}} : memref<16x64xf32
// CHECK-COUNT-2: amx.tile_zero
// CHECK: scf.for
// CHECK: memref.prefetch
// CHECK: amx.tile_load %{{.*}} : memref<16x64xf32, {{.*}}> into !amx.tile<16x32xbf16>
// CHECK: amx.tile_load %[[W:.*]][%{{.*}}] : memref<2x48x64xi16> into !amx.tile<16x32xbf16>
// CHECK: amx.tile_mulf
// CHECK: amx.tile_load %[[W]]
// CHECK: amx.tile_mulf
// CHECK-COUNT-2: amx.tile_store
// CHECK-NOT: amx.tile_mulf
// CHECK: return
module attributes {ssm.target = "cpu:x86-64-v4-amx"} {
  plan.kernel @few for ["few"] (%x: tensor<?x96xbf16>, %w: tensor<2x48x64xbf16>) {
    %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 16, row_block = 16, col_block = 32, row_tile = 4, col_tile = 32, mma = 32> : (tensor<?x96xbf16>, tensor<2x48x64xbf16>) -> tensor<?x40xf32> {
      %c = ssm.cast %a : tensor<?x96xbf16> to tensor<?x96xf32>
      %u = ssm.unpack %b interleave 2 : tensor<2x48x64xbf16> -> tensor<40x96xbf16>
      %r = ssm.linear %c, %u : tensor<?x96xf32>, tensor<40x96xbf16> -> tensor<?x40xf32>
      ssm.yield %r : tensor<?x40xf32>
    }
    plan.yield %y : tensor<?x40xf32>
  }
}

// -----

// 40 k fill no products.
module attributes {ssm.target = "cpu:x86-64-v4-amx"} {
  // expected-error @below {{the schedule does not fit target 'cpu:x86-64-v4-amx': mma without k_block needs rows and a matrix of bf16, K a multiple of 32 and a target with amx-bf16}}
  plan.kernel @odd for ["few"] (%x: tensor<?x40xbf16>, %w: tensor<1x20x64xbf16>) {
    %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 16, row_block = 16, col_block = 32, row_tile = 4, col_tile = 32, mma = 32> : (tensor<?x40xbf16>, tensor<1x20x64xbf16>) -> tensor<?x32xf32> {
      %c = ssm.cast %a : tensor<?x40xbf16> to tensor<?x40xf32>
      %u = ssm.unpack %b interleave 2 : tensor<1x20x64xbf16> -> tensor<32x40xbf16>
      %r = ssm.linear %c, %u : tensor<?x40xf32>, tensor<32x40xbf16> -> tensor<?x32xf32>
      ssm.yield %r : tensor<?x32xf32>
    }
    plan.yield %y : tensor<?x32xf32>
  }
}

// -----

module attributes {ssm.target = "cpu:x86-64-v4-amx"} {
  // expected-error @below {{mma without k_block needs lanes = 16, mma = 32, col_tile = 32, a positive row_tile, col_block a multiple of 32 and row_block of 16}}
  plan.kernel @rows for ["few"] (%x: tensor<?x32xbf16>, %w: tensor<1x16x64xbf16>) {
    %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 16, row_block = 24, col_block = 32, row_tile = 4, col_tile = 32, mma = 32> : (tensor<?x32xbf16>, tensor<1x16x64xbf16>) -> tensor<?x32xf32> {
      %c = ssm.cast %a : tensor<?x32xbf16> to tensor<?x32xf32>
      %u = ssm.unpack %b interleave 2 : tensor<1x16x64xbf16> -> tensor<32x32xbf16>
      %r = ssm.linear %c, %u : tensor<?x32xf32>, tensor<32x32xbf16> -> tensor<?x32xf32>
      ssm.yield %r : tensor<?x32xf32>
    }
    plan.yield %y : tensor<?x32xf32>
  }
}

// -----

// Rows that multiply-adds take together hold their sums in registers.
module attributes {ssm.target = "cpu:x86-64-v4-amx"} {
  // expected-error @below {{the schedule does not fit target 'cpu:x86-64-v4-amx': row_tile * col_tile takes 66 accumulators, 64 is the limit}}
  plan.kernel @tall for ["few"] (%x: tensor<?x32xbf16>, %w: tensor<1x16x64xbf16>) {
    %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 16, row_block = 16, col_block = 32, row_tile = 33, col_tile = 32, mma = 32> : (tensor<?x32xbf16>, tensor<1x16x64xbf16>) -> tensor<?x32xf32> {
      %c = ssm.cast %a : tensor<?x32xbf16> to tensor<?x32xf32>
      %u = ssm.unpack %b interleave 2 : tensor<1x16x64xbf16> -> tensor<32x32xbf16>
      %r = ssm.linear %c, %u : tensor<?x32xf32>, tensor<32x32xbf16> -> tensor<?x32xf32>
      ssm.yield %r : tensor<?x32xf32>
    }
    plan.yield %y : tensor<?x32xf32>
  }
}
