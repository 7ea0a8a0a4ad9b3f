// RUN: mamba-opt %s --mamba-pipeline=asm --target=cpu:x86-64-v4-amx --weights=bf16 --activations=bf16 | FileCheck %s
// RUN: mamba-opt %s --mamba-pipeline=asm --target=cpu:x86-64-v4 --weights=bf16 --activations=bf16 | FileCheck %s --check-prefix=V4
// RUN: mamba-opt %s --mamba-pipeline=asm --target=cpu:x86-64-v4-amx --weights=bf16 | FileCheck %s --check-prefix=V4

// The kernel of many rows configures the tiles once, and no tile goes through the
// stack: four loads, rows and panels by turns, then four products.
// CHECK-LABEL: linear_64x64_cast_r64:
// CHECK: ldtilecfg
// CHECK-NOT: ldtilecfg
// CHECK-NOT: (%rsp){{.*}}%tmm
// CHECK: tilezero
// CHECK: tileloadd {{.*}}(%{{[a-z0-9]+}},%{{[a-z0-9]+}}), %[[A:tmm[0-7]]]
// CHECK: tileloaddt1
// CHECK: tileloadd {{.*}}
// CHECK: tileloaddt1
// CHECK-COUNT-4: tdpbf16ps
// CHECK-NOT: (%rsp){{.*}}%tmm
// CHECK-NOT: ldtilecfg
// CHECK: tilestored
// CHECK-NOT: ldtilecfg
// CHECK: tilerelease
// CHECK: retq

// V4-NOT: tmm
func.func @f(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %w = ssm.weight "w" : tensor<64x64xf32>
  %s = ssm.silu %x : tensor<?x64xf32>
  %y = ssm.linear %s, %w : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
