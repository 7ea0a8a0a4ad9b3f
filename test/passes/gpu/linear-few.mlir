// Projections of few rows: weights stream through registers, 16 bytes of a column a
// lane, x waits in shared memory.
// RUN: mamba-opt %s --gpu-generate-kernels --split-input-file | FileCheck %s

// bf16: x is staged as [rows, quads of a piece by steps, lanes and padding, 4]; two
// rounds of four columns are on their way before it is, and each round of the loop
// ends with the loads of a later one. A word is two weights: its halves, shifted
// and masked. The lanes' sums are added by five exchanges, four columns at once.
// CHECK-LABEL: plan.kernel @bf16
// CHECK-SAME: grid <of = rows, times = 2> scratch 0 threads 64 shared 9216
// CHECK: gpu.func @bf16(
// CHECK-SAME: workgroup(%[[X:.*]] : memref<1x16x36x4xf32
// CHECK-COUNT-8: vector.load {{.*}} {alignment = 16 : i64} : memref<16x2048xi16>, vector<8xi16>
// CHECK: vector.load {{.*}} : memref<?x2048xf32>, vector<4xf32>
// CHECK: vector.store {{.*}}, %[[X]]
// CHECK: gpu.barrier
// CHECK: scf.for {{.*}} step %c2
// CHECK: arith.shli {{.*}}, %c16_i32
// CHECK: arith.andi {{.*}}, %c-65536_i32
// CHECK: vector.load %[[X]]{{.*}} vector<4xf32>
// CHECK: math.fma
// CHECK: vector.load {{.*}} : memref<16x2048xi16>, vector<8xi16>
// CHECK: scf.yield
// CHECK-COUNT-6: gpu.shuffle{{ +}}xor
// CHECK-NOT: gpu.shuffle
// CHECK-NOT: gpu.barrier
// CHECK: scf.if
// CHECK: memref.store {{.*}} : memref<?x16xf32>
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @bf16 for ["few"] (%x: tensor<?x2048xf32>, %w: tensor<16x2048xbf16>) {
    %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 32, row_block = 1, col_block = 8, col_tile = 4, k_block = 2048, threads = 64> : (tensor<?x2048xf32>, tensor<16x2048xbf16>) -> tensor<?x16xf32> {
      %r = ssm.linear %a, %b : tensor<?x2048xf32>, tensor<16x2048xbf16> -> tensor<?x16xf32>
      ssm.yield %r : tensor<?x16xf32>
    }
    plan.yield %y : tensor<?x16xf32>
  }
}

// -----

// int4: 32 weights and their scale. No conversion: bits become parts of numbers by
// byte permutations; what they have too much is taken from each piece's sum at its
// start, which lies beside x.
// CHECK-LABEL: plan.kernel @int4
// CHECK: gpu.func @int4(
// CHECK-SAME: workgroup(%[[X:.*]] : memref<1x16x9x4xf32{{.*}}, %[[SUMS:.*]] : memref<1x16xf32
// CHECK: vector.load {{.*}} {alignment = 16 : i64} : memref<16x256xi8>, vector<16xi8>
// CHECK: memref.load {{.*}} : memref<16x16xi16>
// CHECK: gpu.shuffle{{ +}}xor
// CHECK: memref.store {{.*}}, %[[SUMS]]
// CHECK: gpu.barrier
// CHECK: memref.load %[[SUMS]]
// CHECK-NOT: sitofp
// CHECK: arith.xori {{.*}}, %c-2004318072_i32
// CHECK: arith.andi {{.*}}, %c2021161080_i32
// CHECK: llvm.call_intrinsic "llvm.nvvm.prmt"
// CHECK-NOT: sitofp
// CHECK: memref.store {{.*}} : memref<?x16xf32>
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @int4 for ["few"] (%x: tensor<?x512xf32>, %q: tensor<16x256xi8>, %s: tensor<16x16xbf16>) {
    %y = ssm.kernel (%a = %x, %b = %q, %c = %s) schedule <lanes = 8, row_block = 1, col_block = 16, col_tile = 4, k_block = 512, threads = 32> : (tensor<?x512xf32>, tensor<16x256xi8>, tensor<16x16xbf16>) -> tensor<?x16xf32> {
      %w = ssm.dequantize %b by %c bits 4 : tensor<16x256xi8>, tensor<16x16xbf16> -> tensor<16x512xf32>
      %r = ssm.linear %a, %w : tensor<?x512xf32>, tensor<16x512xf32> -> tensor<?x16xf32>
      ssm.yield %r : tensor<?x16xf32>
    }
    plan.yield %y : tensor<?x16xf32>
  }
}

// -----

