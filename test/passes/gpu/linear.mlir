// Projections of many rows: tiles through shared memory. linear-few.mlir has those
// of few.
// RUN: mamba-opt %s --gpu-generate-kernels --split-input-file --verify-diagnostics | FileCheck %s

// Tiles: 32 rows by 16 columns of 32 threads, each 4 by 4. The first piece of x
// and W is stored before the loop; in the loop the next one is loaded before
// this one is computed, and stored into the other buffer after it. Activations
// move as vectors, weights by elements.
// CHECK-LABEL: plan.kernel @tiles
// CHECK-SAME: grid <of = rows, block = 32, times = 2> scratch 0 threads 32 shared 3584
// CHECK: gpu.func @tiles(
// CHECK-SAME: workgroup(%[[X:.*]] : memref<2x8x36xf32, #gpu.address_space<workgroup>> {{.*}}, %[[W:.*]] : memref<2x8x20xf32, #gpu.address_space<workgroup>>
// CHECK-DAG: %[[BLOCK:.*]] = gpu.block_id x
// CHECK: arith.divui %[[BLOCK]], %c2
// CHECK: arith.remui %[[BLOCK]], %c2
// CHECK: vector.load {{.*}} {alignment = 16 : i64} : memref<?x16xf32>, vector<4xf32>
// CHECK: memref.load {{.*}} : memref<32x16xf32>
// CHECK: memref.store {{.*}}, %[[X]]
// CHECK: memref.store {{.*}}, %[[W]]
// CHECK: gpu.barrier
// CHECK: scf.for %[[K:.*]] = %c0{{.*}} to %c16{{.*}} step %c8{{.*}} iter_args
// CHECK: %[[MORE:.*]] = arith.cmpi slt
// CHECK: scf.if %[[MORE]] -> (f32, f32
// CHECK: vector.load {{.*}} : memref<?x16xf32>
// CHECK-NOT: arith.select
// CHECK: vector.load %[[X]][{{.*}} {alignment = 16 : i64} : memref<2x8x36xf32
// CHECK: vector.load %[[W]][{{.*}} {alignment = 16 : i64} : memref<2x8x20xf32
// CHECK-COUNT-128: math.fma
// CHECK-NOT: math.fma
// CHECK: scf.if %[[MORE]] {
// CHECK: memref.store {{.*}}, %[[X]]
// CHECK: gpu.barrier
// CHECK: scf.if
// CHECK: vector.store {{.*}} {alignment = 16 : i64} : memref<?x32xf32>, vector<4xf32>
// CHECK-NOT: gpu.barrier
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @tiles for ["prefill"] (%x: tensor<?x16xf32>, %w: tensor<32x16xf32>) {
    %y = ssm.kernel (%a = %x, %b = %w) schedule <row_block = 32, col_block = 16, row_tile = 4, col_tile = 4, k_block = 8, threads = 32> : (tensor<?x16xf32>, tensor<32x16xf32>) -> tensor<?x32xf32> {
      %r = ssm.linear %a, %b : tensor<?x16xf32>, tensor<32x16xf32> -> tensor<?x32xf32>
      ssm.yield %r : tensor<?x32xf32>
    }
    plan.yield %y : tensor<?x32xf32>
  }
}

// -----

// Where nothing is a multiple of anything: x by elements, the last ones of k
// replaced by zeros, the last row and column loaded again in place of those
// beyond them; outputs one by one, each behind its guard.
// CHECK-LABEL: plan.kernel @ragged
// CHECK-SAME: times = 2
// CHECK: gpu.func @ragged(
// CHECK: arith.minsi
// CHECK: %[[INSIDE:.*]] = arith.cmpi slt, %{{.*}}, %c17
// CHECK: arith.minsi %{{.*}}, %c16
// CHECK: %[[LOADED:.*]] = memref.load {{.*}} : memref<?x17xf32>
// CHECK: arith.select %[[INSIDE]], %[[LOADED]], %cst
// CHECK-NOT: vector.load {{.*}}memref<?x
// CHECK: scf.for
// CHECK: gpu.barrier
// CHECK: memref.load {{.*}} : memref<31xf32>
// CHECK: scf.if
// CHECK: %[[COLUMN:.*]] = arith.cmpi slt, %{{.*}}, %c31
// CHECK: scf.if %[[COLUMN]] {
// CHECK: arith.addf
// CHECK: memref.store {{.*}} : memref<?x31xf32>
// CHECK-NOT: vector.store
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @ragged for ["prefill"] (%x: tensor<?x17xf32>, %w: tensor<31x17xf32>, %v: tensor<31xf32>) {
    %y = ssm.kernel (%a = %x, %b = %w, %c = %v) schedule <row_block = 32, col_block = 16, row_tile = 4, col_tile = 4, k_block = 8, threads = 32> : (tensor<?x17xf32>, tensor<31x17xf32>, tensor<31xf32>) -> tensor<?x31xf32> {
      %r = ssm.linear %a, %b bias %c : tensor<?x17xf32>, tensor<31x17xf32>, tensor<31xf32> -> tensor<?x31xf32>
      ssm.yield %r : tensor<?x31xf32>
    }
    plan.yield %y : tensor<?x31xf32>
  }
}

// -----

