// RUN: mamba-opt %s --gpu-generate-kernels --canonicalize --cse --split-input-file --verify-diagnostics | FileCheck %s

// Four threads of a channel cut its sequence. The state is read before the block
// meets and written after it, by the first of them; the last rows of a slice are
// masked, and so are the channels from 40 on.
// CHECK-LABEL: plan.kernel @conv_40x4
// CHECK-SAME: grid <of = sequences, times = 2> scratch 0 threads 128
// CHECK: gpu.func @conv_40x4(
// CHECK: %[[THERE:.+]] = arith.cmpi slt, {{.*}}, %c40
// CHECK: %[[SLICE:.+]] = arith.divui %thread_id_x, %c32
// CHECK: scf.if
// CHECK: scf.if {{.*}} -> (f32)
// CHECK-NEXT: memref.load {{.*}} : memref<?x3x40xf32>
// CHECK: %[[FIRST:.+]] = arith.cmpi eq, %[[SLICE]], %c0
// CHECK: scf.if %[[FIRST]] -> (f32)
// CHECK: gpu.barrier
// CHECK-NOT: memref.load {{.*}} : memref<?x3x40xf32>
// CHECK: %[[WRITES:.+]] = arith.andi %[[THERE]], %[[FIRST]]
// CHECK: scf.if %[[WRITES]]
// CHECK-COUNT-3: memref.store {{.*}} : memref<?x3x40xf32>
// CHECK: scf.for {{.*}} step %c2 iter_args
// CHECK-COUNT-2: memref.load {{.*}} : memref<?x40xf32>
// CHECK-COUNT-2: "llvm.nvvm.ex2.approx.ftz.f"
// CHECK: scf.if %[[THERE]]
// CHECK-NEXT: memref.store {{.*}} : memref<?x40xf32>
// CHECK: %[[LAST:.+]] = arith.andi %[[THERE]]
// CHECK-NEXT: scf.if %[[LAST]]
// CHECK: memref.store {{.*}} : memref<?x40xf32>
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @conv_40x4 for ["prefill"] (%x: tensor<?x40xf32>, %w: tensor<40x4xf32>, %b: tensor<40xf32>, %s: tensor<?x3x40xf32>, %batch: !ssm.batch) {
    %y, %t = ssm.kernel (%x1 = %x, %w1 = %w, %b1 = %b, %s1 = %s, %batch1 = %batch) schedule <col_block = 32, row_tile = 2, threads = 128> : (tensor<?x40xf32>, tensor<40x4xf32>, tensor<40xf32>, tensor<?x3x40xf32>, !ssm.batch) -> (tensor<?x40xf32>, tensor<?x3x40xf32>) {
      %c, %s2 = ssm.conv1d %x1, %w1 bias %b1 state %s1 of %batch1 : (tensor<?x40xf32>, tensor<40x4xf32>, tensor<40xf32>, tensor<?x3x40xf32>, !ssm.batch) -> (tensor<?x40xf32>, tensor<?x3x40xf32>)
      %y1 = ssm.silu %c : tensor<?x40xf32>
      ssm.yield %y1, %s2 : tensor<?x40xf32>, tensor<?x3x40xf32>
    }
    plan.yield %y, %t : tensor<?x40xf32>, tensor<?x3x40xf32>
  }
}

// -----

// One thread a channel, a row at a time, as in decoding: no barrier, and the
// window that is carried to the last row is the new state.
// CHECK-LABEL: plan.kernel @conv_64x2
// CHECK-SAME: threads 64 shared 0
// CHECK: gpu.func @conv_64x2(
// CHECK-NOT: gpu.barrier
// CHECK: %[[STATE:.+]] = memref.load {{.*}} : memref<?x1x64xf32>
// CHECK-NOT: scf.if
// CHECK: %[[WINDOW:.+]] = scf.for {{.*}} iter_args(%{{.+}} = %[[STATE]])
// CHECK: %[[NEWEST:.+]] = memref.load {{.*}} : memref<?x64xf32>
// CHECK: scf.yield %[[NEWEST]]
// CHECK: memref.store %[[WINDOW]], {{.*}} : memref<?x1x64xf32>
// CHECK-NOT: gpu.barrier
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @conv_64x2 for ["decode"] (%x: tensor<?x64xf32>, %w: tensor<64x2xf32>, %s: tensor<?x1x64xf32>, %batch: !ssm.batch) {
    %y, %t = ssm.kernel (%x1 = %x, %w1 = %w, %s1 = %s, %batch1 = %batch) : (tensor<?x64xf32>, tensor<64x2xf32>, tensor<?x1x64xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x1x64xf32>) {
      %c, %s2 = ssm.conv1d %x1, %w1 state %s1 of %batch1 : (tensor<?x64xf32>, tensor<64x2xf32>, tensor<?x1x64xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x1x64xf32>)
      ssm.yield %c, %s2 : tensor<?x64xf32>, tensor<?x1x64xf32>
    }
    plan.yield %y, %t : tensor<?x64xf32>, tensor<?x1x64xf32>
  }
}

// -----

// Slices are whole: the threads are a multiple of the channels.
module attributes {ssm.target = "cuda:sm_80"} {
  // expected-error @below {{the schedule does not fit target 'cuda:sm_80': a convolution needs threads a multiple of col_block, got 128 and 48}}
  plan.kernel @conv for ["prefill"] (%x: tensor<?x64xf32>, %w: tensor<64x2xf32>, %s: tensor<?x1x64xf32>, %batch: !ssm.batch) {
    %y, %t = ssm.kernel (%x1 = %x, %w1 = %w, %s1 = %s, %batch1 = %batch) schedule <col_block = 48, threads = 128> : (tensor<?x64xf32>, tensor<64x2xf32>, tensor<?x1x64xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x1x64xf32>) {
      %c, %s2 = ssm.conv1d %x1, %w1 state %s1 of %batch1 : (tensor<?x64xf32>, tensor<64x2xf32>, tensor<?x1x64xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x1x64xf32>)
      ssm.yield %c, %s2 : tensor<?x64xf32>, tensor<?x1x64xf32>
    }
    plan.yield %y, %t : tensor<?x64xf32>, tensor<?x1x64xf32>
  }
}

// -----

// A packed weight is a CPU's.
module attributes {ssm.target = "cuda:sm_80"} {
  // expected-error @below {{no kernel can be generated for target 'cuda:sm_80': kernels of a GPU read no packed weights}}
  plan.kernel @conv for ["prefill"] (%x: tensor<?x64xf32>, %w: tensor<1x2x64xf32>, %s: tensor<?x1x64xf32>, %batch: !ssm.batch) {
    %y, %t = ssm.kernel (%x1 = %x, %w0 = %w, %s1 = %s, %batch1 = %batch) : (tensor<?x64xf32>, tensor<1x2x64xf32>, tensor<?x1x64xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x1x64xf32>) {
      %w1 = ssm.unpack %w0 : tensor<1x2x64xf32> -> tensor<64x2xf32>
      %c, %s2 = ssm.conv1d %x1, %w1 state %s1 of %batch1 : (tensor<?x64xf32>, tensor<64x2xf32>, tensor<?x1x64xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x1x64xf32>)
      ssm.yield %c, %s2 : tensor<?x64xf32>, tensor<?x1x64xf32>
    }
    plan.yield %y, %t : tensor<?x64xf32>, tensor<?x1x64xf32>
  }
}
