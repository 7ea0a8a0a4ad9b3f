// RUN: mamba-opt %s --gpu-generate-kernels --canonicalize --cse --split-input-file --verify-diagnostics | FileCheck %s

// A block is of a slice of the rows: of the last sequence with rows there it
// finds the states, from the slot's if the sequence begins there, and the sum of
// dt. Where there are no rows it leaves zeros. No y: the only exponentials are the
// decays.
// CHECK-LABEL: plan.kernel @slices
// CHECK-SAME: grid <of = constant, count = 16> scratch 0 threads 32 shared 128
// CHECK-NOT: variants
// CHECK: gpu.func @slices(
// CHECK-SAME: workgroup(%{{[a-z0-9]+}} : memref<8x1x1x4xf32, #gpu.address_space<workgroup>> {llvm.align = 16 : i64}) kernel
// CHECK: %[[LENGTH:.*]] = arith.divui %{{.*}}, %c8
// CHECK: %[[BEGIN:.*]] = arith.muli %{{.*}}, %[[LENGTH]]
// CHECK: %[[STOP:.*]] = arith.minsi
// CHECK: %[[COUNTS:.*]]:3 = scf.for {{.*}} -> (index, index, index)
// CHECK: scf.if
// CHECK: %[[CONTINUES:.*]] = arith.cmpi slt, %[[FIRST:.*]], %[[BEGIN]]
// CHECK: %[[H:.*]]:4 = scf.if %[[CONTINUES]] -> (f32, f32, f32, f32) {
// CHECK-NEXT: scf.yield %[[ZERO:.*]], %[[ZERO]], %[[ZERO]], %[[ZERO]]
// CHECK: vector.load {{.*}} : memref<?x64x4xf32>, vector<4xf32>
// CHECK: memref.store %[[H]]#0, {{.*}} : memref<8x9x64xf32>
// CHECK: memref.store %[[H]]#3, {{.*}} : memref<8x9x64xf32>
// CHECK: %[[START:.*]] = arith.maxsi %[[FIRST]], %[[BEGIN]]
// CHECK: %[[END:.*]]:5 = scf.for %{{.*}} = %[[START]] to %[[STOP]] step %c8
// CHECK: gpu.barrier
// CHECK-COUNT-32: "llvm.nvvm.ex2.approx.ftz.f"
// CHECK-NOT: ex2
// CHECK: gpu.barrier
// CHECK: memref.store %[[END]]#4, %{{.*}}[%{{.*}}, %c4, %{{.*}}] : memref<8x9x64xf32>
// CHECK: memref.store %[[END]]#0, {{.*}} : memref<8x9x64xf32>
// CHECK: memref.store %[[END]]#3, {{.*}} : memref<8x9x64xf32>
// CHECK: } else {
// CHECK-COUNT-9: memref.store %[[ZERO]], {{.*}} : memref<8x9x64xf32>
// CHECK-NOT: memref.store
// CHECK: gpu.return
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @slices for ["long"] (%u: tensor<?x64xf32>, %d: tensor<?x64xf32>, %B: tensor<?x4xf32>, %A: tensor<64x4xf32>, %h: tensor<?x64x4xf32>, %batch: !ssm.batch) {
    %p = ssm.kernel (%u1 = %u, %d1 = %d, %B1 = %B, %A1 = %A, %h1 = %h, %batch1 = %batch) schedule <col_block = 32, row_tile = 8, chunk = 8, threads = 32, state_lanes = 1> : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x4xf32>, tensor<64x4xf32>, tensor<?x64x4xf32>, !ssm.batch) -> tensor<8x9x64xf32> {
      %p1 = ssm.scan_slices %u1 delta %d1 A %A1 log2 B %B1 state %h1 of %batch1 : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<64x4xf32>, tensor<?x4xf32>, tensor<?x64x4xf32>, !ssm.batch) -> tensor<8x9x64xf32>
      ssm.yield %p1 : tensor<8x9x64xf32>
    }
    plan.yield %p : tensor<8x9x64xf32>
  }
}

// -----

