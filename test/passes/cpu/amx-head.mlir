// RUN: mamba-opt %s --mamba-pipeline=fused --target=cpu:x86-64-v4-amx --weights=bf16 --activations=bf16 | FileCheck %s
// RUN: mamba-opt %s --mamba-pipeline=fused --target=cpu:x86-64-v4-amx --weights=int8 --activations=bf16 | FileCheck %s --check-prefix=INT8

// A head sees one row of each prompt: in a prefill it has the schedule of few rows.
// CHECK-LABEL: func.func @next_prefill
// CHECK: ssm.last_rows
// CHECK: ssm.kernel {{.*}} schedule <lanes = 16, row_block = 16, {{.*}} col_tile = 32, mma = 32>
// CHECK: ssm.linear
// INT8-LABEL: func.func @next_prefill
// INT8: ssm.last_rows
// INT8: ssm.kernel {{.*}} schedule <lanes = 16, row_block = 16
// INT8: ssm.linear
func.func @next(%x: tensor<?x64xf32>, %batch: !ssm.batch) -> tensor<?x96xf32> {
  %w = ssm.weight "w" : tensor<96x64xf32>
  %s = ssm.silu %x : tensor<?x64xf32>
  %l = ssm.last_rows %s of %batch : tensor<?x64xf32> -> tensor<?x64xf32>
  %y = ssm.linear %l, %w : tensor<?x64xf32>, tensor<96x64xf32> -> tensor<?x96xf32>
  return %y : tensor<?x96xf32>
}

// One that sees every row has that of many.
// CHECK-LABEL: func.func @logits_prefill
// CHECK: ssm.kernel {{.*}} schedule <lanes = 16, row_block = 64, {{.*}} k_block = 64, mma = 32>
// CHECK: ssm.linear
// INT8-LABEL: func.func @logits_prefill
// INT8: ssm.kernel {{.*}} schedule <lanes = 16, row_block = 512, {{.*}} mma = 32>
// INT8: ssm.linear
func.func @logits(%x: tensor<?x64xf32>, %batch: !ssm.batch) -> tensor<?x96xf32> {
  %w = ssm.weight "w" : tensor<96x64xf32>
  %s = ssm.silu %x : tensor<?x64xf32>
  %y = ssm.linear %s, %w : tensor<?x64xf32>, tensor<96x64xf32> -> tensor<?x96xf32>
  return %y : tensor<?x96xf32>
}
