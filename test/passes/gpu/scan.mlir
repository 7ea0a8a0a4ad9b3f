// RUN: mamba-opt %s --gpu-generate-kernels --canonicalize --cse --split-input-file --verify-diagnostics | FileCheck %s

// A thread a channel, its 16 states in registers. B, C, and what dt is projected
// from (with k up to a whole group of four) are copied once a block and chunk, in
// vectors of four; dt and y stay with their thread: no lanes meet. A tile is four
// steps in a straight line, its rows clamped only where some are not there. Few
// sequences have variants of their own, as long as their channels do not fill the
// machine.
// CHECK-LABEL: plan.kernel @scan_alone
// CHECK-SAME: grid <of = sequences> scratch 0 threads 64
// CHECK-SAME: variants [#plan.variant<@scan_alone_l8, max_sequences = 32>, #plan.variant<@scan_alone_l4, max_sequences = 512>]
// CHECK: plan.kernel @scan_alone_l4
// CHECK-NEXT: col_block = 32, {{.*}} state_lanes = 4
// CHECK: plan.kernel @scan_alone_l8
// CHECK-NEXT: col_block = 16, {{.*}} state_lanes = 8
// CHECK: gpu.func @scan_alone(
// CHECK-SAME: memref<16x4x1x4xf32, #gpu.address_space<workgroup>>
// CHECK-SAME: memref<16x4x1x4xf32, #gpu.address_space<workgroup>>
// CHECK-SAME: memref<4x1x8x4xf32, #gpu.address_space<workgroup>>
// CHECK-SAME: memref<2x260xf32, #gpu.address_space<workgroup>>
// CHECK-COUNT-4: vector.load {{.*}} : memref<?x64x16xf32>, vector<4xf32>
// CHECK: scf.for {{.*}} step %c16 iter_args
// CHECK: gpu.barrier
// CHECK: scf.for {{.*}} step %c4 iter_args
// CHECK: scf.if {{.*}} -> (f32, f32, f32, f32)
// CHECK-NOT: arith.minsi
// CHECK: else
// CHECK-COUNT-4: arith.minsi
// CHECK: scf.for {{.*}} %c0 to %c2 step %c1 iter_args
// CHECK: vector.load {{.*}} : memref<2x260xf32, {{.*}}, vector<4xf32>
// CHECK: vector.load {{.*}} : memref<4x1x8x4xf32, {{.*}}, vector<4xf32>
// CHECK-COUNT-16: math.fma
// CHECK-COUNT-68: "llvm.nvvm.ex2.approx.ftz.f"
// CHECK-NOT: gpu.shuffle
// CHECK: gpu.barrier
// CHECK-COUNT-4: vector.store {{.*}} : memref<?x64x16xf32>, vector<4xf32>
// CHECK: gpu.return
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @scan_alone for ["prefill"] (%u: tensor<?x64xf32>, %x: tensor<?x38xf32>, %w: tensor<64x6xf32>, %A: tensor<64x16xf32>, %h: tensor<?x64x16xf32>, %batch: !ssm.batch) {
    %y, %t = ssm.kernel (%u1 = %u, %x1 = %x, %w1 = %w, %A1 = %A, %h1 = %h, %batch1 = %batch) schedule <col_block = 64, row_tile = 4, chunk = 16, threads = 64, state_lanes = 1> : (tensor<?x64xf32>, tensor<?x38xf32>, tensor<64x6xf32>, tensor<64x16xf32>, tensor<?x64x16xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x64x16xf32>) {
      %d, %B, %C = ssm.split %x1 : tensor<?x38xf32> -> tensor<?x6xf32>, tensor<?x16xf32>, tensor<?x16xf32>
      %p = ssm.linear %d, %w1 : tensor<?x6xf32>, tensor<64x6xf32> -> tensor<?x64xf32>
      %dt = ssm.softplus %p : tensor<?x64xf32>
      %y1, %t1 = ssm.selective_scan %u1 delta %dt A %A1 log2 B %B C %C state %h1 of %batch1 : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<64x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x64x16xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x64x16xf32>)
      ssm.yield %y1, %t1 : tensor<?x64xf32>, tensor<?x64x16xf32>
    }
    plan.yield %y, %t : tensor<?x64xf32>, tensor<?x64x16xf32>
  }
}