// The scan of a slice goes through the sequences with rows there. One that began
// before it enters with what the slices since then make of it; one that goes on
// beyond it begins with its state as it was found, for its pool is written by
// another block; the rest read and write the pool.
// CHECK-LABEL: plan.kernel @scan
// CHECK-SAME: grid <of = constant, count = 16> scratch 0 threads 32
// CHECK: gpu.func @scan(
// CHECK: %[[LENGTH:.*]] = arith.divui %{{.*}}, %c8
// CHECK: %[[BEGIN:.*]] = arith.muli %{{.*}}, %[[LENGTH]]
// CHECK: %[[STOP:.*]] = arith.minsi
// CHECK: %[[COUNTS:.*]]:3 = scf.for {{.*}} -> (index, index, index)
// CHECK: scf.for %{{.*}} = %[[COUNTS]]#0 to %[[COUNTS]]#1
// CHECK: %[[END:.*]] = arith.minsi %[[PAST:.*]], %[[STOP]]
// CHECK: %[[GOESON:.*]] = arith.cmpi slt, %[[STOP]], %[[PAST]]
// CHECK: %[[BEGAN:.*]] = arith.cmpi slt, %[[FIRST:.*]], %[[BEGIN]]
// CHECK: scf.if %[[BEGAN]]
// CHECK: arith.divui %[[FIRST]], %[[LENGTH]]
// CHECK-COUNT-4: memref.load {{.*}} : memref<8x9x64xf32>
// CHECK: scf.for
// CHECK-COUNT-5: memref.load {{.*}} : memref<8x9x64xf32>
// CHECK-COUNT-4: "llvm.nvvm.ex2.approx.ftz.f"
// CHECK: } else {
// CHECK: scf.if %[[GOESON]]
// CHECK-COUNT-4: memref.load {{.*}} : memref<8x9x64xf32>
// CHECK: } else {
// CHECK-NEXT: vector.load {{.*}} : memref<?x64x4xf32>, vector<4xf32>
// CHECK: scf.for %{{.*}} to %[[END]] step %c8
// CHECK-COUNT-2: gpu.barrier
// CHECK: %[[ENDS:.*]] = arith.cmpi slt, %[[PAST]]
// CHECK-NEXT: scf.if %[[ENDS]]
// CHECK: vector.store {{.*}} : memref<?x64x4xf32>, vector<4xf32>
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @scan for ["long"] (%u: tensor<?x64xf32>, %d: tensor<?x64xf32>, %B: tensor<?x4xf32>, %A: tensor<64x4xf32>, %h: tensor<?x64x4xf32>, %p: tensor<8x9x64xf32>, %batch: !ssm.batch) {
    %y, %t = ssm.kernel (%u1 = %u, %d1 = %d, %B1 = %B, %A1 = %A, %h1 = %h, %p1 = %p, %batch1 = %batch) schedule <col_block = 32, row_tile = 8, chunk = 8, threads = 32, state_lanes = 1> : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x4xf32>, tensor<64x4xf32>, tensor<?x64x4xf32>, tensor<8x9x64xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x64x4xf32>) {
      %y1, %t1 = ssm.selective_scan %u1 delta %d1 A %A1 log2 B %B1 C %B1 state %h1 slices %p1 of %batch1 : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<64x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x64x4xf32>, tensor<8x9x64xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x64x4xf32>)
      ssm.yield %y1, %t1 : tensor<?x64xf32>, tensor<?x64x4xf32>
    }
    plan.yield %y, %t : tensor<?x64xf32>, tensor<?x64x4xf32>
  }
}

// -----

