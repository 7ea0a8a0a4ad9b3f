// RUN: mamba-opt %s --cpu-generate-kernels --split-input-file | FileCheck %s

// The states of a channel are whole vectors of the pool: transposed in registers on
// the way in and out, never gathered. What later phases touch is fetched before.
// CHECK-LABEL: func.func private @scan_128x16(
// CHECK-NOT: vector.gather
// CHECK-NOT: vector.create_mask
// CHECK: memref.prefetch
// CHECK: vector.load %{{.*}} : memref<?x128x16xf32>, vector<16xf32>
// CHECK: vector.shuffle
// CHECK: memref.prefetch %{{.*}}, write,
// CHECK: mask.scalef
// CHECK: vector.shuffle
// CHECK: vector.store %{{.*}} : memref<?x128x16xf32>, vector<16xf32>
// CHECK-NOT: vector.scatter
module attributes {ssm.target = "cpu:x86-64-v4"} {
  plan.kernel @scan_128x16 for ["decode"] (%u: tensor<?x128xf32>, %d: tensor<?x128xf32>, %A: tensor<2x16x64xf32>, %B: tensor<?x16xf32>, %C: tensor<?x16xf32>, %h: tensor<?x128x16xf32>, %batch: !ssm.batch) {
    %y, %t = ssm.kernel (%ku = %u, %kd = %d, %kA = %A, %kB = %B, %kC = %C, %kh = %h, %kb = %batch) schedule <lanes = 16, col_block = 64, row_tile = 4, chunk = 32, state_block = 16> : (tensor<?x128xf32>, tensor<?x128xf32>, tensor<2x16x64xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x128x16xf32>, !ssm.batch) -> (tensor<?x128xf32>, tensor<?x128x16xf32>) {
      %a = ssm.unpack %kA : tensor<2x16x64xf32> -> tensor<128x16xf32>
      %o, %n = ssm.selective_scan %ku delta %kd A %a log2 B %kB C %kC state %kh of %kb : (tensor<?x128xf32>, tensor<?x128xf32>, tensor<128x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x128x16xf32>, !ssm.batch) -> (tensor<?x128xf32>, tensor<?x128x16xf32>)
      ssm.yield %o, %n : tensor<?x128xf32>, tensor<?x128x16xf32>
    }
    plan.yield %y, %t : tensor<?x128xf32>, tensor<?x128x16xf32>
  }
}

// -----

// Fewer states than lanes, and channels that do not fill a block: masked.
// CHECK-LABEL: func.func private @scan_72x5(
// CHECK-NOT: vector.gather
// CHECK: %[[THERE:.*]] = vector.create_mask
// CHECK: vector.maskedload %{{.*}}, %[[THERE]], {{.*}} : memref<?x72x5xf32>
// CHECK: vector.shuffle
// CHECK: vector.maskedstore {{.*}} : memref<?x72x5xf32>
// CHECK-NOT: vector.scatter
module attributes {ssm.target = "cpu:x86-64-v4"} {
  plan.kernel @scan_72x5 for ["decode"] (%u: tensor<?x72xf32>, %d: tensor<?x72xf32>, %A: tensor<2x5x64xf32>, %B: tensor<?x5xf32>, %C: tensor<?x5xf32>, %h: tensor<?x72x5xf32>, %batch: !ssm.batch) {
    %y, %t = ssm.kernel (%ku = %u, %kd = %d, %kA = %A, %kB = %B, %kC = %C, %kh = %h, %kb = %batch) schedule <lanes = 16, col_block = 64, row_tile = 4, chunk = 32, state_block = 16> : (tensor<?x72xf32>, tensor<?x72xf32>, tensor<2x5x64xf32>, tensor<?x5xf32>, tensor<?x5xf32>, tensor<?x72x5xf32>, !ssm.batch) -> (tensor<?x72xf32>, tensor<?x72x5xf32>) {
      %a = ssm.unpack %kA : tensor<2x5x64xf32> -> tensor<72x5xf32>
      %o, %n = ssm.selective_scan %ku delta %kd A %a log2 B %kB C %kC state %kh of %kb : (tensor<?x72xf32>, tensor<?x72xf32>, tensor<72x5xf32>, tensor<?x5xf32>, tensor<?x5xf32>, tensor<?x72x5xf32>, !ssm.batch) -> (tensor<?x72xf32>, tensor<?x72x5xf32>)
      ssm.yield %o, %n : tensor<?x72xf32>, tensor<?x72x5xf32>
    }
    plan.yield %y, %t : tensor<?x72xf32>, tensor<?x72x5xf32>
  }
}
