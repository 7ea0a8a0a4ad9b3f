// Every op of the dialect prints and parses, and reads as its documentation says.
// RUN: mamba-opt %s --verify-roundtrip | FileCheck %s

// A kernel holds its meaning; grid and scratch memory come from a generator.
// CHECK-LABEL: plan.kernel @silu_64
// CHECK-SAME: for ["decode", "prefill"] grid <of = rows, block = 16, times = 2> scratch 128
// CHECK-SAME: (%[[X:.*]]: tensor<?x64xf32>) {
// CHECK: %[[Y:.*]] = ssm.kernel (%{{.*}} = %[[X]])
// CHECK: plan.yield %[[Y]] : tensor<?x64xf32>
plan.kernel @silu_64 for ["decode", "prefill"] grid <of = rows, block = 16, times = 2> scratch 128 (%x: tensor<?x64xf32>) {
  %y = ssm.kernel (%a = %x) : (tensor<?x64xf32>) -> tensor<?x64xf32> {
    %s = ssm.silu %a : tensor<?x64xf32>
    ssm.yield %s : tensor<?x64xf32>
  }
  plan.yield %y : tensor<?x64xf32>
}

// Neither grid nor scratch before code generation; attributes may be added.
// CHECK: plan.kernel @pack_200x64 for ["recipe"] attributes {note} (%{{.*}}: tensor<200x64xf32>) {
plan.kernel @pack_200x64 for ["recipe"] attributes {note} (%w: tensor<200x64xf32>) {
  %p = ssm.kernel (%a = %w) : (tensor<200x64xf32>) -> tensor<4x64x64xf32> {
    %0 = ssm.pack %a block 64 : tensor<200x64xf32> -> tensor<4x64x64xf32>
    ssm.yield %0 : tensor<4x64x64xf32>
  }
  plan.yield %p : tensor<4x64x64xf32>
}

// The grid of a constant, and of sequences.
// CHECK: plan.kernel @conv_64 for ["prefill"] grid <of = sequences, times = 4>
plan.kernel @conv_64 for ["prefill"] grid <of = sequences, times = 4> (%x: tensor<?x64xf32>, %w: tensor<64x4xf32>, %s: tensor<?x3x64xf32>, %b: !ssm.batch) {
  %r:2 = ssm.kernel (%a = %x, %c = %w, %d = %s, %e = %b) : (tensor<?x64xf32>, tensor<64x4xf32>, tensor<?x3x64xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x3x64xf32>) {
    %y, %n = ssm.conv1d %a, %c state %d of %e : (tensor<?x64xf32>, tensor<64x4xf32>, tensor<?x3x64xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x3x64xf32>)
    ssm.yield %y, %n : tensor<?x64xf32>, tensor<?x3x64xf32>
  }
  plan.yield %r#0, %r#1 : tensor<?x64xf32>, tensor<?x3x64xf32>
}

// CHECK-LABEL: plan.entry @step {
// CHECK-NEXT: plan.argument "x" T : tensor<?x64xf32>
// CHECK-NEXT: plan.argument "w" 1 : tensor<64x4xf32>
// CHECK-NEXT: plan.argument "ids" T below 200 : tensor<?xi32>
// CHECK-NEXT: plan.result "y" S : tensor<?x64xf32>
// CHECK-NEXT: plan.pool "conv_state.0" set by "before" read by "after" transposed : tensor<?x3x64xf32>
// CHECK-NEXT: plan.pool "ssm_state.0" set by "h0" read by "h" : tensor<?x64x16xf32>
plan.entry @step {
  plan.argument "x" T : tensor<?x64xf32>
  plan.argument "w" 1 : tensor<64x4xf32>
  plan.argument "ids" T below 200 : tensor<?xi32>
  plan.result "y" S : tensor<?x64xf32>
  plan.pool "conv_state.0" set by "before" read by "after" transposed : tensor<?x3x64xf32>
  plan.pool "ssm_state.0" set by "h0" read by "h" : tensor<?x64x16xf32>
}

