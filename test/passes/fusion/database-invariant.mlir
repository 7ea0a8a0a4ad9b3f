// RUN: split-file %s %t
// RUN: mamba-opt %t/f.mlir --mamba-pipeline=fused --target=cpu:x86-64-v4-amx --weights=bf16 --activations=bf16 --batch-invariant --no-db --db=%t/db | FileCheck %s

// What must not depend on the batch takes no tiles from a database: few rows are
// multiplied in another order there. Other classes do, and it takes what has none.
// CHECK-LABEL: func.func @f_invariant
// CHECK: schedule <lanes = 16, row_block = 48, col_block = 64, row_tile = 3, col_tile = 32> {ssm.schedule_from = "database: here, measured"}
// CHECK: ssm.linear
// CHECK-LABEL: func.func @f_few
// CHECK: schedule <lanes = 16, row_block = 32, col_block = 32, row_tile = 2, col_tile = 32, mma = 32> {ssm.schedule_from = "database: here, measured"}
// CHECK: ssm.linear

//--- db
cpu:x86-64-v4-amx | linear cast+linear bf16,bf16->f32 invariant 64x96 | lanes=16 row_block=32 col_block=32 row_tile=2 col_tile=32 mma=32 | measured 1us spread 1% default 9us rows 1 threads 2 | here | none 2026-11-23
cpu:x86-64-v4-amx | linear cast+linear bf16,bf16->f32 invariant 64x96 | lanes=16 row_block=48 col_block=64 row_tile=3 col_tile=32 | measured 2us spread 1% default 9us rows 1 threads 2 | here | none 2026-11-22
cpu:x86-64-v4-amx | linear cast+linear bf16,bf16->f32 few 64x96 | lanes=16 row_block=32 col_block=32 row_tile=2 col_tile=32 mma=32 | measured 1us spread 1% default 9us rows 8 threads 2 | here | none 2026-11-22
//--- f.mlir
func.func @f(%x: tensor<?x64xf32>) -> tensor<?x96xf32> attributes {ssm.entry = "next"} {
  %w = ssm.weight "w" : tensor<96x64xf32>
  %s = ssm.silu %x : tensor<?x64xf32>
  %y = ssm.linear %s, %w : tensor<?x64xf32>, tensor<96x64xf32> -> tensor<?x96xf32>
  return %y : tensor<?x96xf32>
}
