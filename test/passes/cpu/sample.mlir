// RUN: mamba-opt %s --cpu-generate-kernels --split-input-file --verify-diagnostics | FileCheck %s

// Vectors of columns, masked at the end of the vocabulary: what lies behind it is no
// number to the sums and -inf to the largest. Filters are found by passes over the row,
// top-k and then top-p in one loop.
// CHECK-LABEL: func.func private @sample_200
// CHECK: arith.constant dense<0xFF800000> : vector<16xf32>
// CHECK: scf.for %{{.*}} to %c197{{.*}} step %c16
// CHECK: vector.maskedload
// CHECK: scf.for %{{.*}} to %c2{{(_[0-9]+)?}} step
// CHECK: arith.constant dense<0x7FC00000> : vector<16xf32>
// CHECK: scf.for %{{.*}} to %c20{{(_[0-9]+)?}} step
// CHECK-DAG: memref.store %{{.*}} : memref<?xi32>
// CHECK-DAG: memref.store %{{.*}} : memref<?x1xf32>
module attributes {ssm.target = "cpu:x86-64-v4"} {
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

// Logits that are computed in the kernel are another matter.
module attributes {ssm.target = "cpu:x86-64-v4"} {
  // expected-error @+1 {{sampling reads f32 logits, and nothing else is in its kernel}}
  plan.kernel @computed for ["decode"] (%x: tensor<?x200xf32>, %u: tensor<?x1xf32>, %t: tensor<?x1xf32>, %k: tensor<?xi32>, %p: tensor<?x1xf32>, %m: tensor<?x1xf32>) {
    %y, %l = ssm.kernel (%a = %x, %b = %u, %c = %t, %d = %k, %e = %p, %f = %m) : (tensor<?x200xf32>, tensor<?x1xf32>, tensor<?x1xf32>, tensor<?xi32>, tensor<?x1xf32>, tensor<?x1xf32>) -> (tensor<?xi32>, tensor<?x1xf32>) {
      %z = ssm.silu %a : tensor<?x200xf32>
      %s, %n = ssm.sample %z at %b temperature %c top_k %d top_p %e min_p %f valid 197
        : (tensor<?x200xf32>, tensor<?x1xf32>, tensor<?x1xf32>, tensor<?xi32>, tensor<?x1xf32>, tensor<?x1xf32>) -> (tensor<?xi32>, tensor<?x1xf32>)
      ssm.yield %s, %n : tensor<?xi32>, tensor<?x1xf32>
    }
    plan.yield %y, %l : tensor<?xi32>, tensor<?x1xf32>
  }
}
