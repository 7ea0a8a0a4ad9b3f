// Projections of few rows on the matrix unit: weights go from memory into its
// registers, x waits in shared memory.
// RUN: mamba-opt %s --gpu-generate-kernels --split-input-file | FileCheck %s

// bf16: of a run of 128 k each of two columns has four loads on their way. x is
// staged as [steps of 32 k, eights of rows, lanes, 16 bytes]; where it is long a
// loop brings it. Two instructions a step, their operands without a word of
// arithmetic between.
// CHECK-LABEL: plan.kernel @bf16
// CHECK-SAME: grid <of = rows, block = 8, times = 2> scratch 0 threads 32 shared 8192
// CHECK: gpu.func @bf16(
// CHECK-SAME: workgroup(%[[X:.*]] : memref<16x1x32x4xf32
// CHECK-COUNT-8: vector.load {{.*}} {alignment = 16 : i64} : memref<32x512xi16>, vector<8xi16>
// CHECK: scf.for
// CHECK: vector.load {{.*}} {alignment = 16 : i64} : memref<?x512xi16>, vector<8xi16>
// CHECK: vector.store {{.*}}, %[[X]]
// CHECK: gpu.barrier
// CHECK: scf.for
// CHECK: vector.load {{.*}} : memref<32x512xi16>, vector<8xi16>
// CHECK: vector.load %[[X]]{{.*}} vector<4xf32>
// CHECK-COUNT-2: nvvm.mma.sync {{.*}}multiplicandAPtxType = #nvvm.mma_type<bf16>{{.*}}shape = #nvvm.shape<m = 16, n = 8, k = 16>
// CHECK-NOT: math.fma
// CHECK: scf.yield
// CHECK-NOT: gpu.barrier
// CHECK: memref.store {{.*}} : memref<?x32xf32>
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @bf16 for ["few"] (%x: tensor<?x512xbf16>, %w: tensor<32x512xbf16>) {
    %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 4, row_block = 8, col_block = 16, col_tile = 16, k_block = 512, threads = 32, mma = 16> : (tensor<?x512xbf16>, tensor<32x512xbf16>) -> tensor<?x32xf32> {
      %f = ssm.cast %a : tensor<?x512xbf16> to tensor<?x512xf32>
      %r = ssm.linear %f, %b : tensor<?x512xf32>, tensor<32x512xbf16> -> tensor<?x32xf32>
      ssm.yield %r : tensor<?x32xf32>
    }
    plan.yield %y : tensor<?x32xf32>
  }
}

// -----

// int8: a load is a group's 32 bytes in four lanes, a run's scales come together.
// Pairs of integers are made of bytes and three exact operations; a group's sum starts
// at zero and gets its scale.
// CHECK-LABEL: plan.kernel @int8
// CHECK: gpu.func @int8(
// CHECK: vector.load {{.*}} {alignment = 8 : i64} : memref<32x512xi8>, vector<8xi8>
// CHECK: vector.load {{.*}} {alignment = 16 : i64} : memref<32x16xi16>, vector<8xi16>
// CHECK: llvm.call_intrinsic "llvm.nvvm.prmt"
// CHECK: gpu.barrier
// CHECK-NOT: sitofp
// CHECK-NOT: gpu.shuffle
// CHECK: arith.xori {{.*}}, %c-2139062144_i32
// CHECK: llvm.call_intrinsic "llvm.nvvm.prmt"
// CHECK: llvm.call_intrinsic "llvm.nvvm.fma.rn.bf16x2"
// CHECK: llvm.call_intrinsic "llvm.nvvm.fma.rn.relu.bf16x2"
// CHECK: llvm.call_intrinsic "llvm.nvvm.fma.rn.bf16x2"
// CHECK-COUNT-2: nvvm.mma.sync
// CHECK: math.fma
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @int8 for ["few"] (%x: tensor<?x512xbf16>, %q: tensor<32x512xi8>, %s: tensor<32x16xbf16>) {
    %y = ssm.kernel (%a = %x, %b = %q, %c = %s) schedule <lanes = 4, row_block = 8, col_block = 16, col_tile = 16, k_block = 512, threads = 32, mma = 16> : (tensor<?x512xbf16>, tensor<32x512xi8>, tensor<32x16xbf16>) -> tensor<?x32xf32> {
      %f = ssm.cast %a : tensor<?x512xbf16> to tensor<?x512xf32>
      %w = ssm.dequantize %b by %c bits 8 : tensor<32x512xi8>, tensor<32x16xbf16> -> tensor<32x512xf32>
      %r = ssm.linear %f, %w : tensor<?x512xf32>, tensor<32x512xf32> -> tensor<?x32xf32>
      ssm.yield %r : tensor<?x32xf32>
    }
    plan.yield %y : tensor<?x32xf32>
  }
}

