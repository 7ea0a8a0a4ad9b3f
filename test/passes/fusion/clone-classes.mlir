// RUN: mamba-opt %s --ssm-clone-classes --split-input-file --verify-diagnostics | FileCheck %s
// RUN: mamba-opt %s --ssm-clone-classes=batch-invariant --split-input-file --verify-diagnostics | FileCheck %s --check-prefix=INV

// A function over a batch serves three classes, and four with batch invariance,
// in the order in which they are tried; the last row of one row is that row.
// INV-LABEL: func.func @next_invariant
// INV-SAME: ssm.class = "invariant"
// INV: ssm.last_rows
// INV: func.func @next_decode
// CHECK-NOT: @next_invariant
// CHECK-LABEL: func.func @next_decode
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>, %{{.*}}: !ssm.batch)
// CHECK-SAME: attributes {ssm.class = "decode", ssm.entry = "next"}
// CHECK-NEXT: return %[[X]]
// CHECK-LABEL: func.func @next_few
// CHECK-SAME: attributes {ssm.class = "few", ssm.entry = "next"}
// CHECK-NEXT: %[[L:.*]] = ssm.last_rows
// CHECK-NEXT: return %[[L]]
// CHECK-LABEL: func.func @next_prefill
// CHECK-SAME: attributes {ssm.class = "prefill", ssm.entry = "next"}
// CHECK-NEXT: ssm.last_rows
// CHECK-NOT: func.func @next(
func.func @next(%x: tensor<?x8xf32>, %batch: !ssm.batch) -> tensor<?x8xf32> attributes {ssm.entry = "next"} {
  %y = ssm.last_rows %x of %batch : tensor<?x8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// Without a scan there is no class long, nor for a CPU.
// CHECK-NOT: _long

// Without a batch there are no sequences that could have one token each.
// CHECK-NOT: @rows_decode
// CHECK-LABEL: func.func @rows_few
// CHECK-LABEL: func.func @rows_prefill
// INV-LABEL: func.func @rows_invariant
// INV-NOT: @rows_decode
// INV: func.func @rows_few
// INV: func.func @rows_prefill
func.func @rows(%x: tensor<?x8xf32>) -> tensor<?x8xf32> attributes {ssm.entry = "rows"} {
  return %x : tensor<?x8xf32>
}

// Without rows T means nothing: a state pool has slots, not rows.
// CHECK-NOT: @pool_few
// CHECK-LABEL: func.func @pool_prefill
func.func @pool(%a: tensor<8xf32>, %s: tensor<?x3x8xf32> {ssm.state = "s"})
    -> (tensor<8xf32>, tensor<?x3x8xf32> {ssm.state = "s"}) attributes {ssm.entry = "pool"} {
  return %a, %s : tensor<8xf32>, tensor<?x3x8xf32>
}

// Near misses: a clone is not cloned again, and what is no entry is left alone.
// CHECK-LABEL: func.func @one_decode(
// CHECK-NOT: @one_decode_
func.func @one_decode(%x: tensor<?x8xf32>) -> tensor<?x8xf32> attributes {ssm.entry = "one", ssm.class = "decode"} {
  return %x : tensor<?x8xf32>
}
// CHECK-LABEL: func.func @no_entry(
// CHECK-NOT: @no_entry_
func.func @no_entry(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  return %x : tensor<?x8xf32>
}

// -----

// expected-error @below {{no clone for class 'prefill': '@taken_prefill' is defined already}}
func.func @taken(%a: tensor<8xf32>) -> tensor<8xf32> attributes {ssm.entry = "taken"} {
  return %a : tensor<8xf32>
}
// expected-note @below {{here}}
func.func @taken_prefill(%a: tensor<8xf32>) -> tensor<8xf32> {
  return %a : tensor<8xf32>
}

// -----

// expected-error @below {{entry '@callee' is called: inline it first}}
func.func @callee(%a: tensor<8xf32>) -> tensor<8xf32> attributes {ssm.entry = "callee"} {
  return %a : tensor<8xf32>
}
func.func @caller(%a: tensor<8xf32>) -> tensor<8xf32> {
  %r = call @callee(%a) : (tensor<8xf32>) -> tensor<8xf32>
  return %r : tensor<8xf32>
}

// -----

// Rows of sequences are rows of tokens where each sequence has one, and only there.
// CHECK-LABEL: func.func @drawn_decode
// CHECK-NOT: ssm.rows
// CHECK: func.func @drawn_few
// CHECK-SAME: ssm.rows = "S"
// CHECK: func.func @drawn_prefill
// CHECK-SAME: ssm.rows = "S"
func.func @drawn(%x: tensor<?x8xf32>, %z: tensor<?x8xf32> {ssm.rows = "S"}, %batch: !ssm.batch)
    -> tensor<?x8xf32> attributes {ssm.entry = "drawn"} {
  %y = ssm.last_rows %x of %batch : tensor<?x8xf32> -> tensor<?x8xf32>
  %s = ssm.add %y, %z : tensor<?x8xf32>
  return %s : tensor<?x8xf32>
}