// -----

// Four threads share a channel: four states each, neighbours of neighbouring
// channels. What a chunk needs is loaded during the one before it: B, C and two
// steps a thread. The block meets when dt and dt * u are there, and when y of each
// thread's states is; their sums are a tree.
// CHECK-LABEL: gpu.func @scan_shared(
// CHECK: %[[LANE:.+]] = arith.divui %thread_id_x, %c16
// CHECK: %[[CHANNEL:.+]] = arith.remui %thread_id_x, %c16
// CHECK: vector.load {{.*}} : memref<?x16xf32>, vector<4xf32>
// CHECK: scf.for {{.*}} step %c8 iter_args
// CHECK-COUNT-2: vector.store %arg{{.*}} : memref<8x1x4x4xf32, {{.*}}, vector<4xf32>
// CHECK: gpu.barrier
// CHECK-COUNT-2: vector.load {{.*}} : memref<?x16xf32>, vector<4xf32>
// CHECK-COUNT-2: vector.store {{.*}} : memref<2x64xf32, {{.*}}, vector<2xf32>
// CHECK: gpu.barrier
// CHECK: scf.for {{.*}} step %c4 iter_args
// CHECK-COUNT-16: "llvm.nvvm.ex2.approx.ftz.f"
// CHECK: vector.store {{.*}} : memref<8x64xf32, {{.*}}, vector<4xf32>
// CHECK: gpu.barrier
// CHECK-NOT: gpu.shuffle
// CHECK-COUNT-4: vector.load {{.*}} : memref<8x64xf32, {{.*}}, vector<2xf32>
// CHECK: vector.store {{.*}} : memref<?x64x16xf32>, vector<4xf32>
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @scan_shared for ["prefill"] (%u: tensor<?x64xf32>, %d: tensor<?x64xf32>, %B: tensor<?x16xf32>, %C: tensor<?x16xf32>, %A: tensor<64x16xf32>, %h: tensor<?x64x16xf32>, %batch: !ssm.batch) {
    %y, %t = ssm.kernel (%u1 = %u, %d1 = %d, %B1 = %B, %C1 = %C, %A1 = %A, %h1 = %h, %batch1 = %batch) schedule <col_block = 16, row_tile = 4, chunk = 8, threads = 64, state_lanes = 4> : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<64x16xf32>, tensor<?x64x16xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x64x16xf32>) {
      %y1, %t1 = ssm.selective_scan %u1 delta %d1 A %A1 log2 B %B1 C %C1 state %h1 of %batch1 : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<64x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x64x16xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x64x16xf32>)
      ssm.yield %y1, %t1 : tensor<?x64xf32>, tensor<?x64x16xf32>
    }
    plan.yield %y, %t : tensor<?x64xf32>, tensor<?x64x16xf32>
  }
}

// -----

