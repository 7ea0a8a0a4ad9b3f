// The recipe: a thread makes one element, those past the end none.
// RUN: mamba-opt %s --gpu-generate-kernels --split-input-file --verify-diagnostics | FileCheck %s

// bf16 is read as its bits and widened by a shift.
// CHECK-LABEL: plan.kernel @cast_300
// CHECK-SAME: grid <of = constant, count = 300, block = 256>
// CHECK: gpu.func @cast_300
// CHECK: %[[IN:.*]] = arith.cmpi slt, %{{.*}}, %c300
// CHECK: scf.if %[[IN]]
// CHECK: memref.load %{{.*}} : memref<300xi16>
// CHECK: arith.shli
// CHECK: arith.bitcast %{{.*}} : i32 to f32
// CHECK: memref.store
module attributes {ssm.target = "cuda:sm_80"} {
  plan.kernel @cast_300 for ["recipe"] (%w: tensor<300xbf16>) {
    %y = ssm.kernel (%a = %w) : (tensor<300xbf16>) -> tensor<300xf32> {
      %c = ssm.cast %a : tensor<300xbf16> to tensor<300xf32>
      ssm.yield %c : tensor<300xf32>
    }
    plan.yield %y : tensor<300xf32>
  }
}

// -----

// Panels are for the CPU's registers.
module attributes {ssm.target = "cuda:sm_80"} {
  // expected-error @+1 {{kernels of a GPU read no packed weights}}
  plan.kernel @pack for ["recipe"] (%w: tensor<64x8xf32>) {
    %y = ssm.kernel (%a = %w) : (tensor<64x8xf32>) -> tensor<4x8x16xf32> {
      %p = ssm.pack %a block 16 : tensor<64x8xf32> -> tensor<4x8x16xf32>
      ssm.yield %p : tensor<4x8x16xf32>
    }
    plan.yield %y : tensor<4x8x16xf32>
  }
}
