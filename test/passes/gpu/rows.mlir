// A block makes a row, its threads the columns in turn.
// RUN: mamba-opt %s --gpu-generate-kernels --split-input-file --verify-diagnostics | FileCheck %s

// Columns that are not a multiple of the threads are met by the loop's bound, and
// nothing else is in the block's way.
// CHECK-LABEL: plan.kernel @silu_40
// CHECK-SAME: grid <of = rows> scratch 0 threads 64 shared 0
// CHECK: gpu.module @code
// CHECK: gpu.func @silu_40(%{{.*}}: i64, %{{.*}}: i64, %{{.*}}: memref<i64> {{.*}}noalias
// CHECK-SAME: kernel attributes {nvvm.reqntid = array<i32: 64, 1, 1>}
// CHECK-DAG: %[[ROW:.*]] = gpu.block_id x upper_bound 2147483647
// CHECK-DAG: %[[THREAD:.*]] = gpu.thread_id x upper_bound 64
// CHECK: scf.for %[[COLUMN:.*]] = %[[THREAD]] to %c40{{.*}} step %c64
// CHECK: memref.load %{{.*}}[%[[ROW]], %[[COLUMN]]]
// CHECK: llvm.call_intrinsic "llvm.nvvm.ex2.approx.ftz.f"
// CHECK: llvm.call_intrinsic "llvm.nvvm.rcp.approx.ftz.f"
// CHECK: memref.store %{{.*}}, %{{.*}}[%[[ROW]], %[[COLUMN]]]
// CHECK-NOT: gpu.barrier
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @silu_40 for ["prefill"] (%x: tensor<?x40xf32>) {
    %y = ssm.kernel (%a = %x) : (tensor<?x40xf32>) -> tensor<?x40xf32> {
      %s = ssm.silu %a : tensor<?x40xf32>
      ssm.yield %s : tensor<?x40xf32>
    }
    plan.yield %y : tensor<?x40xf32>
  }
}

// -----

// A norm sums squares over the 7 warps (and an eighth number, which LLVM reads
// with the last three): shuffles, then shared memory between two
// barriers.
// CHECK-LABEL: gpu.func @norm_200
// CHECK-SAME: workgroup(%[[SUMS:.*]] : memref<8xf32, #gpu.address_space<workgroup>>
// CHECK-COUNT-5: gpu.shuffle{{ +}}xor
// CHECK: memref.store %{{.*}}, %[[SUMS]]
// CHECK: gpu.barrier
// CHECK-COUNT-7: memref.load %[[SUMS]]
// CHECK: gpu.barrier
// CHECK: "llvm.nvvm.rsqrt.approx.ftz.f"
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @norm_200 for ["prefill"] (%x: tensor<?x200xf32>, %w: tensor<200xf32>) {
    %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x200xf32>, tensor<200xf32>) -> tensor<?x200xf32> {
      %n = ssm.rms_norm %a weight %b eps 1.0e-05 : tensor<?x200xf32>, tensor<200xf32>
      ssm.yield %n : tensor<?x200xf32>
    }
    plan.yield %y : tensor<?x200xf32>
  }
}

// -----

// The near miss: a row of at most a warp needs neither shared memory nor barrier.
// CHECK-LABEL: gpu.func @norm_20
// CHECK-NOT: workgroup
// CHECK-COUNT-5: gpu.shuffle{{ +}}xor
// CHECK-NOT: gpu.barrier
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @norm_20 for ["prefill"] (%x: tensor<?x20xf32>) {
    %y = ssm.kernel (%a = %x) : (tensor<?x20xf32>) -> tensor<?x20xf32> {
      %n = ssm.rms_norm %a eps 1.0e-05 : tensor<?x20xf32>
      ssm.yield %n : tensor<?x20xf32>
    }
    plan.yield %y : tensor<?x20xf32>
  }
}

// -----

// Threads come in warps.
module attributes {ssm.target = "cuda:sm_80"} {
  // expected-error @+1 {{the schedule does not fit target 'cuda:sm_80': threads must be a multiple of 32 up to 1024, got 40}}
  plan.kernel @threads for ["prefill"] (%x: tensor<?x40xf32>) {
    %y = ssm.kernel (%a = %x) schedule <row_block = 1, threads = 40> : (tensor<?x40xf32>) -> tensor<?x40xf32> {
      %s = ssm.silu %a : tensor<?x40xf32>
      ssm.yield %s : tensor<?x40xf32>
    }
    plan.yield %y : tensor<?x40xf32>
  }
}

// -----

// Near miss: a table of bf16 is read as it is, and not cast in the kernel; the
// reason is the generator's.
module attributes {ssm.target = "cuda:sm_80"} {
  // expected-error @+1 {{no kernel can be generated for target 'cuda:sm_80': no generator takes these ops together}}
  plan.kernel @cast_table for ["prefill"] (%t: tensor<50x40xbf16>, %i: tensor<?xi32>) {
    %y = ssm.kernel (%a = %t, %b = %i) : (tensor<50x40xbf16>, tensor<?xi32>) -> tensor<?x40xf32> {
      %c = ssm.cast %a : tensor<50x40xbf16> to tensor<50x40xf32>
      %s = ssm.embedding %c[%b] : tensor<50x40xf32>, tensor<?xi32> -> tensor<?x40xf32>
      ssm.yield %s : tensor<?x40xf32>
    }
    plan.yield %y : tensor<?x40xf32>
  }
}