// In decoding nothing is shared: dt's projection is summed over the lanes too,
// two elements each, those from 6 on 0. Weights come first.
// CHECK-LABEL: plan.kernel @scan_decode
// CHECK-SAME: threads 64 shared 0
// CHECK-NOT: variants
// CHECK: gpu.func @scan_decode(
// CHECK-NOT: workgroup
// CHECK-NOT: gpu.barrier
// CHECK-COUNT-2: memref.load {{.*}} : memref<64x6xf32>
// CHECK: vector.load {{.*}} : memref<64x16xf32>, vector<4xf32>
// CHECK-COUNT-2: memref.load {{.*}} : memref<?xi64>
// CHECK: vector.load {{.*}} : memref<?x64x16xf32>, vector<4xf32>
// CHECK: scf.for {{.*}} step %c1 iter_args
// CHECK-NOT: memref<64x6xf32>
// CHECK: gpu.shuffle
// CHECK: gpu.shuffle
// CHECK-COUNT-5: "llvm.nvvm.ex2.approx.ftz.f"
// CHECK-COUNT-2: gpu.shuffle
// CHECK: vector.store {{.*}} : memref<?x64x16xf32>, vector<4xf32>
// CHECK-NOT: gpu.barrier
// CHECK: gpu.return
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @scan_decode for ["decode"] (%u: tensor<?x64xf32>, %x: tensor<?x38xf32>, %w: tensor<64x6xf32>, %A: tensor<64x16xf32>, %h: tensor<?x64x16xf32>, %batch: !ssm.batch) {
    %y, %t = ssm.kernel (%u1 = %u, %x1 = %x, %w1 = %w, %A1 = %A, %h1 = %h, %batch1 = %batch) : (tensor<?x64xf32>, tensor<?x38xf32>, tensor<64x6xf32>, tensor<64x16xf32>, tensor<?x64x16xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x64x16xf32>) {
      %d, %B, %C = ssm.split %x1 : tensor<?x38xf32> -> tensor<?x6xf32>, tensor<?x16xf32>, tensor<?x16xf32>
      %p = ssm.linear %d, %w1 : tensor<?x6xf32>, tensor<64x6xf32> -> tensor<?x64xf32>
      %dt = ssm.softplus %p : tensor<?x64xf32>
      %y1, %t1 = ssm.selective_scan %u1 delta %dt A %A1 log2 B %B C %C state %h1 of %batch1 : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<64x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x64x16xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x64x16xf32>)
      ssm.yield %y1, %t1 : tensor<?x64xf32>, tensor<?x64x16xf32>
    }
    plan.yield %y, %t : tensor<?x64xf32>, tensor<?x64x16xf32>
  }
}

// -----

// Five states over two threads: three each; the sixth is masked, and so are the
// channels from 19 on. B and C are constant: they stay in registers.
// CHECK-LABEL: gpu.func @scan_odd(
// CHECK-NOT: memref<{{[0-9x]*}}4x4xf32, #gpu.address_space<workgroup>>
// CHECK: %[[STATE:.+]] = arith.muli %{{.+}}, %c3
// CHECK: %[[THERE:.+]] = arith.cmpi slt, {{.*}}, %c19
// CHECK: arith.cmpi slt, %[[STATE]], %c5
// CHECK: memref.load {{.*}} : memref<19x5xf32>
// CHECK: memref.load {{.*}} : memref<5xf32>
// CHECK: arith.andi %[[THERE]]
// CHECK-NEXT: scf.if {{.*}} -> (f32)
// CHECK-NEXT: memref.load {{.*}} : memref<?x19x5xf32>
// CHECK: scf.for {{.*}} step %c8 iter_args
// CHECK: gpu.barrier
// CHECK-COUNT-12: "llvm.nvvm.ex2.approx.ftz.f"
// CHECK-NOT: ex2
// CHECK-COUNT-3: memref.store {{.*}} : memref<?x19x5xf32>
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @scan_odd for ["prefill"] (%u: tensor<?x19xf32>, %d: tensor<?x19xf32>, %B: tensor<5xf32>, %C: tensor<5xf32>, %A: tensor<19x5xf32>, %h: tensor<?x19x5xf32>, %batch: !ssm.batch) {
    %y, %t = ssm.kernel (%u1 = %u, %d1 = %d, %B1 = %B, %C1 = %C, %A1 = %A, %h1 = %h, %batch1 = %batch) schedule <col_block = 16, row_tile = 4, chunk = 8, threads = 32, state_lanes = 2> : (tensor<?x19xf32>, tensor<?x19xf32>, tensor<5xf32>, tensor<5xf32>, tensor<19x5xf32>, tensor<?x19x5xf32>, !ssm.batch) -> (tensor<?x19xf32>, tensor<?x19x5xf32>) {
      %y1, %t1 = ssm.selective_scan %u1 delta %d1 A %A1 log2 B %B1 C %C1 state %h1 of %batch1 : (tensor<?x19xf32>, tensor<?x19xf32>, tensor<19x5xf32>, tensor<5xf32>, tensor<5xf32>, tensor<?x19x5xf32>, !ssm.batch) -> (tensor<?x19xf32>, tensor<?x19x5xf32>)
      ssm.yield %y1, %t1 : tensor<?x19xf32>, tensor<?x19x5xf32>
    }
    plan.yield %y, %t : tensor<?x19xf32>, tensor<?x19x5xf32>
  }
}

