// RUN: mamba-opt %s --mamba-pipeline=asm --target=cpu:aarch64 | FileCheck %s --implicit-check-not=x18 --implicit-check-not="{{q[0-9]+, .*\[sp}}"
// RUN: mamba-opt %s --mamba-pipeline=asm --target=cpu:aarch64-dotprod --weights=int8 --activations=int8 | FileCheck %s --check-prefix=DOT --implicit-check-not=x18
// RUN: mamba-opt %s --mamba-pipeline=asm --target=cpu:aarch64 --weights=int8 --activations=int8 | FileCheck %s --check-prefix=PLAIN
// RUN: mamba-opt %s --mamba-pipeline=asm --target=cpu:aarch64-dotprod --weights=int8 --activations=bf16 | FileCheck %s --check-prefix=PLAIN
// RUN: mamba-opt %s --mamba-pipeline=asm --target=cpu:aarch64-bf16 --weights=bf16 --activations=bf16 | FileCheck %s --check-prefix=MMLA --implicit-check-not=x18 --implicit-check-not="{{q[0-9]+, .*\[sp}}"
// RUN: mamba-opt %s --mamba-pipeline=asm --target=cpu:aarch64-bf16 --weights=int8 --activations=bf16 | FileCheck %s --check-prefix=MANY
// RUN: mamba-opt %s --mamba-pipeline=asm --target=cpu:aarch64-bf16 --weights=int8 --activations=int8 | FileCheck %s --check-prefix=DOT
// RUN: mamba-opt %s --mamba-pipeline=asm --target=cpu:aarch64-bf16 --weights=bf16 | FileCheck %s --check-prefix=F32-ROWS
// RUN: mamba-opt %s --mamba-pipeline=asm --target=cpu:aarch64-dotprod --weights=bf16 --activations=bf16 | FileCheck %s --check-prefix=NEAR
// Rows of a tile and a panel are multiplied in registers: of many rows six by four
// vectors, two steps of k a turn, and nothing goes through the stack.
// CHECK-LABEL: linear_64x64_r16:
// CHECK: fmla v{{[0-9]+}}.4s, v{{[0-9]+}}.4s, v{{[0-9]+}}.s[0]
// CHECK-LABEL: linear_64x64_r96:
// CHECK: ldp q{{[0-9]+}}, q{{[0-9]+}}, [x{{[0-9]+}}]
// CHECK-COUNT-48: fmla v{{[0-9]+}}.4s, v{{[0-9]+}}.4s, v{{[0-9]+}}.s[0]
// CHECK-NEXT: b.

// Products with rows of int8 are those of integers, in every class.
// DOT-LABEL: linear_64x64_cast_dequantize_int8_rows_r16:
// DOT: sdot v{{[0-9]+}}.4s, v{{[0-9]+}}.16b, v{{[0-9]+}}.16b
// DOT-LABEL: linear_64x64_cast_dequantize_int8_rows_r96:
// DOT: sdot v{{[0-9]+}}.4s, v{{[0-9]+}}.16b, v{{[0-9]+}}.16b

// Near misses: a target without such products, and rows of bf16.
// PLAIN: fmla
// PLAIN-NOT: sdot

// Matrices of bf16 are multiplied by rows of bf16 two rows by two outputs an
// instruction, eight rows by eight outputs in registers, eight k a turn, and nothing goes
// through the stack; rows are rounded by an instruction.
// MMLA: bfcvtn v{{[0-9]+}}.4h, v{{[0-9]+}}.4s
// MMLA-LABEL: linear_64x64_cast_r16:
// MMLA: bfmmla v{{[0-9]+}}.4s, v{{[0-9]+}}.8h, v{{[0-9]+}}.8h
// MMLA-LABEL: linear_64x64_cast_r96:
// MMLA: ldp q{{[0-9]+}}, q{{[0-9]+}}, [x{{[0-9]+}}]
// MMLA-COUNT-32: bfmmla v{{[0-9]+}}.4s, v{{[0-9]+}}.8h, v{{[0-9]+}}.8h
// MMLA: b.

// Integers are worth it for many rows alone.
// MANY-NOT: bfmmla
// MANY-LABEL: linear_64x64_cast_dequantize_r192:
// MANY: bfcvtn
// MANY: bfmmla

// Near misses: rows of f32, and a target without.
// F32-ROWS: fmla
// F32-ROWS-NOT: bfmmla
// NEAR: fmla
// NEAR-NOT: {{bfmmla|bfcvt}}
func.func @f(%x: tensor<?x64xf32>) -> tensor<?x64xf32> attributes {ssm.entry = "next"} {
  %w = ssm.weight "w" : tensor<64x64xf32>
  %s = ssm.silu %x : tensor<?x64xf32>
  %y = ssm.linear %s, %w : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