// The near miss: rows whose pitch is no multiple of four bytes come by elements,
// those beyond the end as zeros.
// CHECK-LABEL: plan.kernel @odd
// CHECK: gpu.func @odd(
// CHECK-NOT: vector.load {{.*}}memref<16x33xi16>
// CHECK: arith.cmpi slt, %{{.*}}, %c33
// CHECK: arith.minsi %{{.*}}, %c32
// CHECK: memref.load {{.*}} : memref<16x33xi16>
// CHECK: arith.select
// CHECK: memref.store {{.*}} : memref<?x16xf32>
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @odd for ["few"] (%x: tensor<?x33xf32>, %w: tensor<16x33xbf16>) {
    %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 8, row_block = 1, col_block = 16, col_tile = 4, k_block = 33, threads = 32> : (tensor<?x33xf32>, tensor<16x33xbf16>) -> tensor<?x16xf32> {
      %r = ssm.linear %a, %b : tensor<?x33xf32>, tensor<16x33xbf16> -> tensor<?x16xf32>
      ssm.yield %r : tensor<?x16xf32>
    }
    plan.yield %y : tensor<?x16xf32>
  }
}

// -----

// Two groups of lanes share a column: their sums meet in shared memory, in order.
// CHECK-LABEL: plan.kernel @shared_column
// CHECK-SAME: grid <of = rows, block = 8, times = 4> scratch 0 threads 64
// CHECK: gpu.func @shared_column(
// CHECK-SAME: memref<8x2x32x4xf32{{.*}}, %[[SUMS:.*]] : memref<2x1x8xf32
// CHECK: memref.store {{.*}}, %[[SUMS]]
// CHECK: gpu.barrier
// CHECK: %[[FIRST:.*]] = memref.load %[[SUMS]][%c0
// CHECK: %[[SECOND:.*]] = memref.load %[[SUMS]][%c1
// CHECK: arith.addf %[[FIRST]], %[[SECOND]]
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @shared_column for ["few"] (%x: tensor<?x256xf32>, %w: tensor<4x256xf32>) {
    %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 32, row_block = 8, col_block = 1, col_tile = 1, k_block = 256, threads = 64> : (tensor<?x256xf32>, tensor<4x256xf32>) -> tensor<?x4xf32> {
      %r = ssm.linear %a, %b : tensor<?x256xf32>, tensor<4x256xf32> -> tensor<?x4xf32>
      ssm.yield %r : tensor<?x4xf32>
    }
    plan.yield %y : tensor<?x4xf32>
  }
}

// -----

// x of many rows comes in pieces, with a barrier before each takes the last one's
// place; integers of eight bits get their scale before the products.
// CHECK-LABEL: plan.kernel @pieces
// CHECK: gpu.func @pieces(
// CHECK: scf.for {{.*}} step %c2
// CHECK: gpu.barrier
// CHECK: vector.store
// CHECK: gpu.barrier
// CHECK: %[[NUMBER:.*]] = arith.subf {{.*}}, %cst
// CHECK: arith.mulf %[[NUMBER]]
// CHECK: math.fma
// CHECK: scf.yield
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @pieces for ["few"] (%x: tensor<?x2048xf32>, %q: tensor<16x2048xi8>, %s: tensor<16x64xbf16>) {
    %y = ssm.kernel (%a = %x, %b = %q, %c = %s) schedule <lanes = 8, row_block = 4, col_block = 16, col_tile = 4, k_block = 256, threads = 32> : (tensor<?x2048xf32>, tensor<16x2048xi8>, tensor<16x64xbf16>) -> tensor<?x16xf32> {
      %w = ssm.dequantize %b by %c bits 8 : tensor<16x2048xi8>, tensor<16x64xbf16> -> tensor<16x2048xf32>
      %r = ssm.linear %a, %w : tensor<?x2048xf32>, tensor<16x2048xf32> -> tensor<?x16xf32>
      ssm.yield %r : tensor<?x16xf32>
    }
    plan.yield %y : tensor<?x16xf32>
  }
}

// -----

// A kernel of decode steps has variants for few sequences; the near miss is
// linear.mlir's @prefill.
// CHECK-LABEL: plan.kernel @decode for ["decode"]
// CHECK-SAME: block = 32
// CHECK-SAME: variants [#plan.variant<@decode_one, max_sequences = 1>, #plan.variant<@decode_two, max_sequences = 2>, #plan.variant<@decode_four, max_sequences = 4>, #plan.variant<@decode_few, max_sequences = 16>]
// CHECK-DAG: plan.kernel @decode_one for ["decode"] grid <of = rows, times
// CHECK-DAG: plan.kernel @decode_two for ["decode"] grid <of = rows, block = 2, times
// CHECK-DAG: plan.kernel @decode_four for ["decode"] grid <of = rows, block = 4, times
// CHECK-DAG: plan.kernel @decode_few for ["decode"] grid <of = rows, block = 8, times
// CHECK: gpu.func @decode(
// CHECK: gpu.func @decode_one(
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @decode for ["decode"] (%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) {
    %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32> {
      %r = ssm.linear %a, %b : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
      ssm.yield %r : tensor<?x64xf32>
    }
    plan.yield %y : tensor<?x64xf32>
  }
}
