// One case for each labelled constraint of PlanOps.td.
// RUN: mamba-opt %s --split-input-file --verify-diagnostics

// grid: nothing has no tiles.
// expected-error @+1 {{'count', 'block' and 'times' of a grid must be positive, got 1, 0 and 1}}
plan.kernel @grid_c1 for [] grid <of = rows, block = 0> (%x: tensor<?x64xf32>) {
}

// -----

// grid: only a constant has a count.
// expected-error @+1 {{'count' belongs to a grid of a constant, got 4 of rows}}
plan.kernel @grid_c2 for [] grid <of = rows, count = 4> (%x: tensor<?x64xf32>) {
}

// -----

// kernel_c1: there is a kernel in it.
// expected-error @+1 {{must hold one 'ssm.kernel' and its yield}}
plan.kernel @kernel_c1 for ["prefill"] (%x: tensor<?x64xf32>) {
  plan.yield %x : tensor<?x64xf32>
}

// -----

// kernel_c1: its operands are the arguments in order.
plan.kernel @kernel_c1_operands for ["prefill"] (%x: tensor<?x64xf32>, %z: tensor<?x64xf32>) {
  // expected-error @+1 {{must take the arguments of the 'plan.kernel' in order}}
  %y = ssm.kernel (%a = %z, %b = %x) : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32> {
    %s = ssm.gate %a, %b : tensor<?x64xf32>
    ssm.yield %s : tensor<?x64xf32>
  }
  plan.yield %y : tensor<?x64xf32>
}

// -----

// kernel_c1: it yields the results.
plan.kernel @kernel_c1_yield for ["prefill"] (%x: tensor<?x64xf32>) {
  %y = ssm.kernel (%a = %x) : (tensor<?x64xf32>) -> tensor<?x64xf32> {
    %s = ssm.silu %a : tensor<?x64xf32>
    ssm.yield %s : tensor<?x64xf32>
  }
  // expected-error @+1 {{must yield the results of the 'ssm.kernel' in order}}
  plan.yield %x : tensor<?x64xf32>
}

// -----

// kernel_c2
// expected-error @+1 {{scratch must not be negative, got -64}}
plan.kernel @kernel_c2 for ["prefill"] scratch -64 (%x: tensor<?x64xf32>) {
  %y = ssm.kernel (%a = %x) : (tensor<?x64xf32>) -> tensor<?x64xf32> {
    %s = ssm.silu %a : tensor<?x64xf32>
    ssm.yield %s : tensor<?x64xf32>
  }
  plan.yield %y : tensor<?x64xf32>
}

// -----

plan.entry @entry_c1 {
  // expected-error @+1 {{must not stand in a 'plan.entry'}}
  %w = plan.weight "w" : memref<4xf32>
}

// -----

plan.entry @entry_c2 {
  plan.argument "x" T : tensor<?x64xf32>
  // expected-error @+1 {{has the name of another one of the entry}}
  plan.argument "x" T : tensor<?x32xf32>
}

// -----

plan.entry @argument_c1_static {
  // expected-error @+1 {{must be dynamic in its first dimension only, got 'tensor<4x64xf32>'}}
  plan.argument "x" T : tensor<4x64xf32>
}

// -----

plan.entry @argument_c1_dynamic {
  // expected-error @+1 {{must be static with rows 1, got 'tensor<?x64xf32>'}}
  plan.argument "x" 1 : tensor<?x64xf32>
}

// -----

plan.entry @argument_c1_rows {
  // expected-error @+1 {{rows must be 'T', 'S' or 1, got 4}}
  plan.argument "x" 4 : tensor<4x64xf32>
}

// -----

plan.entry @argument_c2_type {
  // expected-error @+1 {{below must stand beside elements of i32, got 'tensor<?xf32>'}}
  plan.argument "x" T below 5 : tensor<?xf32>
}

// -----

plan.entry @argument_c2_positive {
  // expected-error @+1 {{below must be positive, got 0}}
  plan.argument "x" T below 0 : tensor<?xi32>
}

// -----

plan.entry @result_c1 {
  // expected-error @+1 {{must be dynamic in its first dimension only, got 'tensor<?x?xf32>'}}
  plan.result "y" S : tensor<?x?xf32>
}

// -----

plan.entry @pool_c1 {
  // expected-error @+1 {{must be dynamic in its first dimension, the slots, only, got 'tensor<3x64xf32>'}}
  plan.pool "s" set by "a" read by "b" : tensor<3x64xf32>
}

// -----

plan.recipe bytes 64 {
  // expected-error @+1 {{must not stand in a 'plan.recipe': only weights, packed buffers and dispatches may}}
  %recipe_c1 = ssm.weight "w" : tensor<4xf32>
}

// -----

