// What the compiler takes, and what it refuses.
// RUN: mamba-opt %s --ssm-verify-entries --split-input-file --verify-diagnostics | FileCheck %s

// A function becomes the entry of its own name; one that is named stays.
// CHECK-LABEL: func.func @plain
// CHECK-SAME: ssm.entry = "plain"
func.func @plain(%x: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %y = ssm.silu %x : tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}
// CHECK-LABEL: func.func @named
// CHECK-SAME: ssm.entry = "other"
func.func @named(%x: tensor<?x16xf32>, %batch: !ssm.batch) -> tensor<?x16xf32> attributes {ssm.entry = "other"} {
  %y = ssm.silu %x : tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// -----

// Clones of one entry for several classes share its name.
// CHECK-LABEL: func.func @f_few
func.func @f_few(%x: tensor<?x16xf32>) -> tensor<?x16xf32> attributes {ssm.entry = "f", ssm.class = "few"} {
  %y = ssm.silu %x : tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}
func.func @f_prefill(%x: tensor<?x16xf32>) -> tensor<?x16xf32> attributes {ssm.entry = "f", ssm.class = "prefill"} {
  %y = ssm.silu %x : tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// -----

// expected-note @below {{the other}}
func.func @f(%x: tensor<?x16xf32>) -> tensor<?x16xf32> attributes {ssm.entry = "f"} {
  %y = ssm.silu %x : tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}
// expected-error @below {{entry "f" is the name of two functions}}
func.func @g(%x: tensor<?x16xf32>) -> tensor<?x16xf32> attributes {ssm.entry = "f"} {
  %y = ssm.softplus %x : tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// -----

// expected-error @below {{function '@f' has no body: an entry needs one}}
func.func private @f(tensor<?x16xf32>) -> tensor<?x16xf32>

// -----

// expected-error @below {{entry '@f' returns nothing: it needs a result}}
func.func @f(%x: tensor<?x16xf32>) {
  return
}

// -----

// expected-error @below {{argument 1 must be a tensor [T, ...], [slots, ...] or static of f32, f16, bf16 or i32, got 'f32'}}
func.func @f(%x: tensor<?x16xf32>, %q: f32) -> tensor<?x16xf32> {
  %y = ssm.silu %x : tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// -----

// expected-error @below {{entry '@f' takes more than one !ssm.batch}}
func.func @f(%x: tensor<?x16xf32>, %a: !ssm.batch, %b: !ssm.batch) -> tensor<?x16xf32> {
  %y = ssm.silu %x : tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// -----

// expected-error @below {{result 0 must be a tensor}}
func.func @f(%x: tensor<?x16xf32>, %batch: !ssm.batch) -> !ssm.batch {
  return %batch : !ssm.batch
}

// -----

// expected-error @below {{argument 0 is a state pool: name it by 'ssm.state'}}
func.func @f(%s: tensor<?x3x16xf32>) -> (tensor<?x3x16xf32> {ssm.state = "s"}) {
  return %s : tensor<?x3x16xf32>
}

// -----

// expected-error @below {{'ssm.entry' must be a string}}
func.func @f(%x: tensor<?x16xf32>) -> tensor<?x16xf32> attributes {ssm.entry = 5} {
  return %x : tensor<?x16xf32>
}

// -----

// expected-error @below {{'ssm.name' of argument 0 must be a name of printable characters}}
func.func @f(%x: tensor<?x16xf32> {ssm.name = "a\0Ab"}) -> tensor<?x16xf32> {
  return %x : tensor<?x16xf32>
}

// -----

// expected-error @below {{'ssm.class' must be "invariant", "decode", "few" or "prefill"}}
func.func @f(%x: tensor<?x16xf32>) -> tensor<?x16xf32> attributes {ssm.class = "zzz"} {
  return %x : tensor<?x16xf32>
}

// -----

func.func @f(%x: tensor<?x16xf32>, %y: tensor<?x16xf32>) -> tensor<?x16xf32> {
  // expected-error @below {{an entry holds only ssm ops, got 'arith.addf'}}
  %z = arith.addf %x, %y : tensor<?x16xf32>
  return %z : tensor<?x16xf32>
}

// -----

func.func @f(%x: tensor<?x16xf32>) -> tensor<?x8xf32> {
  %w = ssm.weight "w" : tensor<8x16xf32>
  // expected-error @below {{weight 'w' is 'tensor<8xf32>' here and 'tensor<8x16xf32>' elsewhere: a tensor of the checkpoint has one type}}
  %b = ssm.weight "w" : tensor<8xf32>
  %y = ssm.linear %x, %w bias %b : tensor<?x16xf32>, tensor<8x16xf32>, tensor<8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// Rows of sequences are of arguments with rows that are no state.
// CHECK-LABEL: func.func @of_sequences
// CHECK-SAME: %{{.*}}: tensor<?x1xf32> {ssm.rows = "S"}
func.func @of_sequences(%x: tensor<?x1xf32> {ssm.rows = "S"}) -> tensor<?x1xf32> {
  %y = ssm.silu %x : tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// expected-error @below {{'ssm.rows' must be "S", on an argument [S, ...], got "T" on argument 0}}
func.func @f(%x: tensor<?x1xf32> {ssm.rows = "T"}) -> tensor<?x1xf32> {
  %y = ssm.silu %x : tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// expected-error @below {{'ssm.rows' must be "S", on an argument [S, ...], got "S" on argument 1}}
func.func @f(%x: tensor<?x1xf32>, %y: tensor<4xf32> {ssm.rows = "S"}) -> tensor<?x1xf32> {
  %z = ssm.silu %x : tensor<?x1xf32>
  return %z : tensor<?x1xf32>
}