// Without a schedule: a thread a channel, whatever the class; of a lane's decays
// two are polynomials where there is room on the FMA pipe, one where y is computed.
// CHECK-LABEL: plan.kernel @slices
// CHECK: schedule <{{.*}}col_block = 64, {{.*}}chunk = 16, {{.*}}state_block = 2, threads = 64, state_lanes = 1
// CHECK-NOT: variants
// CHECK-LABEL: plan.kernel @scan
// CHECK: schedule <{{.*}}state_block = 1, threads = 64, state_lanes = 1
module attributes {ssm.target = "cuda:sm_90a"} {
  plan.kernel @slices for ["long"] (%u: tensor<?x64xf32>, %B: tensor<?x16xf32>, %A: tensor<64x16xf32>, %h: tensor<?x64x16xf32>, %batch: !ssm.batch) {
    %p = ssm.kernel (%u1 = %u, %B1 = %B, %A1 = %A, %h1 = %h, %batch1 = %batch) : (tensor<?x64xf32>, tensor<?x16xf32>, tensor<64x16xf32>, tensor<?x64x16xf32>, !ssm.batch) -> tensor<8x33x64xf32> {
      %p1 = ssm.scan_slices %u1 delta %u1 A %A1 log2 B %B1 state %h1 of %batch1 : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<64x16xf32>, tensor<?x16xf32>, tensor<?x64x16xf32>, !ssm.batch) -> tensor<8x33x64xf32>
      ssm.yield %p1 : tensor<8x33x64xf32>
    }
    plan.yield %p : tensor<8x33x64xf32>
  }
  plan.kernel @scan for ["long"] (%u: tensor<?x64xf32>, %B: tensor<?x16xf32>, %A: tensor<64x16xf32>, %h: tensor<?x64x16xf32>, %p: tensor<8x33x64xf32>, %batch: !ssm.batch) {
    %y, %t = ssm.kernel (%u1 = %u, %B1 = %B, %A1 = %A, %h1 = %h, %p1 = %p, %batch1 = %batch) : (tensor<?x64xf32>, tensor<?x16xf32>, tensor<64x16xf32>, tensor<?x64x16xf32>, tensor<8x33x64xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x64x16xf32>) {
      %y1, %t1 = ssm.selective_scan %u1 delta %u1 A %A1 log2 B %B1 C %B1 state %h1 slices %p1 of %batch1 : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<64x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x64x16xf32>, tensor<8x33x64xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x64x16xf32>)
      ssm.yield %y1, %t1 : tensor<?x64xf32>, tensor<?x64x16xf32>
    }
    plan.yield %y, %t : tensor<?x64xf32>, tensor<?x64x16xf32>
  }
}

// -----

// Step by step is for decoding.
module attributes {ssm.target = "cuda:sm_80"} {
  // expected-error @below {{the schedule does not fit target 'cuda:sm_80': slices of time are scanned in chunks, of 4 steps or more, got 1}}
  plan.kernel @slices for ["long"] (%u: tensor<?x64xf32>, %B: tensor<?x4xf32>, %A: tensor<64x4xf32>, %h: tensor<?x64x4xf32>, %batch: !ssm.batch) {
    %p = ssm.kernel (%u1 = %u, %B1 = %B, %A1 = %A, %h1 = %h, %batch1 = %batch) schedule <col_block = 32, chunk = 1, threads = 32, state_lanes = 1> : (tensor<?x64xf32>, tensor<?x4xf32>, tensor<64x4xf32>, tensor<?x64x4xf32>, !ssm.batch) -> tensor<8x9x64xf32> {
      %p1 = ssm.scan_slices %u1 delta %u1 A %A1 log2 B %B1 state %h1 of %batch1 : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<64x4xf32>, tensor<?x4xf32>, tensor<?x64x4xf32>, !ssm.batch) -> tensor<8x9x64xf32>
      ssm.yield %p1 : tensor<8x9x64xf32>
    }
    plan.yield %p : tensor<8x9x64xf32>
  }
}

// -----

// What the slices have found is all that their kernel yields.
module attributes {ssm.target = "cuda:sm_80"} {
  // expected-error @below {{no kernel can be generated for target 'cuda:sm_80': a scan of slices takes norms, its dt projection and softplus before it, and yields alone what it found}}
  plan.kernel @slices for ["long"] (%u: tensor<?x64xf32>, %B: tensor<?x4xf32>, %A: tensor<64x4xf32>, %h: tensor<?x64x4xf32>, %batch: !ssm.batch) {
    %p, %s = ssm.kernel (%u1 = %u, %B1 = %B, %A1 = %A, %h1 = %h, %batch1 = %batch) : (tensor<?x64xf32>, tensor<?x4xf32>, tensor<64x4xf32>, tensor<?x64x4xf32>, !ssm.batch) -> (tensor<8x9x64xf32>, tensor<?x64xf32>) {
      %p1 = ssm.scan_slices %u1 delta %u1 A %A1 log2 B %B1 state %h1 of %batch1 : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<64x4xf32>, tensor<?x4xf32>, tensor<?x64x4xf32>, !ssm.batch) -> tensor<8x9x64xf32>
      %s1 = ssm.silu %u1 : tensor<?x64xf32>
      ssm.yield %p1, %s1 : tensor<8x9x64xf32>, tensor<?x64xf32>
    }
    plan.yield %p, %s : tensor<8x9x64xf32>, tensor<?x64xf32>
  }
}
