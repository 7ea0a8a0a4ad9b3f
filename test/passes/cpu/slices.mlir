// RUN: mamba-opt %s --cpu-generate-kernels --canonicalize --cse --split-input-file --verify-diagnostics | FileCheck %s

// A tile is of a slice of the rows: of the last sequence with rows there it finds the
// states, from the slot's if the sequence begins there, and the sum of dt; the states
// that it began with are kept. Where there are no rows it leaves zeros. No y, no pool is
// written: the only exponentials are the decays.
// CHECK-LABEL: plan.kernel @slices
// CHECK-SAME: grid <of = constant, count = 16>
// CHECK: func.func private @slices(
// CHECK: %[[LENGTH:.*]] = arith.divui %{{.*}}, %c8
// CHECK: %[[BEGIN:.*]] = arith.muli %{{.*}}, %[[LENGTH]]
// CHECK: %[[STOP:.*]] = arith.minsi
// CHECK: %[[COUNTS:.*]]:3 = scf.for {{.*}} -> (index, index, index)
// CHECK: scf.if
// CHECK: vector.store %{{.*}} : memref<5x32xf32
// CHECK: %[[BEGINS:.*]] = arith.cmpi slt, %[[BEGIN]], %{{.*}}
// CHECK-NEXT: scf.if %[[BEGINS]] {
// CHECK: vector.maskedload {{.*}} : memref<?x64x4xf32>
// CHECK: scf.for %[[N:.*]] = %c0 to %c4
// CHECK: %[[KEPT:.*]] = arith.addi %[[N]], %c5
// CHECK: vector.store {{.*}}[%{{.*}}, %[[KEPT]], %{{.*}}] : memref<8x9x64xf32>
// CHECK: %[[START:.*]] = arith.maxsi %{{.*}}, %[[BEGIN]]
// CHECK: scf.for %{{.*}} = %[[START]] to %[[STOP]] step %c8
// CHECK-COUNT-4: "llvm.x86.avx512.mask.scalef.ps.512"
// CHECK-NOT: scalef
// CHECK: scf.for %[[M:.*]] = %c0 to %c5
// CHECK: vector.store {{.*}}[%{{.*}}, %[[M]], %{{.*}}] : memref<8x9x64xf32>
// CHECK: } else {
// CHECK-COUNT-4: vector.store {{.*}} : memref<8x9x64xf32>
// CHECK-NOT: vector.{{(masked)?}}store {{.*}} : memref<?x64x4xf32>
// CHECK: return
module attributes {ssm.target = "cpu:x86-64-v4"} {
  plan.kernel @slices for ["long"] (%u: tensor<?x64xf32>, %d: tensor<?x64xf32>, %B: tensor<?x4xf32>, %A: tensor<2x4x32xf32>, %h: tensor<?x64x4xf32>, %batch: !ssm.batch) {
    %p = ssm.kernel (%u1 = %u, %d1 = %d, %B1 = %B, %A1 = %A, %h1 = %h, %batch1 = %batch) schedule <lanes = 16, col_block = 32, row_tile = 4, chunk = 8, state_block = 4> : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x4xf32>, tensor<2x4x32xf32>, tensor<?x64x4xf32>, !ssm.batch) -> tensor<8x9x64xf32> {
      %A2 = ssm.unpack %A1 : tensor<2x4x32xf32> -> tensor<64x4xf32>
      %p1 = ssm.scan_slices %u1 delta %d1 A %A2 log2 B %B1 state %h1 of %batch1 : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<64x4xf32>, tensor<?x4xf32>, tensor<?x64x4xf32>, !ssm.batch) -> tensor<8x9x64xf32>
      ssm.yield %p1 : tensor<8x9x64xf32>
    }
    plan.yield %p : tensor<8x9x64xf32>
  }
}

// -----

