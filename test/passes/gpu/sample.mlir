// RUN: mamba-opt %s --gpu-generate-kernels --split-input-file --verify-diagnostics | FileCheck %s

// The best of the warps meet in shared memory; value and column go together.
// CHECK-LABEL: gpu.func @argmax_200
// CHECK: scf.for %{{.*}} to %c197
// CHECK-COUNT-10: gpu.shuffle{{ +}}xor
// CHECK: gpu.barrier
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

// Lanes of the warp that searches exchange weights through shared memory: a
// barrier of the warp before they are read, and one before they are written anew.
// CHECK-LABEL: gpu.func @categorical_200
// CHECK-COUNT-2: gpu.barrier
// CHECK: memref.store %{{.*}}, %[[WEIGHTS:.*]][%{{.*}}, %{{.*}}] : memref<7x32xf32
// CHECK: nvvm.bar.warp.sync
// CHECK: memref.load %[[WEIGHTS]]
// CHECK: nvvm.bar.warp.sync
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @categorical_200 for ["decode"] (%x: tensor<?x200xf32>, %u: tensor<?x1xf32>, %t: tensor<?x1xf32>) {
    %y = ssm.kernel (%a = %x, %b = %u, %c = %t) : (tensor<?x200xf32>, tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?xi32> {
      %s = ssm.categorical %a at %b temperature %c valid 197
        : tensor<?x200xf32>, tensor<?x1xf32>, tensor<?x1xf32> -> tensor<?xi32>
      ssm.yield %s : tensor<?xi32>
    }
    plan.yield %y : tensor<?xi32>
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
