// What cannot be a program.
// RUN: mamba-opt %s --ssm-lower-to-plan --split-input-file --verify-diagnostics

func.func @no_kernel(%x: tensor<?x16xf32>) -> tensor<?x16xf32> {
  // expected-error @+1 {{must not stand outside of a kernel}}
  %y = ssm.silu %x : tensor<?x16xf32>
  %z = ssm.kernel (%k = %y) : (tensor<?x16xf32>) -> tensor<?x16xf32> {
    %s = ssm.silu %k : tensor<?x16xf32>
    ssm.yield %s : tensor<?x16xf32>
  }
  return %z : tensor<?x16xf32>
}

// -----

// The pool before the step would be gone.
// expected-error @+1 {{result 1 must be the last version of state 'conv'}}
func.func @state_before(%x: tensor<?x16xf32>, %w: tensor<16x4xf32>, %s: tensor<?x3x16xf32> {ssm.state = "conv"}, %batch: !ssm.batch)
    -> (tensor<?x16xf32>, tensor<?x3x16xf32> {ssm.state = "conv"}) {
  %y, %n = ssm.kernel (%a = %x, %b = %w, %c = %s, %d = %batch) : (tensor<?x16xf32>, tensor<16x4xf32>, tensor<?x3x16xf32>, !ssm.batch) -> (tensor<?x16xf32>, tensor<?x3x16xf32>) {
    %0, %1 = ssm.conv1d %a, %b state %c of %d : (tensor<?x16xf32>, tensor<16x4xf32>, tensor<?x3x16xf32>, !ssm.batch) -> (tensor<?x16xf32>, tensor<?x3x16xf32>)
    ssm.yield %0, %1 : tensor<?x16xf32>, tensor<?x3x16xf32>
  }
  return %y, %s : tensor<?x16xf32>, tensor<?x3x16xf32>
}

// -----

func.func @state_twice(%x: tensor<?x16xf32>, %w: tensor<16x4xf32>, %s: tensor<?x3x16xf32> {ssm.state = "conv"}, %batch: !ssm.batch)
    -> (tensor<?x16xf32>, tensor<?x3x16xf32> {ssm.state = "conv"}) {
  %y, %n = ssm.kernel (%a = %x, %b = %w, %c = %s, %d = %batch) : (tensor<?x16xf32>, tensor<16x4xf32>, tensor<?x3x16xf32>, !ssm.batch) -> (tensor<?x16xf32>, tensor<?x3x16xf32>) {
    %0, %1 = ssm.conv1d %a, %b state %c of %d : (tensor<?x16xf32>, tensor<16x4xf32>, tensor<?x3x16xf32>, !ssm.batch) -> (tensor<?x16xf32>, tensor<?x3x16xf32>)
    ssm.yield %0, %1 : tensor<?x16xf32>, tensor<?x3x16xf32>
  }
  // expected-error @+1 {{reads state 'conv' after it was replaced}}
  %z, %m = ssm.kernel (%a = %y, %b = %w, %c = %s, %d = %batch) : (tensor<?x16xf32>, tensor<16x4xf32>, tensor<?x3x16xf32>, !ssm.batch) -> (tensor<?x16xf32>, tensor<?x3x16xf32>) {
    %0, %1 = ssm.conv1d %a, %b state %c of %d : (tensor<?x16xf32>, tensor<16x4xf32>, tensor<?x3x16xf32>, !ssm.batch) -> (tensor<?x16xf32>, tensor<?x3x16xf32>)
    ssm.yield %0, %1 : tensor<?x16xf32>, tensor<?x3x16xf32>
  }
  return %z, %m : tensor<?x16xf32>, tensor<?x3x16xf32>
}

// -----

// Rows of sequences and of tokens do not meet.
func.func @mixed_rows(%x: tensor<?x16xf32>, %batch: !ssm.batch) -> tensor<?x16xf32> {
  %y = ssm.kernel (%a = %x, %b = %batch) : (tensor<?x16xf32>, !ssm.batch) -> tensor<?x16xf32> {
    %l = ssm.last_rows %a of %b : tensor<?x16xf32> -> tensor<?x16xf32>
    // expected-error @+1 {{mixes rows of tokens with rows of sequences}}
    %s = ssm.add %l, %a : tensor<?x16xf32>
    ssm.yield %s : tensor<?x16xf32>
  }
  return %y : tensor<?x16xf32>
}

// -----

func.func @few(%x: tensor<?x16xf32> {ssm.name = "x"}) -> tensor<?x16xf32> attributes {ssm.entry = "e", ssm.class = "few"} {
  %y = ssm.kernel (%k = %x) : (tensor<?x16xf32>) -> tensor<?x16xf32> {
    %s = ssm.silu %k : tensor<?x16xf32>
    ssm.yield %s : tensor<?x16xf32>
  }
  return %y : tensor<?x16xf32>
}
// expected-error @+1 {{must have the arguments, results and states of entry 'e' that its other functions have}}
func.func @prefill(%x: tensor<?x16xf32> {ssm.name = "z"}) -> tensor<?x16xf32> attributes {ssm.entry = "e", ssm.class = "prefill"} {
  %y = ssm.kernel (%k = %x) : (tensor<?x16xf32>) -> tensor<?x16xf32> {
    %s = ssm.silu %k : tensor<?x16xf32>
    ssm.yield %s : tensor<?x16xf32>
  }
  return %y : tensor<?x16xf32>
}
