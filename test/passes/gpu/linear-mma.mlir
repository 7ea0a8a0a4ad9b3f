// Projections on the matrix unit, and which are not taken there.
// RUN: mamba-opt %s --ssm-assign-schedules --gpu-generate-kernels --split-input-file | FileCheck %s

module attributes {ssm.target = "cuda:sm_80"} {

// A prefill of bf16 goes to the matrix unit, and so does one of quantised
// weights; rows that are f32, and weights of another type than the rows, get
// tiles of multiply-adds. Narrow outputs have warps that share k.
// CHECK-LABEL: func.func @bf16
// CHECK: schedule <row_block = {{[0-9]+}}, {{.*}}stages = {{[3-4]}}, mma = 16>
// CHECK-LABEL: func.func @int8
// CHECK: schedule <{{.*}}stages = 2, mma = 16>
// CHECK-LABEL: func.func @f32_rows
// CHECK: schedule <row_block = 64, col_block = 64, row_tile = 8, col_tile = 8, k_block = 8, threads = 64>
// CHECK-LABEL: func.func @mixed
// CHECK: schedule <row_block = 64, col_block = 64, row_tile = 8, col_tile = 8, k_block = 8, threads = 64>
// CHECK-LABEL: func.func @odd
// CHECK: schedule <row_block = 64, col_block = 64, row_tile = 8, col_tile = 8, k_block = 8, threads = 64>
func.func @bf16(%x: tensor<?x64xbf16>, %w: tensor<64x64xbf16>) -> tensor<?x64xf32> attributes {ssm.class = "prefill"} {
  %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x64xbf16>, tensor<64x64xbf16>) -> tensor<?x64xf32> {
    %f = ssm.cast %a : tensor<?x64xbf16> to tensor<?x64xf32>
    %l = ssm.linear %f, %b : tensor<?x64xf32>, tensor<64x64xbf16> -> tensor<?x64xf32>
    ssm.yield %l : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}
func.func @int8(%x: tensor<?x64xbf16>, %q: tensor<64x64xi8>, %s: tensor<64x2xbf16>) -> tensor<?x64xf32> attributes {ssm.class = "prefill"} {
  %y = ssm.kernel (%a = %x, %b = %q, %c = %s) : (tensor<?x64xbf16>, tensor<64x64xi8>, tensor<64x2xbf16>) -> tensor<?x64xf32> {
    %f = ssm.cast %a : tensor<?x64xbf16> to tensor<?x64xf32>
    %w = ssm.dequantize %b by %c bits 8 : tensor<64x64xi8>, tensor<64x2xbf16> -> tensor<64x64xf32>
    %l = ssm.linear %f, %w : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
    ssm.yield %l : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}
func.func @f32_rows(%x: tensor<?x64xf32>, %w: tensor<64x64xbf16>) -> tensor<?x64xf32> attributes {ssm.class = "prefill"} {
  %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x64xf32>, tensor<64x64xbf16>) -> tensor<?x64xf32> {
    %l = ssm.linear %a, %b : tensor<?x64xf32>, tensor<64x64xbf16> -> tensor<?x64xf32>
    ssm.yield %l : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}
func.func @mixed(%x: tensor<?x64xbf16>, %w: tensor<64x64xf16>) -> tensor<?x64xf32> attributes {ssm.class = "prefill"} {
  %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x64xbf16>, tensor<64x64xf16>) -> tensor<?x64xf32> {
    %f = ssm.cast %a : tensor<?x64xbf16> to tensor<?x64xf32>
    %l = ssm.linear %f, %b : tensor<?x64xf32>, tensor<64x64xf16> -> tensor<?x64xf32>
    ssm.yield %l : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}
func.func @odd(%x: tensor<?x60xbf16>, %w: tensor<64x60xbf16>) -> tensor<?x64xf32> attributes {ssm.class = "prefill"} {
  %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x60xbf16>, tensor<64x60xbf16>) -> tensor<?x64xf32> {
    %f = ssm.cast %a : tensor<?x60xbf16> to tensor<?x60xf32>
    %l = ssm.linear %f, %b : tensor<?x60xf32>, tensor<64x60xbf16> -> tensor<?x64xf32>
    ssm.yield %l : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}

}

// -----

// One warp, 16 by 16 outputs, two stages of 16 k. A row beyond the end is copied
// as zeros. In the loop: the copies of this piece have come, those of the next
// begin, then the fragments and the products. At the end a row's scale, and
// stores of four columns.
// CHECK-LABEL: plan.kernel @copied
// CHECK-SAME: grid <of = rows, block = 16, times = 2> scratch 0 threads 32 shared 2048
// CHECK: gpu.func @copied(
// CHECK-COUNT-2: nvvm.cp.async.shared.global %{{.*}}, %{{.*}}, 16, cache = cg
// CHECK: nvvm.cp.async.commit.group
// CHECK: scf.for
// CHECK: nvvm.cp.async.wait.group 0
// CHECK: gpu.barrier
// CHECK: scf.if
// CHECK: arith.select %{{.*}}, %c16_i32{{.*}}, %c0_i32
// CHECK: nvvm.cp.async.shared.global %{{.*}}, %{{.*}}, 16, cache = cg, %{{.*}} : !llvm.ptr<3>, !llvm.ptr<1>, i32
// CHECK: nvvm.cp.async.shared.global %{{.*}}, %{{.*}}, 16, cache = cg : !llvm.ptr<3>, !llvm.ptr<1>
// CHECK: nvvm.cp.async.commit.group
// CHECK-COUNT-2: nvvm.ldmatrix {{.*}} num = 4
// CHECK-COUNT-8: math.fma
// CHECK-COUNT-2: nvvm.mma.sync {{.*}}multiplicandAPtxType = #nvvm.mma_type<bf16>{{.*}}shape = #nvvm.shape<m = 16, n = 8, k = 16>
// CHECK-NOT: nvvm.mma.sync
// CHECK: gpu.barrier
// CHECK: gpu.shuffle xor
// CHECK: gpu.barrier
// CHECK: "llvm.nvvm.rsqrt.approx.ftz.f"
// CHECK: vector.store {{.*}} {alignment = 16 : i64} : memref<?x32xf32>, vector<4xf32>
// CHECK: vector.store {{.*}} {alignment = 8 : i64} : memref<?x32xi16>, vector<4xi16>
module attributes {ssm.target = "cuda:sm_80"} {
plan.kernel @copied for ["prefill"] (%x: tensor<?x32xbf16>, %w: tensor<32x32xbf16>) {
  %y:2 = ssm.kernel (%a = %x, %b = %w) schedule <row_block = 16, col_block = 16, row_tile = 16, col_tile = 16, k_block = 16, threads = 32, stages = 2, mma = 16> : (tensor<?x32xbf16>, tensor<32x32xbf16>) -> (tensor<?x32xf32>, tensor<?x32xbf16>) {
    %f = ssm.cast %a : tensor<?x32xbf16> to tensor<?x32xf32>
    %n = ssm.rms_norm %f eps 1.0e-05 : tensor<?x32xf32>
    %l = ssm.linear %n, %b : tensor<?x32xf32>, tensor<32x32xbf16> -> tensor<?x32xf32>
    %c = ssm.cast %l : tensor<?x32xf32> to tensor<?x32xbf16>
    ssm.yield %l, %c : tensor<?x32xf32>, tensor<?x32xbf16>
  }
  plan.yield %y#0, %y#1 : tensor<?x32xf32>, tensor<?x32xbf16>
}
}

// -----

// Two warps share k: each takes its step of a piece, and the sums meet in shared
// memory. No row has a scale.
// CHECK-LABEL: plan.kernel @shared_k
// CHECK: gpu.func @shared_k(
// CHECK-COUNT-2: nvvm.mma.sync
// CHECK-NOT: nvvm.mma.sync
// CHECK: gpu.barrier
// CHECK: scf.if
// CHECK: vector.store {{.*}}#gpu.address_space<workgroup>
// CHECK: gpu.barrier
// CHECK: scf.if
// CHECK: vector.load {{.*}}#gpu.address_space<workgroup>
// CHECK-NOT: rsqrt
// CHECK: vector.store {{.*}} : memref<?x32xf32>
module attributes {ssm.target = "cuda:sm_80"} {
plan.kernel @shared_k for ["prefill"] (%x: tensor<?x32xbf16>, %w: tensor<32x32xbf16>) {
  %y = ssm.kernel (%a = %x, %b = %w) schedule <row_block = 16, col_block = 16, row_tile = 16, col_tile = 16, k_block = 32, threads = 64, stages = 2, mma = 16> : (tensor<?x32xbf16>, tensor<32x32xbf16>) -> tensor<?x32xf32> {
    %f = ssm.cast %a : tensor<?x32xbf16> to tensor<?x32xf32>
    %l = ssm.linear %f, %b : tensor<?x32xf32>, tensor<32x32xbf16> -> tensor<?x32xf32>
    ssm.yield %l : tensor<?x32xf32>
  }
  plan.yield %y : tensor<?x32xf32>
}
}

// -----

// Quantised weights pass through registers on their way; a group's products are
// summed from zero, and added times the scale.
// CHECK-LABEL: plan.kernel @scaled
// CHECK: gpu.func @scaled(
// CHECK: scf.for
// CHECK: vector.load {{.*}} {alignment = 4 : i64} : memref<32x16xi8>, vector<4xi8>
// CHECK: %[[SCALES:.*]] = vector.load {{.*}} vector<4xf32>
// CHECK: nvvm.mma.sync {{.*}} C[%[[ZERO:cst[_0-9]*]], %[[ZERO]], %[[ZERO]], %[[ZERO]]]
// CHECK: nvvm.mma.sync
// CHECK-COUNT-4: math.fma
module attributes {ssm.target = "cuda:sm_80"} {
plan.kernel @scaled for ["prefill"] (%x: tensor<?x32xbf16>, %q: tensor<32x16xi8>, %s: tensor<32x1xbf16>) {
  %y = ssm.kernel (%a = %x, %b = %q, %c = %s) schedule <row_block = 16, col_block = 32, row_tile = 16, col_tile = 16, k_block = 32, threads = 64, stages = 2, mma = 16> : (tensor<?x32xbf16>, tensor<32x16xi8>, tensor<32x1xbf16>) -> tensor<?x32xf32> {
    %f = ssm.cast %a : tensor<?x32xbf16> to tensor<?x32xf32>
    %w = ssm.dequantize %b by %c bits 4 : tensor<32x16xi8>, tensor<32x1xbf16> -> tensor<32x32xf32>
    %l = ssm.linear %f, %w : tensor<?x32xf32>, tensor<32x32xf32> -> tensor<?x32xf32>
    ssm.yield %l : tensor<?x32xf32>
  }
  plan.yield %y : tensor<?x32xf32>
}
}

// -----

// Before sm_80 f16 goes through registers, eight k an instruction, and bf16 does
// not go there at all.
// CHECK-LABEL: func.func @oldest_bf16
// CHECK: schedule <row_block = 64, col_block = 64, row_tile = 8
// CHECK-LABEL: plan.kernel @oldest_f16
// CHECK-NOT: cp.async
// CHECK: vector.load {{.*}} {alignment = 16 : i64} : memref<?x16xf16>, vector<8xf16>
// CHECK-COUNT-4: nvvm.mma.sync {{.*}}shape = #nvvm.shape<m = 16, n = 8, k = 8>
module attributes {ssm.target = "cuda:sm_75"} {
func.func @oldest_bf16(%x: tensor<?x64xbf16>, %w: tensor<64x64xbf16>) -> tensor<?x64xf32> attributes {ssm.class = "prefill"} {
  %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x64xbf16>, tensor<64x64xbf16>) -> tensor<?x64xf32> {
    %f = ssm.cast %a : tensor<?x64xbf16> to tensor<?x64xf32>
    %l = ssm.linear %f, %b : tensor<?x64xf32>, tensor<64x64xbf16> -> tensor<?x64xf32>
    ssm.yield %l : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}
plan.kernel @oldest_f16 for ["prefill"] (%x: tensor<?x16xf16>, %w: tensor<16x16xf16>) {
  %y = ssm.kernel (%a = %x, %b = %w) schedule <row_block = 16, col_block = 16, row_tile = 16, col_tile = 16, k_block = 16, threads = 32, stages = 2, mma = 8> : (tensor<?x16xf16>, tensor<16x16xf16>) -> tensor<?x16xf32> {
    %f = ssm.cast %a : tensor<?x16xf16> to tensor<?x16xf32>
    %l = ssm.linear %f, %b : tensor<?x16xf32>, tensor<16x16xf16> -> tensor<?x16xf32>
    ssm.yield %l : tensor<?x16xf32>
  }
  plan.yield %y : tensor<?x16xf32>
}
}