// The scan of a slice goes through the sequences with rows there. One that began
// before it enters with what the slices since then make of it; one that goes on beyond
// it begins with its state as it was found, for its pool is written by another tile; the
// rest read and write the pool.
// CHECK-LABEL: plan.kernel @scan
// CHECK-SAME: grid <of = constant, count = 16>
// CHECK: func.func private @scan(
// CHECK: %[[LENGTH:.*]] = arith.divui %{{.*}}, %c8
// CHECK: %[[BEGIN:.*]] = arith.muli %{{.*}}, %[[LENGTH]]
// CHECK: %[[STOP:.*]] = arith.minsi
// CHECK: %[[COUNTS:.*]]:3 = scf.for {{.*}} -> (index, index, index)
// CHECK: scf.for %{{.*}} = %[[COUNTS]]#0 to %[[COUNTS]]#1
// CHECK: %[[START:.*]] = arith.maxsi %[[FIRST:.*]], %[[BEGIN]]
// CHECK: %[[END:.*]] = arith.minsi %[[PAST:.*]], %[[STOP]]
// CHECK: %[[BEGAN:.*]] = arith.cmpi slt, %[[FIRST]], %[[BEGIN]]
// CHECK-NEXT: scf.if %[[BEGAN]] {
// CHECK: %[[FROM:.*]] = arith.divui %[[FIRST]], %[[LENGTH]]
// CHECK: vector.load {{.*}}[%[[FROM]], {{.*}} : memref<8x9x64xf32>
// CHECK: scf.for
// CHECK-COUNT-2: vector.load {{.*}} : memref<8x9x64xf32>
// CHECK: "llvm.x86.avx512.mask.scalef.ps.512"
// CHECK: } else {
// CHECK: %[[GOESON:.*]] = arith.cmpi slt, %[[STOP]], %[[PAST]]
// CHECK-NEXT: scf.if %[[GOESON]] {
// CHECK: vector.load {{.*}} : memref<8x9x64xf32>
// CHECK: } else {
// CHECK: vector.maskedload {{.*}} : memref<?x64x4xf32>
// CHECK: scf.for %{{.*}} = %[[START]] to %[[END]] step %c8
// CHECK: %[[ENDS:.*]] = arith.cmpi slt, %[[PAST]]
// CHECK-NEXT: scf.if %[[ENDS]] {
// CHECK: vector.maskedstore {{.*}} : memref<?x64x4xf32>
module attributes {ssm.target = "cpu:x86-64-v4"} {
  plan.kernel @scan for ["long"] (%u: tensor<?x64xf32>, %d: tensor<?x64xf32>, %B: tensor<?x4xf32>, %A: tensor<2x4x32xf32>, %h: tensor<?x64x4xf32>, %p: tensor<8x9x64xf32>, %batch: !ssm.batch) {
    %y, %t = ssm.kernel (%u1 = %u, %d1 = %d, %B1 = %B, %A1 = %A, %h1 = %h, %p1 = %p, %batch1 = %batch) schedule <lanes = 16, col_block = 32, row_tile = 4, chunk = 8, state_block = 4> : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x4xf32>, tensor<2x4x32xf32>, tensor<?x64x4xf32>, tensor<8x9x64xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x64x4xf32>) {
      %A2 = ssm.unpack %A1 : tensor<2x4x32xf32> -> tensor<64x4xf32>
      %y1, %t1 = ssm.selective_scan %u1 delta %d1 A %A2 log2 B %B1 C %B1 state %h1 slices %p1 of %batch1 : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<64x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x64x4xf32>, tensor<8x9x64xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x64x4xf32>)
      ssm.yield %y1, %t1 : tensor<?x64xf32>, tensor<?x64x4xf32>
    }
    plan.yield %y, %t : tensor<?x64xf32>, tensor<?x64x4xf32>
  }
}

// -----

// The same scan whose time is not cut: a tile of each sequence.
// CHECK-LABEL: plan.kernel @whole
// CHECK-SAME: grid <of = sequences, times = 2>
// CHECK: func.func private @whole(
// CHECK-NOT: memref<8x9x64xf32>
// CHECK-NOT: arith.maxsi
// CHECK: return
module attributes {ssm.target = "cpu:x86-64-v4"} {
  plan.kernel @whole for ["long"] (%u: tensor<?x64xf32>, %d: tensor<?x64xf32>, %B: tensor<?x4xf32>, %A: tensor<2x4x32xf32>, %h: tensor<?x64x4xf32>, %batch: !ssm.batch) {
    %y, %t = ssm.kernel (%u1 = %u, %d1 = %d, %B1 = %B, %A1 = %A, %h1 = %h, %batch1 = %batch) schedule <lanes = 16, col_block = 32, row_tile = 4, chunk = 8, state_block = 4> : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x4xf32>, tensor<2x4x32xf32>, tensor<?x64x4xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x64x4xf32>) {
      %A2 = ssm.unpack %A1 : tensor<2x4x32xf32> -> tensor<64x4xf32>
      %y1, %t1 = ssm.selective_scan %u1 delta %d1 A %A2 log2 B %B1 C %B1 state %h1 of %batch1 : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<64x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x64x4xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x64x4xf32>)
      ssm.yield %y1, %t1 : tensor<?x64xf32>, tensor<?x64x4xf32>
    }
    plan.yield %y, %t : tensor<?x64xf32>, tensor<?x64x4xf32>
  }
}

// -----

// What the slices have found is all that their kernel yields.
module attributes {ssm.target = "cpu:x86-64-v4"} {
  // expected-error @below {{no kernel can be generated for target 'cpu:x86-64-v4': a scan of slices takes norms, its dt projection and softplus before it, and yields alone what it found}}
  plan.kernel @refused for ["long"] (%u: tensor<?x64xf32>, %d: tensor<?x64xf32>, %B: tensor<?x4xf32>, %A: tensor<2x4x32xf32>, %h: tensor<?x64x4xf32>, %batch: !ssm.batch) {
    %p, %s = ssm.kernel (%u1 = %u, %d1 = %d, %B1 = %B, %A1 = %A, %h1 = %h, %batch1 = %batch) : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x4xf32>, tensor<2x4x32xf32>, tensor<?x64x4xf32>, !ssm.batch) -> (tensor<8x9x64xf32>, tensor<?x64xf32>) {
      %A2 = ssm.unpack %A1 : tensor<2x4x32xf32> -> tensor<64x4xf32>
      %p1 = ssm.scan_slices %u1 delta %d1 A %A2 log2 B %B1 state %h1 of %batch1 : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<64x4xf32>, tensor<?x4xf32>, tensor<?x64x4xf32>, !ssm.batch) -> tensor<8x9x64xf32>
      %s1 = ssm.silu %u1 : tensor<?x64xf32>
      ssm.yield %p1, %s1 : tensor<8x9x64xf32>, tensor<?x64xf32>
    }
    plan.yield %p, %s : tensor<8x9x64xf32>, tensor<?x64xf32>
  }
}