// -----

// int4: a load has two groups, each in two lanes, which exchange a word. Two warps
// share the columns: their sums meet in shared memory, in order.
// CHECK-LABEL: plan.kernel @int4
// CHECK-SAME: threads 64
// CHECK: gpu.func @int4(
// CHECK: gpu.barrier
// CHECK: gpu.shuffle{{ +}}xor
// CHECK: arith.andi {{.*}}, %c983055_i32
// CHECK: llvm.call_intrinsic "llvm.nvvm.fma.rn.bf16x2"
// CHECK-COUNT-2: nvvm.mma.sync
// CHECK: vector.store {{.*}} : memref<1x1x32x4xf32
// CHECK: gpu.barrier
// CHECK: vector.load {{.*}} : memref<1x1x32x4xf32
// CHECK: arith.addf
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @int4 for ["few"] (%x: tensor<?x512xbf16>, %q: tensor<32x256xi8>, %s: tensor<32x16xbf16>) {
    %y = ssm.kernel (%a = %x, %b = %q, %c = %s) schedule <lanes = 4, row_block = 8, col_block = 16, col_tile = 16, k_block = 512, threads = 64, mma = 16> : (tensor<?x512xbf16>, tensor<32x256xi8>, tensor<32x16xbf16>) -> tensor<?x32xf32> {
      %f = ssm.cast %a : tensor<?x512xbf16> to tensor<?x512xf32>
      %w = ssm.dequantize %b by %c bits 4 : tensor<32x256xi8>, tensor<32x16xbf16> -> tensor<32x512xf32>
      %r = ssm.linear %f, %w : tensor<?x512xf32>, tensor<32x512xf32> -> tensor<?x32xf32>
      ssm.yield %r : tensor<?x32xf32>
    }
    plan.yield %y : tensor<?x32xf32>
  }
}

// -----

// A kernel that decode steps share with others is copied for them, or it would have
// no variants; the near miss is linear.mlir's @prefill.
// CHECK-LABEL: plan.kernel @both for ["prefill"] grid
// CHECK-NOT: variants
// CHECK-SAME: (%
// CHECK: plan.kernel @both_decode for ["decode"]
// CHECK-SAME: variants [#plan.variant<@both_decode_one, max_sequences = 1>,
// CHECK-SAME: max_sequences = 16>]
// CHECK: plan.program of @next class "decode"
// CHECK: plan.dispatch @both_decode
// CHECK: plan.program of @next class "prefill"
// CHECK: plan.dispatch @both rows
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @both for ["decode", "prefill"] (%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) {
    %y = ssm.kernel (%a = %x, %b = %w) schedule <row_block = 32, col_block = 32, row_tile = 4, col_tile = 4, k_block = 32, threads = 64> : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32> {
      %r = ssm.linear %a, %b : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
      ssm.yield %r : tensor<?x64xf32>
    }
    plan.yield %y : tensor<?x64xf32>
  }
  plan.entry @next {
    plan.argument "x" T : tensor<?x64xf32>
    plan.result "y" T : tensor<?x64xf32>
  }
  plan.recipe bytes 0 {
    %w = plan.weight "w" : memref<64x64xf32>
  }
  plan.program of @next class "decode" max_length 1 arena T 0 S 0 C 0 {
    %x = plan.input "x" : memref<?x64xf32>
    %w = plan.weight "w" : memref<64x64xf32>
    %y = plan.output "y" : memref<?x64xf32>
    plan.dispatch @both rows T (%x, %w, out %y) : memref<?x64xf32>, memref<64x64xf32>, memref<?x64xf32>
  }
  plan.program of @next class "prefill" arena T 0 S 0 C 0 {
    %x = plan.input "x" : memref<?x64xf32>
    %w = plan.weight "w" : memref<64x64xf32>
    %y = plan.output "y" : memref<?x64xf32>
    plan.dispatch @both rows T (%x, %w, out %y) : memref<?x64xf32>, memref<64x64xf32>, memref<?x64xf32>
  }
}
