// The convolution in the kernels of what it reads and of what reads it.
// RUN: mamba-opt %s --gpu-generate-kernels --canonicalize --cse --split-input-file --verify-diagnostics | FileCheck %s

// Before a projection of few rows: x goes to shared memory as u. Rows that are all
// the first of their sequence have their window in the pool; else rows before them
// are read too. The pool is only read; steps of one, two and more sequences have
// kernels of their own.
// CHECK-LABEL: plan.kernel @before_projection
// CHECK-SAME: variants [#plan.variant<@before_projection_one, max_sequences = 1>, #plan.variant<@before_projection_two, max_sequences = 2>]
// CHECK: gpu.func @before_projection(
// CHECK-SAME: workgroup(%[[X:[a-z0-9]+]] : memref
// CHECK: gpu.func @before_projection_one(
// CHECK-SAME: workgroup(%[[X:[a-z0-9]+]] : memref<1x
// CHECK: scf.if {{.*}} -> (index, index)
// CHECK: } else {
// CHECK: scf.for
// CHECK: scf.if
// CHECK-COUNT-3: vector.load {{.*}} : memref<?x3x64xf32>, vector<4xf32>
// CHECK: vector.load {{.*}} : memref<?x64xf32>, vector<4xf32>
// CHECK: llvm.nvvm.ex2.approx.ftz.f
// CHECK: vector.store {{.*}}, %[[X]]
// CHECK: } else {
// CHECK: arith.select
// CHECK: vector.store {{.*}}, %[[X]]
// CHECK: gpu.barrier
// CHECK-NOT: memref<?x3x64xf32>
// CHECK: gpu.return
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @before_projection for ["decode"] (%x: tensor<?x64xf32>, %c: tensor<64x4xf32>, %s: tensor<?x3x64xf32>, %batch: !ssm.batch, %w: tensor<16x64xbf16>) {
    %y = ssm.kernel (%x1 = %x, %c1 = %c, %s1 = %s, %batch1 = %batch, %w1 = %w) : (tensor<?x64xf32>, tensor<64x4xf32>, tensor<?x3x64xf32>, !ssm.batch, tensor<16x64xbf16>) -> tensor<?x16xf32> {
      %a, %t = ssm.conv1d %x1, %c1 state %s1 of %batch1 : (tensor<?x64xf32>, tensor<64x4xf32>, tensor<?x3x64xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x3x64xf32>)
      %u = ssm.silu %a : tensor<?x64xf32>
      %r = ssm.linear %u, %w1 : tensor<?x64xf32>, tensor<16x64xbf16> -> tensor<?x16xf32>
      ssm.yield %r : tensor<?x16xf32>
    }
    plan.yield %y : tensor<?x16xf32>
  }
}

// -----

// Before a scan step by step: each lane of a channel has its window, and the first
// writes it when all have read it.
// CHECK-LABEL: gpu.func @before_scan(
// CHECK-COUNT-3: memref.load {{.*}} : memref<?x3x16xf32>
// CHECK: scf.for {{.*}} iter_args
// CHECK-COUNT-4: math.fma
// CHECK: llvm.nvvm.ex2.approx.ftz.f
// CHECK: nvvm.bar.warp.sync
// CHECK: scf.if
// CHECK-COUNT-3: memref.store {{.*}} : memref<?x3x16xf32>
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @before_scan for ["decode"] (%x: tensor<?x16xf32>, %d: tensor<?x16xf32>, %c: tensor<16x4xf32>, %s: tensor<?x3x16xf32>, %A: tensor<16x8xf32>, %B: tensor<?x8xf32>, %h: tensor<?x16x8xf32>, %batch: !ssm.batch) {
    %y, %h2, %s2 = ssm.kernel (%x1 = %x, %d1 = %d, %c1 = %c, %s1 = %s, %A1 = %A, %B1 = %B, %h1 = %h, %batch1 = %batch) : (tensor<?x16xf32>, tensor<?x16xf32>, tensor<16x4xf32>, tensor<?x3x16xf32>, tensor<16x8xf32>, tensor<?x8xf32>, tensor<?x16x8xf32>, !ssm.batch) -> (tensor<?x16xf32>, tensor<?x16x8xf32>, tensor<?x3x16xf32>) {
      %a, %t = ssm.conv1d %x1, %c1 state %s1 of %batch1 : (tensor<?x16xf32>, tensor<16x4xf32>, tensor<?x3x16xf32>, !ssm.batch) -> (tensor<?x16xf32>, tensor<?x3x16xf32>)
      %u = ssm.silu %a : tensor<?x16xf32>
      %o, %g = ssm.selective_scan %u delta %d1 softplus A %A1 log2 B %B1 C %B1 state %h1 of %batch1 : (tensor<?x16xf32>, tensor<?x16xf32>, tensor<16x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x16x8xf32>, !ssm.batch) -> (tensor<?x16xf32>, tensor<?x16x8xf32>)
      ssm.yield %o, %g, %t : tensor<?x16xf32>, tensor<?x16x8xf32>, tensor<?x3x16xf32>
    }
    plan.yield %y, %h2, %s2 : tensor<?x16xf32>, tensor<?x16x8xf32>, tensor<?x3x16xf32>
  }
}