// CHECK-LABEL: plan.recipe bytes 65536 {
// CHECK-NEXT: %[[W:.*]] = plan.weight "head" : memref<200x64xf32>
// CHECK-NEXT: %[[P:.*]] = plan.packed offset 0 : memref<4x64x64xf32>
// CHECK-NEXT: plan.dispatch @pack_200x64 rows 1 (%[[W]], out %[[P]]) : memref<200x64xf32>, memref<4x64x64xf32>
plan.recipe bytes 65536 {
  %w = plan.weight "head" : memref<200x64xf32>
  %p = plan.packed offset 0 : memref<4x64x64xf32>
  plan.dispatch @pack_200x64 rows 1 (%w, out %p) : memref<200x64xf32>, memref<4x64x64xf32>
}

// CHECK-LABEL: plan.program of @step class "few" max_tokens 16 arena T 512 S 256 C 128 {
plan.program of @step class "few" max_tokens 16 arena T 512 S 256 C 128 {
  %x = plan.input "x" : memref<?x64xf32>
  %y = plan.output "y" : memref<?x64xf32>
  %s = plan.state "conv_state.0" : memref<?x3x64xf32>
  // CHECK: plan.weight "conv" stored tensor<64x1x4xf32> : memref<64x4xf32>
  %w = plan.weight "conv" stored tensor<64x1x4xf32> : memref<64x4xf32>
  // CHECK: plan.buffer T offset 256 : memref<?x64xf32>
  %t = plan.buffer T offset 256 : memref<?x64xf32>
  // CHECK: plan.buffer C offset 64 : memref<16xf32>
  %c = plan.buffer C offset 64 : memref<16xf32>
  // CHECK: plan.dispatch @conv_64 rows T (%{{.*}}, %{{.*}}, inout %{{.*}}, out %{{.*}})
  plan.dispatch @conv_64 rows T (%x, %w, inout %s, out %t) : memref<?x64xf32>, memref<64x4xf32>, memref<?x3x64xf32>, memref<?x64xf32>
  // CHECK: plan.dispatch @silu_64 rows S (%{{.*}}, out %{{.*}})
  plan.dispatch @silu_64 rows S (%t, out %y) : memref<?x64xf32>, memref<?x64xf32>
}

// CHECK-LABEL: plan.program of @step class "invariant" invariant max_length 1 arena T 0 S 0 C 0 {
plan.program of @step class "invariant" invariant max_length 1 arena T 0 S 0 C 0 {
}

// A kernel of a GPU, and its variant for steps of few sequences.
// CHECK: plan.kernel @silu_32 for ["decode"] grid <of = rows> scratch 0 threads 32 shared 512 variants [#plan.variant<@silu_32_few, max_sequences = 8>] (
plan.kernel @silu_32 for ["decode"] grid <of = rows> scratch 0 threads 32 shared 512
    variants [#plan.variant<@silu_32_few, max_sequences = 8>] (%x: tensor<?x32xf32>) {
  %y = ssm.kernel (%a = %x) : (tensor<?x32xf32>) -> tensor<?x32xf32> {
    %s = ssm.silu %a : tensor<?x32xf32>
    ssm.yield %s : tensor<?x32xf32>
  }
  plan.yield %y : tensor<?x32xf32>
}
// CHECK: plan.kernel @silu_32_few for ["decode"] grid <of = rows> scratch 0 threads 64 shared 0 (
plan.kernel @silu_32_few for ["decode"] grid <of = rows> scratch 0 threads 64 shared 0 (%x: tensor<?x32xf32>) {
  %y = ssm.kernel (%a = %x) : (tensor<?x32xf32>) -> tensor<?x32xf32> {
    %s = ssm.silu %a : tensor<?x32xf32>
    ssm.yield %s : tensor<?x32xf32>
  }
  plan.yield %y : tensor<?x32xf32>
}
