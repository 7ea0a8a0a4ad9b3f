// RUN: mamba-opt %s --mamba-pipeline=asm --target=cpu:x86-64-v4-vnni --weights=int8 --activations=int8 | FileCheck %s
// RUN: mamba-opt %s --mamba-pipeline=asm --target=cpu:x86-64-v4-amx --weights=int4 --activations=int8 | FileCheck %s --check-prefix=AMX
// RUN: mamba-opt %s --mamba-pipeline=asm --target=cpu:x86-64-v4 --weights=int8 --activations=int8 | FileCheck %s --check-prefix=V4
// RUN: mamba-opt %s --mamba-pipeline=asm --target=cpu:x86-64-v4-vnni --weights=int8 --activations=bf16 | FileCheck %s --check-prefix=V4
// RUN: mamba-opt %s --mamba-pipeline=fused --target=cpu:x86-64-v4-vnni --weights=int8 --activations=int8 | mamba-opt --cpu-pack-operands | FileCheck %s --check-prefix=PACK
// RUN: mamba-opt %s --mamba-pipeline=fused --target=cpu:x86-64-v4 --weights=int8 --activations=int8 | mamba-opt --cpu-pack-operands | FileCheck %s --check-prefix=WIDE

// Products with rows of int8 are those of integers, in every class.
// CHECK-LABEL: linear_64x64_cast_dequantize_int8_rows_r16:
// CHECK: vpdpbusd
// CHECK-LABEL: linear_64x64_cast_dequantize_int8_rows_r96:
// CHECK: vpdpbusd

// With tiles, many rows are none.
// AMX-LABEL: linear_64x64_cast_dequantize_int8_rows_r16:
// AMX-NOT: tmm
// AMX: vpdpbusd
// AMX-LABEL: linear_64x64_cast_dequantize_r512:
// AMX-NOT: vpdpbusd
// AMX: tdpbf16ps

// Near misses: a target without such products, and rows of bf16.
// V4: vfmadd
// V4-NOT: vpdpbusd

// Four bytes of an output side by side, where some kernel multiplies integers.
// PACK: ssm.pack %{{.*}} block 64 interleave 4 : tensor<64x64xi8> -> tensor<1x16x256xi8>
// WIDE-NOT: interleave
// WIDE: ssm.pack %{{.*}} block 64 : tensor<64x64xi8> -> tensor<1x64x64xi8>
func.func @f(%x: tensor<?x64xf32>) -> tensor<?x64xf32> attributes {ssm.entry = "next"} {
  %w = ssm.weight "w" : tensor<64x64xf32>
  %s = ssm.silu %x : tensor<?x64xf32>
  %y = ssm.linear %s, %w : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