// -----

// Behind a projection: whose output it is knows the slot and the window before the
// sum is there, and moves the window on.
// CHECK-LABEL: gpu.func @behind_projection_one(
// CHECK: scf.if {{.*}} -> (index)
// CHECK: scf.if {{.*}} -> (f32, f32, f32, f32, f32, f32, f32)
// CHECK-COUNT-3: memref.load {{.*}} : memref<?x3x16xf32>
// CHECK: gpu.barrier
// CHECK: gpu.shuffle
// CHECK-NOT: memref.load {{.*}} : memref<?x3x16xf32>
// CHECK: memref.store {{.*}} : memref<?x40xf32>
// CHECK: memref.store {{.*}} : memref<?x16xf32>
// CHECK-COUNT-3: memref.store {{.*}} : memref<?x3x16xf32>
// CHECK: gpu.return
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @behind_projection for ["decode"] (%x: tensor<?x64xf32>, %w: tensor<40x64xf32>, %c: tensor<16x4xf32>, %s: tensor<?x3x16xf32>, %batch: !ssm.batch) {
    %u, %s2, %y = ssm.kernel (%x1 = %x, %w1 = %w, %c1 = %c, %s1 = %s, %batch1 = %batch) : (tensor<?x64xf32>, tensor<40x64xf32>, tensor<16x4xf32>, tensor<?x3x16xf32>, !ssm.batch) -> (tensor<?x16xf32>, tensor<?x3x16xf32>, tensor<?x40xf32>) {
      %l = ssm.linear %x1, %w1 : tensor<?x64xf32>, tensor<40x64xf32> -> tensor<?x40xf32>
      %p, %q = ssm.split %l : tensor<?x40xf32> -> tensor<?x16xf32>, tensor<?x24xf32>
      %a, %t = ssm.conv1d %p, %c1 state %s1 of %batch1 : (tensor<?x16xf32>, tensor<16x4xf32>, tensor<?x3x16xf32>, !ssm.batch) -> (tensor<?x16xf32>, tensor<?x3x16xf32>)
      ssm.yield %a, %t, %l : tensor<?x16xf32>, tensor<?x3x16xf32>, tensor<?x40xf32>
    }
    plan.yield %u, %s2, %y : tensor<?x16xf32>, tensor<?x3x16xf32>, tensor<?x40xf32>
  }
}

// -----

// Near miss: the same kernel for steps of several rows a sequence.
module attributes {ssm.target = "cuda:sm_80"} {
  // expected-error @below {{no kernel can be generated for target 'cuda:sm_80': a projection's outputs go through a convolution only where each is its sequence's one row, in class decode}}
  plan.kernel @behind_few for ["decode", "few"] (%x: tensor<?x64xf32>, %w: tensor<16x64xf32>, %c: tensor<16x4xf32>, %s: tensor<?x3x16xf32>, %batch: !ssm.batch) {
    %u, %s2 = ssm.kernel (%x1 = %x, %w1 = %w, %c1 = %c, %s1 = %s, %batch1 = %batch) : (tensor<?x64xf32>, tensor<16x64xf32>, tensor<16x4xf32>, tensor<?x3x16xf32>, !ssm.batch) -> (tensor<?x16xf32>, tensor<?x3x16xf32>) {
      %l = ssm.linear %x1, %w1 : tensor<?x64xf32>, tensor<16x64xf32> -> tensor<?x16xf32>
      %a, %t = ssm.conv1d %l, %c1 state %s1 of %batch1 : (tensor<?x16xf32>, tensor<16x4xf32>, tensor<?x3x16xf32>, !ssm.batch) -> (tensor<?x16xf32>, tensor<?x3x16xf32>)
      ssm.yield %a, %t : tensor<?x16xf32>, tensor<?x3x16xf32>
    }
    plan.yield %u, %s2 : tensor<?x16xf32>, tensor<?x3x16xf32>
  }
}

