// RUN: mamba-opt %s --gpu-generate-kernels --split-input-file --verify-diagnostics | FileCheck %s

// All steps are taken by all threads; logits from 197 on are the least. The best of
// the warps meet in shared memory; value and column go together.
// CHECK-LABEL: gpu.func @argmax_200
// CHECK: scf.for
// CHECK: vector.load %{{.*}} : memref<?x200xf32>, vector<4xf32>
// CHECK-COUNT-10: gpu.shuffle{{ +}}xor
// CHECK: gpu.barrier
// CHECK-COUNT-10: gpu.shuffle{{ +}}xor
// CHECK: memref.store %{{.*}} : memref<?xi32>
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @argmax_200 for ["decode"] (%x: tensor<?x200xf32>) {
    %y = ssm.kernel (%a = %x) : (tensor<?x200xf32>) -> tensor<?xi32> {
      %t = ssm.argmax %a valid 197 : tensor<?x200xf32> -> tensor<?xi32>
      ssm.yield %t : tensor<?xi32>
    }
    plan.yield %y : tensor<?xi32>
  }
}

// -----

// The largest logit by a pass in loads of 16 bytes, then, for rows with filters, the
// candidates in shared memory; other rows by passes, top-k and then top-p in one loop.
// CHECK-LABEL: gpu.func @sample_200
// CHECK-SAME: memref<64xf32, #gpu.address_space<workgroup>>
// CHECK: vector.load %{{.*}} {alignment = 16 : i64} : memref<?x200xf32>, vector<4xf32>
// CHECK: gpu.barrier
// CHECK: memref.load %{{.*}} : memref<?xi32>
// CHECK: llvm.call_intrinsic "llvm.nvvm.ex2.approx.ftz.f"
// CHECK: vector.load %{{.*}} {alignment = 16 : i64} : memref<64xf32, #gpu.address_space<workgroup>>
// CHECK: scf.for %{{.*}} to %c2{{(_[0-9]+)?}} step
// CHECK: scf.for %{{.*}} to %c20{{(_[0-9]+)?}} step
// CHECK: gpu.shuffle{{ +}}idx
// CHECK-DAG: memref.store %{{.*}} : memref<?xi32>
// CHECK-DAG: memref.store %{{.*}} : memref<?x1xf32>
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @sample_200 for ["decode"] (%x: tensor<?x200xf32>, %u: tensor<?x1xf32>, %t: tensor<?x1xf32>, %k: tensor<?xi32>, %p: tensor<?x1xf32>, %m: tensor<?x1xf32>) {
    %y, %l = ssm.kernel (%a = %x, %b = %u, %c = %t, %d = %k, %e = %p, %f = %m) : (tensor<?x200xf32>, tensor<?x1xf32>, tensor<?x1xf32>, tensor<?xi32>, tensor<?x1xf32>, tensor<?x1xf32>) -> (tensor<?xi32>, tensor<?x1xf32>) {
      %s, %n = ssm.sample %a at %b temperature %c top_k %d top_p %e min_p %f valid 197
        : (tensor<?x200xf32>, tensor<?x1xf32>, tensor<?x1xf32>, tensor<?xi32>, tensor<?x1xf32>, tensor<?x1xf32>) -> (tensor<?xi32>, tensor<?x1xf32>)
      ssm.yield %s, %n : tensor<?xi32>, tensor<?x1xf32>
    }
    plan.yield %y, %l : tensor<?xi32>, tensor<?x1xf32>
  }
}

// -----

// Rows that do not begin at multiples of 16 bytes are read by single logits.
// CHECK-LABEL: gpu.func @sample_odd
// CHECK-NOT: memref<?x201xf32>, vector
// CHECK: memref.load %{{.*}} : memref<?x201xf32>
// CHECK-NOT: memref<?x201xf32>, vector
// CHECK: gpu.return
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @sample_odd for ["decode"] (%x: tensor<?x201xf32>, %u: tensor<?x1xf32>, %t: tensor<?x1xf32>, %k: tensor<?xi32>, %p: tensor<?x1xf32>, %m: tensor<?x1xf32>) {
    %y, %l = ssm.kernel (%a = %x, %b = %u, %c = %t, %d = %k, %e = %p, %f = %m) : (tensor<?x201xf32>, tensor<?x1xf32>, tensor<?x1xf32>, tensor<?xi32>, tensor<?x1xf32>, tensor<?x1xf32>) -> (tensor<?xi32>, tensor<?x1xf32>) {
      %s, %n = ssm.sample %a at %b temperature %c top_k %d top_p %e min_p %f valid 197
        : (tensor<?x201xf32>, tensor<?x1xf32>, tensor<?x1xf32>, tensor<?xi32>, tensor<?x1xf32>, tensor<?x1xf32>) -> (tensor<?xi32>, tensor<?x1xf32>)
      ssm.yield %s, %n : tensor<?xi32>, tensor<?x1xf32>
    }
    plan.yield %y, %l : tensor<?xi32>, tensor<?x1xf32>
  }
}

// -----

// Logits that are computed in the kernel are another matter.
module attributes {ssm.target = "cuda:sm_80"} {
  // expected-error @+1 {{sampling reads f32 logits, and nothing else is in its kernel}}
  plan.kernel @computed for ["decode"] (%x: tensor<?x200xf32>) {
    %y = ssm.kernel (%a = %x) : (tensor<?x200xf32>) -> tensor<?xi32> {
      %s = ssm.silu %a : tensor<?x200xf32>
      %t = ssm.argmax %s valid 197 : tensor<?x200xf32> -> tensor<?xi32>
      ssm.yield %t : tensor<?xi32>
    }
    plan.yield %y : tensor<?xi32>
  }
}