// -----

// Of the exponentials of four steps by 16 states three a step are polynomials:
// rounded by an addition, the integer shifted into the exponent.
// CHECK-LABEL: gpu.func @scan_polynomials(
// CHECK: scf.for {{.*}} step %c4 iter_args
// CHECK-COUNT-12: arith.shli
// CHECK-COUNT-13: "llvm.nvvm.ex2.approx.ftz.f"
// CHECK-NOT: arith.shli
// CHECK: vector.store {{.*}} : memref<?x64x16xf32>, vector<4xf32>
module attributes {ssm.target = "cuda:sm_90a"} {
  plan.kernel @scan_polynomials for ["decode"] (%u: tensor<?x64xf32>, %d: tensor<?x64xf32>, %B: tensor<?x16xf32>, %C: tensor<?x16xf32>, %A: tensor<64x16xf32>, %h: tensor<?x64x16xf32>, %batch: !ssm.batch) {
    %y, %t = ssm.kernel (%u1 = %u, %d1 = %d, %B1 = %B, %C1 = %C, %A1 = %A, %h1 = %h, %batch1 = %batch) schedule <col_block = 64, row_tile = 4, chunk = 4, state_block = 3, threads = 64, state_lanes = 1> : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<64x16xf32>, tensor<?x64x16xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x64x16xf32>) {
      %y1, %t1 = ssm.selective_scan %u1 delta %d1 A %A1 log2 B %B1 C %C1 state %h1 of %batch1 : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<64x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x64x16xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x64x16xf32>)
      ssm.yield %y1, %t1 : tensor<?x64xf32>, tensor<?x64x16xf32>
    }
    plan.yield %y, %t : tensor<?x64xf32>, tensor<?x64x16xf32>
  }
}

// -----

// Rows and the weight of dt's projection are bf16: the matrix unit takes them as
// they are, and its sums are dt where the thread of the channel finds them.
// CHECK-LABEL: gpu.func @scan_mma(
// CHECK-SAME: memref<16x24xi16, #gpu.address_space<workgroup>>
// CHECK-SAME: memref<64x24xi16, #gpu.address_space<workgroup>>
// CHECK-SAME: memref<4x260xf32, #gpu.address_space<workgroup>>
// CHECK: scf.for {{.*}} step %c16 iter_args
// CHECK: vector.load {{.*}} : memref<?x48xi16>, vector<8xi16>
// CHECK: gpu.barrier
// CHECK: scf.for {{.*}} %c4 step %c2 {
// CHECK-COUNT-2: nvvm.ldmatrix
// CHECK-COUNT-2: nvvm.mma.sync
// CHECK-COUNT-8: memref.store {{.*}} : memref<4x260xf32
// CHECK: gpu.barrier
// CHECK: scf.for {{.*}} step %c8 iter_args
// CHECK-COUNT-2: vector.load {{.*}} : memref<4x260xf32, {{.*}}, vector<4xf32>
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @scan_mma for ["prefill"] (%u: tensor<?x64xf32>, %x: tensor<?x48xbf16>, %w: tensor<64x16xbf16>, %A: tensor<64x16xf32>, %h: tensor<?x64x16xf32>, %batch: !ssm.batch) {
    %y, %t = ssm.kernel (%u1 = %u, %x1 = %x, %w1 = %w, %A1 = %A, %h1 = %h, %batch1 = %batch) : (tensor<?x64xf32>, tensor<?x48xbf16>, tensor<64x16xbf16>, tensor<64x16xf32>, tensor<?x64x16xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x64x16xf32>) {
      %x2 = ssm.cast %x1 : tensor<?x48xbf16> to tensor<?x48xf32>
      %d, %B, %C = ssm.split %x2 : tensor<?x48xf32> -> tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>
      %p = ssm.linear %d, %w1 : tensor<?x16xf32>, tensor<64x16xbf16> -> tensor<?x64xf32>
      %dt = ssm.softplus %p : tensor<?x64xf32>
      %y1, %t1 = ssm.selective_scan %u1 delta %dt A %A1 log2 B %B C %C state %h1 of %batch1 : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<64x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x64x16xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x64x16xf32>)
      ssm.yield %y1, %t1 : tensor<?x64xf32>, tensor<?x64x16xf32>
    }
    plan.yield %y, %t : tensor<?x64xf32>, tensor<?x64x16xf32>
  }
}

