// RUN: mamba-opt %s --ssm-verify-states --split-input-file --verify-diagnostics | FileCheck %s

!rows = tensor<?x8xf32>
!pool = tensor<?x3x8xf32>

// A pool that one op advances and the return takes.
// CHECK-LABEL: func.func @advanced
func.func @advanced(%x: !rows, %s: !pool {ssm.state = "c"}, %batch: !ssm.batch) -> (!rows, !pool {ssm.state = "c"}) {
  %w = ssm.weight "w" : tensor<8x4xf32>
  %y, %s1 = ssm.conv1d %x, %w state %s of %batch : (!rows, tensor<8x4xf32>, !pool, !ssm.batch) -> (!rows, !pool)
  return %y, %s1 : !rows, !pool
}

// A pool that nothing touches is passed straight through.
// CHECK-LABEL: func.func @untouched
func.func @untouched(%s: !pool {ssm.state = "c"}) -> (!pool {ssm.state = "c"}) {
  return %s : !pool
}

// Two steps, one of them in a kernel.
// CHECK-LABEL: func.func @two_steps
func.func @two_steps(%x: !rows, %s: !pool {ssm.state = "c"}, %batch: !ssm.batch) -> (!rows, !pool {ssm.state = "c"}) {
  %w = ssm.weight "w" : tensor<8x4xf32>
  %y, %s1 = ssm.conv1d %x, %w state %s of %batch : (!rows, tensor<8x4xf32>, !pool, !ssm.batch) -> (!rows, !pool)
  %z, %s2 = ssm.kernel (%a = %y, %b = %w, %c = %s1, %d = %batch) : (!rows, tensor<8x4xf32>, !pool, !ssm.batch) -> (!rows, !pool) {
    %p, %q = ssm.conv1d %a, %b state %c of %d : (!rows, tensor<8x4xf32>, !pool, !ssm.batch) -> (!rows, !pool)
    ssm.yield %p, %q : !rows, !pool
  }
  return %z, %s2 : !rows, !pool
}

// -----

// The pool before the step is returned.
func.func @stale(%x: tensor<?x8xf32>, %s: tensor<?x3x8xf32> {ssm.state = "c"}, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x3x8xf32> {ssm.state = "c"}) {
  %w = ssm.weight "w" : tensor<8x4xf32>
  // expected-error @-3 {{state 'c' is read twice: advance the pool that the first reader leaves}}
  // expected-note @below {{read here}}
  %y, %s1 = ssm.conv1d %x, %w state %s of %batch
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
  // expected-note @below {{read here}}
  return %y, %s : tensor<?x8xf32>, tensor<?x3x8xf32>
}

// -----

// The pool after the step is dropped.
func.func @lost(%x: tensor<?x8xf32>, %s: tensor<?x3x8xf32> {ssm.state = "c"}, %t: tensor<?x3x8xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x3x8xf32> {ssm.state = "c"}) {
  %w = ssm.weight "w" : tensor<8x4xf32>
  // expected-error @below {{state 'c' is lost: nothing reads the pool after this}}
  %y, %s1 = ssm.conv1d %x, %w state %s of %batch
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
  return %y, %t : tensor<?x8xf32>, tensor<?x3x8xf32>
}

// -----

// Two pools of one type are exchanged.
func.func @exchanged(%a: tensor<?x3x8xf32> {ssm.state = "a"}, %b: tensor<?x3x8xf32> {ssm.state = "b"})
    -> (tensor<?x3x8xf32> {ssm.state = "a"}, tensor<?x3x8xf32> {ssm.state = "b"}) {
  // expected-error @below {{state 'a' must be returned as result 0, is returned as result 1}}
  return %b, %a : tensor<?x3x8xf32>, tensor<?x3x8xf32>
}

// -----

