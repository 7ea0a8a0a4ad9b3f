// RUN: mamba-opt %s --cpu-generate-kernels --split-input-file --verify-diagnostics | FileCheck %s

// dt by tiles: 7 k are 4 pairs, in two parts 8 of the 16 that a product takes. Rows are
// rounded, what that leaves is rounded too, and four sums of 16 by 16 stay in registers.
// CHECK-LABEL: func.func private @tiles(
// CHECK: vector.load %{{.*}} : memref<2x4x128xi16>, vector<32xi16>
// CHECK: vector.maskedload {{.*}} : memref<?x7xf32>
// CHECK: arith.truncf {{.*}} : vector<16xf32> to vector<16xbf16>
// CHECK: vector.store %{{.*}}, %[[ROWS:.*]][%{{.*}}] : memref<64x32xf32, {{.*}}>, vector<8xf32>
// CHECK: arith.subf
// CHECK: vector.store %{{.*}}, %[[ROWS]][
// CHECK-COUNT-4: amx.tile_zero
// CHECK: scf.for
// CHECK-COUNT-2: amx.tile_load %[[ROWS]][%{{.*}}] : memref<64x32xf32, {{.*}}> into !amx.tile<16x32xbf16>
// CHECK-COUNT-2: amx.tile_load %{{.*}} : memref<16x64xf32, {{.*}}> into !amx.tile<16x32xbf16>
// CHECK-COUNT-4: amx.tile_mulf
// CHECK-COUNT-4: amx.tile_store
// CHECK: mask.scalef
module attributes {ssm.target = "cpu:x86-64-v4-amx"} {
  plan.kernel @tiles for ["prefill"] (%u: tensor<?x128xbf16>, %d: tensor<?x7xf32>, %w: tensor<2x4x128xbf16>, %A: tensor<2x16x64xf32>, %B: tensor<?x16xf32>, %C: tensor<?x16xf32>, %h: tensor<?x128x16xf32>, %batch: !ssm.batch) {
    %y, %t = ssm.kernel (%n = %u, %kd = %d, %kw = %w, %kA = %A, %kB = %B, %kC = %C, %kh = %h, %kb = %batch) schedule <lanes = 16, row_block = 64, col_block = 64, row_tile = 4, chunk = 32, state_block = 8, mma = 32> : (tensor<?x128xbf16>, tensor<?x7xf32>, tensor<2x4x128xbf16>, tensor<2x16x64xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x128x16xf32>, !ssm.batch) -> (tensor<?x128xf32>, tensor<?x128x16xf32>) {
      %ku = ssm.cast %n : tensor<?x128xbf16> to tensor<?x128xf32>
      %p = ssm.unpack %kw interleave 2 : tensor<2x4x128xbf16> -> tensor<128x7xbf16>
      %a = ssm.unpack %kA : tensor<2x16x64xf32> -> tensor<128x16xf32>
      %l = ssm.linear %kd, %p : tensor<?x7xf32>, tensor<128x7xbf16> -> tensor<?x128xf32>
      %o, %m = ssm.selective_scan %ku delta %l softplus A %a log2 B %kB C %kC state %kh of %kb : (tensor<?x128xf32>, tensor<?x128xf32>, tensor<128x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x128x16xf32>, !ssm.batch) -> (tensor<?x128xf32>, tensor<?x128x16xf32>)
      ssm.yield %o, %m : tensor<?x128xf32>, tensor<?x128x16xf32>
    }
    plan.yield %y, %t : tensor<?x128xf32>, tensor<?x128x16xf32>
  }
}

// -----

// Where all rows are f32 dt is a chain of multiply-adds.
module attributes {ssm.target = "cpu:x86-64-v4-amx"} {
  // expected-error @below {{the schedule does not fit target 'cpu:x86-64-v4-amx': mma needs a dt projection by a matrix of bf16, u in rows of bf16 and a target with amx-bf16}}
  plan.kernel @wide for ["prefill"] (%u: tensor<?x128xf32>, %d: tensor<?x7xf32>, %w: tensor<2x4x128xbf16>, %A: tensor<2x16x64xf32>, %B: tensor<?x16xf32>, %C: tensor<?x16xf32>, %h: tensor<?x128x16xf32>, %batch: !ssm.batch) {
    %y, %t = ssm.kernel (%ku = %u, %kd = %d, %kw = %w, %kA = %A, %kB = %B, %kC = %C, %kh = %h, %kb = %batch) schedule <lanes = 16, row_block = 64, col_block = 64, row_tile = 4, chunk = 32, state_block = 8, mma = 32> : (tensor<?x128xf32>, tensor<?x7xf32>, tensor<2x4x128xbf16>, tensor<2x16x64xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x128x16xf32>, !ssm.batch) -> (tensor<?x128xf32>, tensor<?x128x16xf32>) {
      %p = ssm.unpack %kw interleave 2 : tensor<2x4x128xbf16> -> tensor<128x7xbf16>
      %a = ssm.unpack %kA : tensor<2x16x64xf32> -> tensor<128x16xf32>
      %l = ssm.linear %kd, %p : tensor<?x7xf32>, tensor<128x7xbf16> -> tensor<?x128xf32>
      %o, %m = ssm.selective_scan %ku delta %l softplus A %a log2 B %kB C %kC state %kh of %kb : (tensor<?x128xf32>, tensor<?x128xf32>, tensor<128x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x128x16xf32>, !ssm.batch) -> (tensor<?x128xf32>, tensor<?x128x16xf32>)
      ssm.yield %o, %m : tensor<?x128xf32>, tensor<?x128x16xf32>
    }
    plan.yield %y, %t : tensor<?x128xf32>, tensor<?x128x16xf32>
  }
}