// -----

// Near miss: tiles of a projection read x as it is.
module attributes {ssm.target = "cuda:sm_80"} {
  // expected-error @below {{the schedule does not fit target 'cuda:sm_80': a convolution is computed where rows are few: lanes must be 8, 16 or 32, got 0}}
  plan.kernel @before_tiles for ["prefill"] (%x: tensor<?x64xf32>, %c: tensor<64x4xf32>, %s: tensor<?x3x64xf32>, %batch: !ssm.batch, %w: tensor<16x64xf32>) {
    %y = ssm.kernel (%x1 = %x, %c1 = %c, %s1 = %s, %batch1 = %batch, %w1 = %w) schedule <row_block = 32, col_block = 16, row_tile = 4, col_tile = 4, k_block = 32, threads = 32> : (tensor<?x64xf32>, tensor<64x4xf32>, tensor<?x3x64xf32>, !ssm.batch, tensor<16x64xf32>) -> tensor<?x16xf32> {
      %a, %t = ssm.conv1d %x1, %c1 state %s1 of %batch1 : (tensor<?x64xf32>, tensor<64x4xf32>, tensor<?x3x64xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x3x64xf32>)
      %r = ssm.linear %a, %w1 : tensor<?x64xf32>, tensor<16x64xf32> -> tensor<?x16xf32>
      ssm.yield %r : tensor<?x16xf32>
    }
    plan.yield %y : tensor<?x16xf32>
  }
}

// -----

// Near miss: a scan in chunks reads u as it is.
module attributes {ssm.target = "cuda:sm_80"} {
  // expected-error @below {{the schedule does not fit target 'cuda:sm_80': a scan computes a convolution step by step, with a chunk of 1, got 8}}
  plan.kernel @before_chunks for ["prefill"] (%x: tensor<?x16xf32>, %d: tensor<?x16xf32>, %c: tensor<16x4xf32>, %s: tensor<?x3x16xf32>, %A: tensor<16x8xf32>, %B: tensor<?x8xf32>, %h: tensor<?x16x8xf32>, %batch: !ssm.batch) {
    %y, %h2, %s2 = ssm.kernel (%x1 = %x, %d1 = %d, %c1 = %c, %s1 = %s, %A1 = %A, %B1 = %B, %h1 = %h, %batch1 = %batch) schedule <col_block = 32, row_tile = 4, chunk = 8, threads = 32, state_lanes = 1> : (tensor<?x16xf32>, tensor<?x16xf32>, tensor<16x4xf32>, tensor<?x3x16xf32>, tensor<16x8xf32>, tensor<?x8xf32>, tensor<?x16x8xf32>, !ssm.batch) -> (tensor<?x16xf32>, tensor<?x16x8xf32>, tensor<?x3x16xf32>) {
      %a, %t = ssm.conv1d %x1, %c1 state %s1 of %batch1 : (tensor<?x16xf32>, tensor<16x4xf32>, tensor<?x3x16xf32>, !ssm.batch) -> (tensor<?x16xf32>, tensor<?x3x16xf32>)
      %o, %g = ssm.selective_scan %a delta %d1 softplus A %A1 log2 B %B1 C %B1 state %h1 of %batch1 : (tensor<?x16xf32>, tensor<?x16xf32>, tensor<16x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x16x8xf32>, !ssm.batch) -> (tensor<?x16xf32>, tensor<?x16x8xf32>)
      ssm.yield %o, %g, %t : tensor<?x16xf32>, tensor<?x16x8xf32>, tensor<?x3x16xf32>
    }
    plan.yield %y, %h2, %s2 : tensor<?x16xf32>, tensor<?x16x8xf32>, tensor<?x3x16xf32>
  }
}