// recipe_c2
plan.recipe bytes 64 {
  // expected-error @+1 {{must end within the 64 bytes of its arena, got 128}}
  %p = plan.packed offset 64 : memref<16xf32>
}

// -----

plan.entry @e {
}
plan.program of @e class "prefill" arena T 0 S 0 C 0 {
  // expected-error @+1 {{must not stand in a 'plan.program': only buffers and dispatches may}}
  %program_c1 = ssm.weight "w" : tensor<4xf32>
}

// -----

// expected-error @+1 {{names @program_c2, which is no 'plan.entry'}}
plan.program of @program_c2 class "prefill" arena T 0 S 0 C 0 {
}

// -----

plan.entry @e {
  plan.argument "x" T : tensor<?x64xf32>
}
plan.program of @e class "prefill" arena T 0 S 0 C 0 {
  // expected-error @+1 {{names 'z', which entry @e does not have}}
  %z = plan.input "z" : memref<?x64xf32>
}

// -----

plan.entry @e {
  plan.pool "s" set by "a" read by "b" : tensor<?x64xf32>
}
plan.program of @e class "prefill" arena T 0 S 0 C 0 {
  // expected-error @+1 {{must have the elements of the entry's 's', 'tensor<?x64xf32>', got 'memref<?x32xf32>'}}
  %s = plan.state "s" : memref<?x32xf32>
}

// -----

plan.entry @e {
}
plan.program of @e class "prefill" arena T 256 S 0 C 0 {
  // expected-error @+1 {{must end within the 256 bytes of its arena, got 320}}
  %z = plan.buffer T offset 64 : memref<?x64xf32>
}

// -----

plan.entry @e {
}
plan.program of @e class "prefill" arena T 0 S 256 C 0 {
  // expected-error @+1 {{offset must be a multiple of 64, got 4}}
  %z = plan.buffer S offset 4 : memref<?x4xf32>
}

// -----

plan.recipe bytes 0 {
  // expected-error @+1 {{stored type must have the elements of the buffer}}
  %w = plan.weight "w" stored tensor<4x1xf32> : memref<8xf32>
}

// -----

plan.entry @e {
}
plan.program of @e class "prefill" arena T 0 S 0 C 64 {
  // expected-error @+1 {{in arena C must be static, got 'memref<?xf32>'}}
  %z = plan.buffer C offset 0 : memref<?xf32>
}

// -----

plan.recipe bytes 64 {
  %p = plan.packed offset 0 : memref<16xf32>
  // expected-error @+1 {{names @dispatch_c1, which is no 'plan.kernel'}}
  plan.dispatch @dispatch_c1 rows 1 (out %p) : memref<16xf32>
}

// -----

// dispatch_c2, number of arguments
plan.kernel @double for ["recipe"] (%x: tensor<16xf32>) {
  %y = ssm.kernel (%a = %x) : (tensor<16xf32>) -> tensor<16xf32> {
    %s = ssm.scale %a by 2.0 : tensor<16xf32>
    ssm.yield %s : tensor<16xf32>
  }
  plan.yield %y : tensor<16xf32>
}
plan.recipe bytes 64 {
  %w = plan.weight "w" : memref<16xf32>
  // expected-error @+1 {{must have the 2 arguments of kernel @double, got 1}}
  plan.dispatch @double rows 1 (%w) : memref<16xf32>
}

// -----

// dispatch_c2, their types
plan.kernel @double for ["recipe"] (%x: tensor<16xf32>) {
  %y = ssm.kernel (%a = %x) : (tensor<16xf32>) -> tensor<16xf32> {
    %s = ssm.scale %a by 2.0 : tensor<16xf32>
    ssm.yield %s : tensor<16xf32>
  }
  plan.yield %y : tensor<16xf32>
}
plan.recipe bytes 64 {
  %w = plan.weight "w" : memref<16xf32>
  %p = plan.packed offset 0 : memref<8xf32>
  // expected-error @+1 {{argument 1 must be of kernel @double's type 'tensor<16xf32>', got 'memref<8xf32>'}}
  plan.dispatch @double rows 1 (%w, out %p) : memref<16xf32>, memref<8xf32>
}

// -----

// dispatch_c3
plan.kernel @double for ["recipe"] (%x: tensor<16xf32>) {
  %y = ssm.kernel (%a = %x) : (tensor<16xf32>) -> tensor<16xf32> {
    %s = ssm.scale %a by 2.0 : tensor<16xf32>
    ssm.yield %s : tensor<16xf32>
  }
  plan.yield %y : tensor<16xf32>
}
plan.recipe bytes 64 {
  %w = plan.weight "w" : memref<16xf32>
  %p = plan.packed offset 0 : memref<16xf32>
  // expected-error @+1 {{argument 1 must be 'out' as in kernel @double, got 'inout'}}
  plan.dispatch @double rows 1 (%w, inout %p) : memref<16xf32>, memref<16xf32>
}