// A kernel advances the pool twice from the same version.
func.func @twice_in_a_kernel(%x: tensor<?x8xf32>, %s: tensor<?x3x8xf32> {ssm.state = "c"}, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x3x8xf32> {ssm.state = "c"}) {
  %w = ssm.weight "w" : tensor<8x4xf32>
  // expected-error @below {{state 'c' is read twice: advance the pool that the first reader leaves}}
  %y, %s1 = ssm.kernel (%a = %x, %b = %w, %c = %s, %d = %batch)
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>) {
    // expected-note @below {{read here}}
    %p, %q = ssm.conv1d %a, %b state %c of %d
      : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
    // expected-note @below {{read here}}
    %r, %t = ssm.conv1d %p, %b state %c of %d
      : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
    ssm.yield %r, %t : tensor<?x8xf32>, tensor<?x3x8xf32>
  }
  return %y, %s1 : tensor<?x8xf32>, tensor<?x3x8xf32>
}

// -----

// Something other than a state op reads the pool.
func.func private @touch(tensor<?x3x8xf32>) -> tensor<?x3x8xf32>
func.func @read_elsewhere(%s: tensor<?x3x8xf32> {ssm.state = "c"}) -> (tensor<?x3x8xf32> {ssm.state = "c"}) {
  // expected-error @below {{state 'c' is read by an op that does not advance it}}
  %t = call @touch(%s) : (tensor<?x3x8xf32>) -> tensor<?x3x8xf32>
  return %t : tensor<?x3x8xf32>
}

// -----

// expected-error @below {{state 'c' has an argument and no result}}
func.func @no_result(%s: tensor<?x3x8xf32> {ssm.state = "c"}) -> tensor<?x3x8xf32> {
  return %s : tensor<?x3x8xf32>
}

// -----

// expected-error @below {{state 'c' has a result and no argument}}
func.func @no_argument(%s: tensor<?x3x8xf32>) -> (tensor<?x3x8xf32> {ssm.state = "c"}) {
  return %s : tensor<?x3x8xf32>
}

// -----

// expected-error @below {{state 'c' is the name of two arguments}}
func.func @two_arguments(%a: tensor<?x3x8xf32> {ssm.state = "c"}, %b: tensor<?x3x8xf32> {ssm.state = "c"})
    -> (tensor<?x3x8xf32> {ssm.state = "c"}) {
  return %a : tensor<?x3x8xf32>
}

// -----

// expected-error @below {{state 'c' is the name of two results}}
func.func @two_results(%a: tensor<?x3x8xf32> {ssm.state = "c"}, %b: tensor<?x3x8xf32>)
    -> (tensor<?x3x8xf32> {ssm.state = "c"}, tensor<?x3x8xf32> {ssm.state = "c"}) {
  return %a, %b : tensor<?x3x8xf32>, tensor<?x3x8xf32>
}

// -----

// expected-error @below {{state 'c' must have one type, argument and result have 'tensor<?x3x8xf32>' and 'tensor<?x3x4xf32>'}}
func.func @two_types(%s: tensor<?x3x8xf32> {ssm.state = "c"}, %t: tensor<?x3x4xf32>) -> (tensor<?x3x4xf32> {ssm.state = "c"}) {
  return %t : tensor<?x3x4xf32>
}

// -----

func.func @slices(%x: tensor<?x8xf32>, %A: tensor<8x4xf32>, %B: tensor<?x4xf32>, %h: tensor<?x8x4xf32> {ssm.state = "h"}, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32> {ssm.state = "h"}) {
  // expected-error @below {{state 'h' is read by 'ssm.scan_slices', which only ssm-slice-scan may add: leave it out}}
  %p = ssm.scan_slices %x delta %x A %A B %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch) -> tensor<2x9x8xf32>
  %y, %h1 = ssm.selective_scan %x delta %x A %A B %B C %B state %h slices %p of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, tensor<2x9x8xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  return %y, %h1 : tensor<?x8xf32>, tensor<?x8x4xf32>
}
