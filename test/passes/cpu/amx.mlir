// RUN: mamba-opt %s --cpu-generate-kernels --split-input-file --verify-diagnostics | FileCheck %s

// Four sums in tile registers over the 96 k of a panel; rows are read where they
// lie, whole groups of 32 of them, and the panel past the first level cache.
// CHECK-LABEL: plan.kernel @tiles
// CHECK-SAME: grid <of = rows, block = 64, times = 2>
// CHECK: func.func private @tiles(
// CHECK-COUNT-4: amx.tile_zero
// CHECK: scf.for
// CHECK: amx.tile_load %[[X:.*]][%{{.*}}] : memref<?x96xi16> into !amx.tile<16x32xbf16>
// CHECK: amx.tile_load %[[W:.*]][%{{.*}}] {streamed} : memref<2x48x64xi16> into !amx.tile<16x32xbf16>
// CHECK: amx.tile_load %[[X]]
// CHECK: amx.tile_load %[[W]]
// CHECK-COUNT-4: amx.tile_mulf
// CHECK-NEXT: scf.yield
// CHECK-COUNT-4: amx.tile_store
// A panel after it: 16 rows of what was made are written in each of its first two steps.
// CHECK: scf.for
// CHECK-COUNT-4: amx.tile_mulf
// CHECK-COUNT-32: vector.maskedstore
// CHECK-NOT: vector.maskedstore
// CHECK: scf.yield {{.*}}!amx.tile
// CHECK: amx.tile_mulf
// Of rows that are not whole no panel is written between the products of another.
// CHECK: amx.tile_load %{{.*}} : memref<32x64xf32
// CHECK-COUNT-4: amx.tile_mulf
// CHECK-NEXT: scf.yield
// CHECK-COUNT-4: amx.tile_store
// CHECK: vector.maskedstore
// CHECK-NOT: amx.tile_mulf
// CHECK: return
module attributes {ssm.target = "cpu:x86-64-v4-amx"} {
  plan.kernel @tiles for ["prefill"] (%x: tensor<?x96xbf16>, %w: tensor<2x48x64xbf16>) {
    %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 16, row_block = 64, col_block = 32, col_tile = 32, k_block = 96, mma = 32> : (tensor<?x96xbf16>, tensor<2x48x64xbf16>) -> tensor<?x40xf32> {
      %c = ssm.cast %a : tensor<?x96xbf16> to tensor<?x96xf32>
      %u = ssm.unpack %b interleave 2 : tensor<2x48x64xbf16> -> tensor<40x96xbf16>
      %r = ssm.linear %c, %u : tensor<?x96xf32>, tensor<40x96xbf16> -> tensor<?x40xf32>
      ssm.yield %r : tensor<?x40xf32>
    }
    plan.yield %y : tensor<?x40xf32>
  }
}

// -----

// 40 k do not fill two products: rows are copied and panels written again, with
// zeros behind them.
// CHECK-LABEL: func.func private @copied(
// CHECK-NOT: xi16> into !amx.tile
// CHECK: vector.store %{{.*}} : memref<32x32xf32,
// CHECK: vector.maskedload
// CHECK: amx.tile_load %{{.*}} : memref<32x48xf32, {{.*}}> into !amx.tile<16x32xbf16>
// CHECK: amx.tile_load %{{.*}} {streamed} : memref<32x32xf32, {{.*}}> into !amx.tile<16x32xbf16>
// CHECK-NOT: xi16> into !amx.tile
// CHECK: return
module attributes {ssm.target = "cpu:x86-64-v4-amx"} {
  plan.kernel @copied for ["prefill"] (%x: tensor<?x40xbf16>, %w: tensor<1x20x64xbf16>) {
    %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 16, row_block = 32, col_block = 32, col_tile = 32, k_block = 64, mma = 32> : (tensor<?x40xbf16>, tensor<1x20x64xbf16>) -> tensor<?x32xf32> {
      %c = ssm.cast %a : tensor<?x40xbf16> to tensor<?x40xf32>
      %u = ssm.unpack %b interleave 2 : tensor<1x20x64xbf16> -> tensor<32x40xbf16>
      %r = ssm.linear %c, %u : tensor<?x40xf32>, tensor<32x40xbf16> -> tensor<?x32xf32>
      ssm.yield %r : tensor<?x32xf32>
    }
    plan.yield %y : tensor<?x32xf32>
  }
}

// -----

// Rows of f32 keep their precision.
module attributes {ssm.target = "cpu:x86-64-v4-amx"} {
  // expected-error @below {{the schedule does not fit target 'cpu:x86-64-v4-amx': mma needs rows of bf16, a matrix of bf16 or integers and a target with amx-bf16}}
  plan.kernel @wide for ["prefill"] (%x: tensor<?x96xf32>, %w: tensor<1x48x64xbf16>) {
    %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 16, row_block = 64, col_block = 32, col_tile = 32, k_block = 96, mma = 32> : (tensor<?x96xf32>, tensor<1x48x64xbf16>) -> tensor<?x32xf32> {
      %u = ssm.unpack %b interleave 2 : tensor<1x48x64xbf16> -> tensor<32x96xbf16>
      %r = ssm.linear %a, %u : tensor<?x96xf32>, tensor<32x96xbf16> -> tensor<?x32xf32>
      ssm.yield %r : tensor<?x32xf32>
    }
    plan.yield %y : tensor<?x32xf32>
  }
}

// -----

// Nor does a machine without tiles take them.
module attributes {ssm.target = "cpu:x86-64-v4"} {
  // expected-error @below {{the schedule does not fit target 'cpu:x86-64-v4': mma needs rows of bf16}}
  plan.kernel @without for ["prefill"] (%x: tensor<?x96xbf16>, %w: tensor<1x48x64xbf16>) {
    %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 16, row_block = 64, col_block = 32, col_tile = 32, k_block = 96, mma = 32> : (tensor<?x96xbf16>, tensor<1x48x64xbf16>) -> tensor<?x32xf32> {
      %c = ssm.cast %a : tensor<?x96xbf16> to tensor<?x96xf32>
      %u = ssm.unpack %b interleave 2 : tensor<1x48x64xbf16> -> tensor<32x96xbf16>
      %r = ssm.linear %c, %u : tensor<?x96xf32>, tensor<32x96xbf16> -> tensor<?x32xf32>
      ssm.yield %r : tensor<?x32xf32>
    }
    plan.yield %y : tensor<?x32xf32>
  }
}

// -----

// Blocks must be filled by tiles.
module attributes {ssm.target = "cpu:x86-64-v4-amx"} {
  // expected-error @below {{a projection by tiles needs lanes = 16, mma = 32, col_tile = 32, or a multiple of 16 for integers, col_block a multiple of it, and col_block, row_block and k_block multiples of 32}}
  plan.kernel @unfilled for ["prefill"] (%x: tensor<?x96xbf16>, %w: tensor<1x48x64xbf16>) {
    %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 16, row_block = 48, col_block = 32, col_tile = 32, k_block = 96, mma = 32> : (tensor<?x96xbf16>, tensor<1x48x64xbf16>) -> tensor<?x32xf32> {
      %c = ssm.cast %a : tensor<?x96xbf16> to tensor<?x96xf32>
      %u = ssm.unpack %b interleave 2 : tensor<1x48x64xbf16> -> tensor<32x96xbf16>
      %r = ssm.linear %c, %u : tensor<?x96xf32>, tensor<32x96xbf16> -> tensor<?x32xf32>
      ssm.yield %r : tensor<?x32xf32>
    }
    plan.yield %y : tensor<?x32xf32>
  }
}