// -----

// rows
plan.kernel @double for ["recipe"] (%x: tensor<16xf32>) {
  %y = ssm.kernel (%a = %x) : (tensor<16xf32>) -> tensor<16xf32> {
    %s = ssm.scale %a by 2.0 : tensor<16xf32>
    ssm.yield %s : tensor<16xf32>
  }
  plan.yield %y : tensor<16xf32>
}
plan.recipe bytes 64 {
  %w = plan.weight "w" : memref<16xf32>
  // expected-error @+1 {{expected rows: 'T', 'S' or a number}}
  plan.dispatch @double rows W (%w) : memref<16xf32>
}

// -----

// rows of nothing
plan.kernel @double for ["recipe"] (%x: tensor<16xf32>) {
  %y = ssm.kernel (%a = %x) : (tensor<16xf32>) -> tensor<16xf32> {
    %s = ssm.scale %a by 2.0 : tensor<16xf32>
    ssm.yield %s : tensor<16xf32>
  }
  plan.yield %y : tensor<16xf32>
}
plan.recipe bytes 64 {
  %w = plan.weight "w" : memref<16xf32>
  // expected-error @+1 {{a number of rows must be positive, got 0}}
  plan.dispatch @double rows 0 (%w) : memref<16xf32>
}

// -----

// expected-error @+1 {{shared must not be negative, got -1}}
plan.kernel @kernel_c2_shared for ["prefill"] shared -1 (%x: tensor<?x64xf32>) {
  %y = ssm.kernel (%a = %x) : (tensor<?x64xf32>) -> tensor<?x64xf32> {
    %s = ssm.silu %a : tensor<?x64xf32>
    ssm.yield %s : tensor<?x64xf32>
  }
  plan.yield %y : tensor<?x64xf32>
}

// -----

// expected-error @+1 {{threads must be positive, got 0}}
plan.kernel @kernel_c2_threads for ["prefill"] threads 0 (%x: tensor<?x64xf32>) {
  %y = ssm.kernel (%a = %x) : (tensor<?x64xf32>) -> tensor<?x64xf32> {
    %s = ssm.silu %a : tensor<?x64xf32>
    ssm.yield %s : tensor<?x64xf32>
  }
  plan.yield %y : tensor<?x64xf32>
}

// -----

// expected-error @+1 {{variant @other is no 'plan.kernel'}}
plan.kernel @kernel_c3 for ["prefill"] variants [#plan.variant<@other, max_sequences = 8>] (%x: tensor<?x64xf32>) {
  %y = ssm.kernel (%a = %x) : (tensor<?x64xf32>) -> tensor<?x64xf32> {
    %s = ssm.silu %a : tensor<?x64xf32>
    ssm.yield %s : tensor<?x64xf32>
  }
  plan.yield %y : tensor<?x64xf32>
}

// -----

// expected-error @+1 {{variant @other has other arguments}}
plan.kernel @kernel_c3_arguments for ["prefill"] variants [#plan.variant<@other, max_sequences = 8>] (%x: tensor<?x64xf32>) {
  %y = ssm.kernel (%a = %x) : (tensor<?x64xf32>) -> tensor<?x64xf32> {
    %s = ssm.silu %a : tensor<?x64xf32>
    ssm.yield %s : tensor<?x64xf32>
  }
  plan.yield %y : tensor<?x64xf32>
}
plan.kernel @other for [] (%x: tensor<?x32xf32>) {
  %y = ssm.kernel (%a = %x) : (tensor<?x32xf32>) -> tensor<?x32xf32> {
    %s = ssm.silu %a : tensor<?x32xf32>
    ssm.yield %s : tensor<?x32xf32>
  }
  plan.yield %y : tensor<?x32xf32>
}

// -----

// expected-error @+1 {{max_sequences of the variants must rise, got 8 after 8}}
plan.kernel @kernel_c3_rise for ["prefill"]
    variants [#plan.variant<@other, max_sequences = 8>, #plan.variant<@other, max_sequences = 8>] (%x: tensor<?x64xf32>) {
  %y = ssm.kernel (%a = %x) : (tensor<?x64xf32>) -> tensor<?x64xf32> {
    %s = ssm.silu %a : tensor<?x64xf32>
    ssm.yield %s : tensor<?x64xf32>
  }
  plan.yield %y : tensor<?x64xf32>
}
plan.kernel @other for [] (%x: tensor<?x64xf32>) {
  %y = ssm.kernel (%a = %x) : (tensor<?x64xf32>) -> tensor<?x64xf32> {
    %s = ssm.silu %a : tensor<?x64xf32>
    ssm.yield %s : tensor<?x64xf32>
  }
  plan.yield %y : tensor<?x64xf32>
}