// A norm's squares are added up as x is loaded; its factor waits in shared memory
// for the sums, and the residual is added after it.
// CHECK-LABEL: gpu.func @norm_residual(
// CHECK-SAME: memref<32xf32, #gpu.address_space<workgroup>>
// CHECK: gpu.barrier
// CHECK: scf.for
// CHECK: gpu.barrier
// CHECK-COUNT-2: gpu.shuffle{{ +}}xor
// CHECK: "llvm.nvvm.rsqrt.approx.ftz.f"
// CHECK: gpu.barrier
// CHECK: scf.if
// CHECK: %[[FACTOR:.*]] = memref.load {{.*}} : memref<32xf32, #gpu.address_space<workgroup>>
// CHECK: %[[PRODUCT:.*]] = arith.mulf %{{.*}}, %[[FACTOR]]
// CHECK: vector.load {{.*}} : memref<?x16xf32>, vector<4xf32>
// CHECK: arith.addf %{{.*}}, %[[PRODUCT]]
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @norm_residual for ["prefill"] (%x: tensor<?x16xf32>, %w: tensor<16x16xf32>, %z: tensor<?x16xf32>) {
    %y = ssm.kernel (%a = %x, %b = %w, %c = %z) schedule <row_block = 32, col_block = 16, row_tile = 4, col_tile = 4, k_block = 8, threads = 32> : (tensor<?x16xf32>, tensor<16x16xf32>, tensor<?x16xf32>) -> tensor<?x16xf32> {
      %n = ssm.rms_norm %a eps 1.0e-05 : tensor<?x16xf32>
      %r = ssm.linear %n, %b : tensor<?x16xf32>, tensor<16x16xf32> -> tensor<?x16xf32>
      %s = ssm.add %c, %r : tensor<?x16xf32>
      ssm.yield %s : tensor<?x16xf32>
    }
    plan.yield %y : tensor<?x16xf32>
  }
}

// -----

// Columns of a wider row at an offset that vectors cannot start from.
// CHECK-LABEL: gpu.func @part(
// CHECK-NOT: vector.load {{.*}}memref<?x20xf32>
// CHECK: arith.addi %{{.*}}, %c2
// CHECK: memref.load {{.*}} : memref<?x20xf32>
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @part for ["prefill"] (%x: tensor<?x20xf32>, %w: tensor<16x16xf32>) {
    %y = ssm.kernel (%a = %x, %b = %w) schedule <row_block = 32, col_block = 16, row_tile = 4, col_tile = 4, k_block = 8, threads = 32> : (tensor<?x20xf32>, tensor<16x16xf32>) -> tensor<?x16xf32> {
      %p:3 = ssm.split %a : tensor<?x20xf32> -> tensor<?x2xf32>, tensor<?x16xf32>, tensor<?x2xf32>
      %r = ssm.linear %p#1, %b : tensor<?x16xf32>, tensor<16x16xf32> -> tensor<?x16xf32>
      ssm.yield %r : tensor<?x16xf32>
    }
    plan.yield %y : tensor<?x16xf32>
  }
}

// -----

// Steps of prefill may have many tokens in few sequences: no variants.
// CHECK-LABEL: plan.kernel @prefill for
// CHECK-NOT: variants
// CHECK: gpu.func @prefill(
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @prefill for ["prefill"] (%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) {
    %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32> {
      %r = ssm.linear %a, %b : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
      ssm.yield %r : tensor<?x64xf32>
    }
    plan.yield %y : tensor<?x64xf32>
  }
}

// -----

module attributes {ssm.target = "cuda:sm_80"} {
  // expected-error @below {{no kernel can be generated for target 'cuda:sm_80': kernels of a GPU read no packed weights}}
  plan.kernel @packed for ["prefill"] (%x: tensor<?x64xf32>, %w: tensor<1x64x64xf32>) {
    %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x64xf32>, tensor<1x64x64xf32>) -> tensor<?x64xf32> {
      %u = ssm.unpack %b : tensor<1x64x64xf32> -> tensor<64x64xf32>
      %r = ssm.linear %a, %u : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
      ssm.yield %r : tensor<?x64xf32>
    }
    plan.yield %y : tensor<?x64xf32>
  }
}

// -----

// The same of what is dequantised.
module attributes {ssm.target = "cuda:sm_80"} {
  // expected-error @below {{no kernel can be generated for target 'cuda:sm_80': kernels of a GPU read no packed weights}}
  plan.kernel @packed_integers for ["prefill"] (%x: tensor<?x64xf32>, %w: tensor<1x64x64xi8>, %s: tensor<64x2xbf16>) {
    %y = ssm.kernel (%a = %x, %b = %w, %c = %s) : (tensor<?x64xf32>, tensor<1x64x64xi8>, tensor<64x2xbf16>) -> tensor<?x64xf32> {
      %u = ssm.unpack %b : tensor<1x64x64xi8> -> tensor<64x64xi8>
      %d = ssm.dequantize %u by %c bits 8 : tensor<64x64xi8>, tensor<64x2xbf16> -> tensor<64x64xf32>
      %r = ssm.linear %a, %d : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
      ssm.yield %r : tensor<?x64xf32>
    }
    plan.yield %y : tensor<?x64xf32>
  }
}