// -----

// Rows go by 32.
module attributes {ssm.target = "cpu:x86-64-v4-amx"} {
  // expected-error @below {{a dt projection by tiles needs lanes = 16, mma = 32 and row_block a multiple of 32}}
  plan.kernel @unfilled for ["prefill"] (%u: tensor<?x128xbf16>, %d: tensor<?x7xf32>, %w: tensor<2x4x128xbf16>, %A: tensor<2x16x64xf32>, %B: tensor<?x16xf32>, %C: tensor<?x16xf32>, %h: tensor<?x128x16xf32>, %batch: !ssm.batch) {
    %y, %t = ssm.kernel (%n = %u, %kd = %d, %kw = %w, %kA = %A, %kB = %B, %kC = %C, %kh = %h, %kb = %batch) schedule <lanes = 16, row_block = 48, col_block = 64, row_tile = 4, chunk = 32, state_block = 8, mma = 32> : (tensor<?x128xbf16>, tensor<?x7xf32>, tensor<2x4x128xbf16>, tensor<2x16x64xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x128x16xf32>, !ssm.batch) -> (tensor<?x128xf32>, tensor<?x128x16xf32>) {
      %ku = ssm.cast %n : tensor<?x128xbf16> to tensor<?x128xf32>
      %p = ssm.unpack %kw interleave 2 : tensor<2x4x128xbf16> -> tensor<128x7xbf16>
      %a = ssm.unpack %kA : tensor<2x16x64xf32> -> tensor<128x16xf32>
      %l = ssm.linear %kd, %p : tensor<?x7xf32>, tensor<128x7xbf16> -> tensor<?x128xf32>
      %o, %m = ssm.selective_scan %ku delta %l softplus A %a log2 B %kB C %kC state %kh of %kb : (tensor<?x128xf32>, tensor<?x128xf32>, tensor<128x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x128x16xf32>, !ssm.batch) -> (tensor<?x128xf32>, tensor<?x128x16xf32>)
      ssm.yield %o, %m : tensor<?x128xf32>, tensor<?x128x16xf32>
    }
    plan.yield %y, %t : tensor<?x128xf32>, tensor<?x128x16xf32>
  }
}

// -----

// Without tiles the rows that are projected together hold their sums in registers.
module attributes {ssm.target = "cpu:x86-64-v4-amx"} {
  // expected-error @below {{row_tile * col_block takes 68 accumulators, 64 is the limit}}
  plan.kernel @tall for ["prefill"] (%u: tensor<?x128xbf16>, %d: tensor<?x7xf32>, %w: tensor<2x4x128xbf16>, %A: tensor<2x16x64xf32>, %B: tensor<?x16xf32>, %C: tensor<?x16xf32>, %h: tensor<?x128x16xf32>, %batch: !ssm.batch) {
    %y, %t = ssm.kernel (%n = %u, %kd = %d, %kw = %w, %kA = %A, %kB = %B, %kC = %C, %kh = %h, %kb = %batch) schedule <lanes = 16, col_block = 64, row_tile = 17, chunk = 32, state_block = 8> : (tensor<?x128xbf16>, tensor<?x7xf32>, tensor<2x4x128xbf16>, tensor<2x16x64xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x128x16xf32>, !ssm.batch) -> (tensor<?x128xf32>, tensor<?x128x16xf32>) {
      %ku = ssm.cast %n : tensor<?x128xbf16> to tensor<?x128xf32>
      %p = ssm.unpack %kw interleave 2 : tensor<2x4x128xbf16> -> tensor<128x7xbf16>
      %a = ssm.unpack %kA : tensor<2x16x64xf32> -> tensor<128x16xf32>
      %l = ssm.linear %kd, %p : tensor<?x7xf32>, tensor<128x7xbf16> -> tensor<?x128xf32>
      %o, %m = ssm.selective_scan %ku delta %l softplus A %a log2 B %kB C %kC state %kh of %kb : (tensor<?x128xf32>, tensor<?x128xf32>, tensor<128x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x128x16xf32>, !ssm.batch) -> (tensor<?x128xf32>, tensor<?x128x16xf32>)
      ssm.yield %o, %m : tensor<?x128xf32>, tensor<?x128x16xf32>
    }
    plan.yield %y, %t : tensor<?x128xf32>, tensor<?x128x16xf32>
  }
}