// -----

// The matrix unit takes no weight in f32.
module attributes {ssm.target = "cuda:sm_80"} {
  // expected-error @below {{the matrix unit takes a weight of dt's projection of bf16 and rows of bf16 or f32, or both of f16, from sm_80 on}}
  plan.kernel @scan for ["prefill"] (%u: tensor<?x64xf32>, %x: tensor<?x48xf32>, %w: tensor<64x16xf32>, %A: tensor<64x16xf32>, %h: tensor<?x64x16xf32>, %batch: !ssm.batch) {
    %y, %t = ssm.kernel (%u1 = %u, %x1 = %x, %w1 = %w, %A1 = %A, %h1 = %h, %batch1 = %batch) schedule <col_block = 64, row_tile = 8, chunk = 16, threads = 64, state_lanes = 1, mma = 16> : (tensor<?x64xf32>, tensor<?x48xf32>, tensor<64x16xf32>, tensor<64x16xf32>, tensor<?x64x16xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x64x16xf32>) {
      %d, %B, %C = ssm.split %x1 : tensor<?x48xf32> -> tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>
      %p = ssm.linear %d, %w1 : tensor<?x16xf32>, tensor<64x16xf32> -> tensor<?x64xf32>
      %y1, %t1 = ssm.selective_scan %u1 delta %p A %A1 log2 B %B C %C state %h1 of %batch1 : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<64x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x64x16xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x64x16xf32>)
      ssm.yield %y1, %t1 : tensor<?x64xf32>, tensor<?x64x16xf32>
    }
    plan.yield %y, %t : tensor<?x64xf32>, tensor<?x64x16xf32>
  }
}

// -----

// The threads are the lanes of the channels.
module attributes {ssm.target = "cuda:sm_80"} {
  // expected-error @below {{the schedule does not fit target 'cuda:sm_80': a scan needs threads = col_block * state_lanes, got 64 threads and 32 * 4}}
  plan.kernel @scan for ["prefill"] (%u: tensor<?x64xf32>, %d: tensor<?x64xf32>, %B: tensor<?x16xf32>, %C: tensor<?x16xf32>, %A: tensor<64x16xf32>, %h: tensor<?x64x16xf32>, %batch: !ssm.batch) {
    %y, %t = ssm.kernel (%u1 = %u, %d1 = %d, %B1 = %B, %C1 = %C, %A1 = %A, %h1 = %h, %batch1 = %batch) schedule <col_block = 32, row_tile = 4, chunk = 8, threads = 64, state_lanes = 4> : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<64x16xf32>, tensor<?x64x16xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x64x16xf32>) {
      %y1, %t1 = ssm.selective_scan %u1 delta %d1 A %A1 log2 B %B1 C %C1 state %h1 of %batch1 : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<64x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x64x16xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x64x16xf32>)
      ssm.yield %y1, %t1 : tensor<?x64xf32>, tensor<?x64x16xf32>
    }
    plan.yield %y, %t : tensor<?x64xf32>, tensor<?x64x16xf32>
  }
}

// -----

