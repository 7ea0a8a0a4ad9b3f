// RUN: split-file %s %t
// RUN: mamba-opt %t/f.mlir --mamba-pipeline=fused --target=cuda:sm_80 --no-db --db=%t/faster | FileCheck %s --check-prefix=FASTER
// RUN: mamba-opt %t/f.mlir --mamba-pipeline=fused --target=cuda:sm_80 --no-db --db=%t/own | FileCheck %s --check-prefix=OWN
// RUN: mamba-opt %t/f.mlir --mamba-pipeline=fused --target=cuda:sm_80 --no-db --db=%t/exact | FileCheck %s --check-prefix=FASTER

// A schedule that was found for a neighbour is taken, and one of the kernel itself
// whatever it brought.
// FASTER-LABEL: func.func @f_prefill
// FASTER: schedule <row_block = 1, threads = 64> {ssm.schedule_from = "database: A100, predicted"}

// Where the neighbour's default was the best, each has its own.
// OWN-LABEL: func.func @f_prefill
// OWN: schedule <row_block = 1, threads = 96>
// OWN-NOT: ssm.schedule_from

//--- faster
cuda:sm_80 | rows silu f32->f32 prefill 64 | row_block=1 threads=64 | predicted 1us default 2us rows 2048 | A100 | none 2026-11-23
//--- own
cuda:sm_80 | rows silu f32->f32 prefill 64 | row_block=1 threads=64 | predicted 2us default 2us rows 2048 | A100 | none 2026-11-23
//--- exact
cuda:sm_80 | rows silu f32->f32 prefill 96 | row_block=1 threads=64 | predicted 2us default 2us rows 2048 | A100 | none 2026-11-23
//--- f.mlir
func.func @f(%x: tensor<?x96xf32>) -> tensor<?x96xf32> attributes {ssm.entry = "next"} {
  %y = ssm.silu %x : tensor<?x96xf32>
  return %y : tensor<?x96xf32>
}