// The states of a lane are registers.
module attributes {ssm.target = "cuda:sm_80"} {
  // expected-error @below {{the schedule does not fit target 'cuda:sm_80': a lane holds 64 states, 32 is the limit: take more state_lanes}}
  plan.kernel @scan for ["prefill"] (%u: tensor<?x64xf32>, %d: tensor<?x64xf32>, %B: tensor<?x64xf32>, %C: tensor<?x64xf32>, %A: tensor<64x64xf32>, %h: tensor<?x64x64xf32>, %batch: !ssm.batch) {
    %y, %t = ssm.kernel (%u1 = %u, %d1 = %d, %B1 = %B, %C1 = %C, %A1 = %A, %h1 = %h, %batch1 = %batch) schedule <col_block = 64, row_tile = 8, chunk = 8, threads = 64, state_lanes = 1> : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<64x64xf32>, tensor<?x64x64xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x64x64xf32>) {
      %y1, %t1 = ssm.selective_scan %u1 delta %d1 A %A1 log2 B %B1 C %C1 state %h1 of %batch1 : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<64x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64x64xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x64x64xf32>)
      ssm.yield %y1, %t1 : tensor<?x64xf32>, tensor<?x64x64xf32>
    }
    plan.yield %y, %t : tensor<?x64xf32>, tensor<?x64x64xf32>
  }
}

// -----

// So many threads leave few registers for 16 states.
module attributes {ssm.target = "cuda:sm_80"} {
  // expected-error @below {{the schedule does not fit target 'cuda:sm_80': it takes about 84 registers, a thread of 1024 has 64: take smaller tiles or fewer threads}}
  plan.kernel @scan for ["prefill"] (%u: tensor<?x1024xf32>, %d: tensor<?x1024xf32>, %B: tensor<?x16xf32>, %C: tensor<?x16xf32>, %A: tensor<1024x16xf32>, %h: tensor<?x1024x16xf32>, %batch: !ssm.batch) {
    %y, %t = ssm.kernel (%u1 = %u, %d1 = %d, %B1 = %B, %C1 = %C, %A1 = %A, %h1 = %h, %batch1 = %batch) schedule <col_block = 1024, row_tile = 4, chunk = 4, threads = 1024, state_lanes = 1> : (tensor<?x1024xf32>, tensor<?x1024xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<1024x16xf32>, tensor<?x1024x16xf32>, !ssm.batch) -> (tensor<?x1024xf32>, tensor<?x1024x16xf32>) {
      %y1, %t1 = ssm.selective_scan %u1 delta %d1 A %A1 log2 B %B1 C %C1 state %h1 of %batch1 : (tensor<?x1024xf32>, tensor<?x1024xf32>, tensor<1024x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x1024x16xf32>, !ssm.batch) -> (tensor<?x1024xf32>, tensor<?x1024x16xf32>)
      ssm.yield %y1, %t1 : tensor<?x1024xf32>, tensor<?x1024x16xf32>
    }
    plan.yield %y, %t : tensor<?x1024xf32>, tensor<?x1024x16xf32>
  }
}

// -----

// A chunk must fit in shared memory.
module attributes {ssm.target = "cuda:sm_80"} {
  // expected-error @below {{the schedule does not fit target 'cuda:sm_80': it takes 192000 bytes of shared memory, a block has 49152: take smaller tiles or chunks}}
  plan.kernel @scan for ["prefill"] (%u: tensor<?x64xf32>, %d: tensor<?x64xf32>, %B: tensor<?x16xf32>, %C: tensor<?x16xf32>, %A: tensor<64x16xf32>, %h: tensor<?x64x16xf32>, %batch: !ssm.batch) {
    %y, %t = ssm.kernel (%u1 = %u, %d1 = %d, %B1 = %B, %C1 = %C, %A1 = %A, %h1 = %h, %batch1 = %batch) schedule <col_block = 128, row_tile = 4, chunk = 60, threads = 512, state_lanes = 4> : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<64x16xf32>, tensor<?x64x16xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x64x16xf32>) {
      %y1, %t1 = ssm.selective_scan %u1 delta %d1 A %A1 log2 B %B1 C %C1 state %h1 of %batch1 : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<64x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x64x16xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x64x16xf32>)
      ssm.yield %y1, %t1 : tensor<?x64xf32>, tensor<?x64x16xf32>
    }
    plan.yield %y, %t : tensor<?x64xf32>, tensor<?x64x16xf32>
  }
}
