// RUN: mamba-opt %s --ssm-lower-to-plan --split-input-file | FileCheck %s

// Two layers with equal kernels and other weights: one kernel, two dispatches,
// two packed weights; the buffer between them; the result in place.
// CHECK: plan.kernel @pack_64x64_by32 for ["recipe"]
// CHECK: plan.kernel @linear_64x64 for ["prefill"]
// CHECK-NOT: plan.kernel
// CHECK: plan.entry @layers {
// CHECK-NEXT: plan.argument "x" T : tensor<?x64xf32>
// CHECK-NEXT: plan.result "y" T : tensor<?x64xf32>
// CHECK: plan.recipe bytes 32768 {
// CHECK-NEXT: %[[W0:.*]] = plan.weight "layers.0" : memref<64x64xf32>
// CHECK-NEXT: %[[P0:.*]] = plan.packed offset 0 : memref<2x64x32xf32>
// CHECK-NEXT: plan.dispatch @pack_64x64_by32 rows 1 (%[[W0]], out %[[P0]])
// CHECK-NEXT: plan.weight "layers.1"
// CHECK-NEXT: plan.packed offset 16384
// CHECK: plan.program of @layers class "prefill" arena T 256 S 0 C 0 {
// CHECK-NEXT: %[[X:.*]] = plan.input "x"
// CHECK-NEXT: %[[Y:.*]] = plan.output "y"
// CHECK-NEXT: %[[A:.*]] = plan.packed offset 0
// CHECK-NEXT: %[[B:.*]] = plan.packed offset 16384
// CHECK-NEXT: %[[T:.*]] = plan.buffer T offset 0 : memref<?x64xf32>
// CHECK-NEXT: plan.dispatch @linear_64x64 rows T (%[[X]], %[[A]], out %[[T]])
// CHECK-NEXT: plan.dispatch @linear_64x64 rows T (%[[T]], %[[B]], out %[[Y]])
// CHECK-NOT: func.func
func.func @layers(%x: tensor<?x64xf32> {ssm.name = "x"}) -> (tensor<?x64xf32> {ssm.name = "y"}) {
  %w0 = ssm.weight "layers.0" : tensor<64x64xf32>
  %w1 = ssm.weight "layers.1" : tensor<64x64xf32>
  %p0 = ssm.kernel (%a = %w0) : (tensor<64x64xf32>) -> tensor<2x64x32xf32> {
    %p = ssm.pack %a block 32 : tensor<64x64xf32> -> tensor<2x64x32xf32>
    ssm.yield %p : tensor<2x64x32xf32>
  }
  %p1 = ssm.kernel (%a = %w1) : (tensor<64x64xf32>) -> tensor<2x64x32xf32> {
    %p = ssm.pack %a block 32 : tensor<64x64xf32> -> tensor<2x64x32xf32>
    ssm.yield %p : tensor<2x64x32xf32>
  }
  %t = ssm.kernel (%a = %x, %b = %p0) : (tensor<?x64xf32>, tensor<2x64x32xf32>) -> tensor<?x64xf32> {
    %u = ssm.unpack %b : tensor<2x64x32xf32> -> tensor<64x64xf32>
    %l = ssm.linear %a, %u : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
    ssm.yield %l : tensor<?x64xf32>
  }
  %y = ssm.kernel (%a = %t, %b = %p1) : (tensor<?x64xf32>, tensor<2x64x32xf32>) -> tensor<?x64xf32> {
    %u = ssm.unpack %b : tensor<2x64x32xf32> -> tensor<64x64xf32>
    %l = ssm.linear %a, %u : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
    ssm.yield %l : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}

// -----

// Equal kernels with other schedules are two, whose names say the difference.
// CHECK: plan.kernel @silu_64_r16 for ["few"]
// CHECK: plan.kernel @silu_64_r96 for ["prefill"]
// Of one entry, the record is made once.
// CHECK: plan.entry @e {
// CHECK-NOT: plan.entry
// CHECK: plan.program of @e class "few" max_tokens 16
// CHECK: plan.program of @e class "prefill" arena
func.func @e_few(%x: tensor<?x64xf32>) -> tensor<?x64xf32> attributes {ssm.entry = "e", ssm.class = "few"} {
  %y = ssm.kernel (%a = %x) schedule <row_block = 16> : (tensor<?x64xf32>) -> tensor<?x64xf32> {
    %s = ssm.silu %a : tensor<?x64xf32>
    ssm.yield %s : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}
func.func @e_prefill(%x: tensor<?x64xf32>) -> tensor<?x64xf32> attributes {ssm.entry = "e", ssm.class = "prefill"} {
  %y = ssm.kernel (%a = %x) schedule <row_block = 96> : (tensor<?x64xf32>) -> tensor<?x64xf32> {
    %s = ssm.silu %a : tensor<?x64xf32>
    ssm.yield %s : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}

// -----

// What indexes tables is below the smallest; what indexes none has no bound.
// CHECK: plan.entry @embed {
// CHECK-NEXT: plan.argument "ids" T below 7 : tensor<?xi32>
// CHECK-NEXT: plan.argument "others" T below 9 : tensor<?xi32>
// CHECK-NEXT: plan.argument "x" T : tensor<?x4xf32>
func.func @embed(%ids: tensor<?xi32> {ssm.name = "ids"}, %others: tensor<?xi32> {ssm.name = "others"},
                 %x: tensor<?x4xf32> {ssm.name = "x"})
    -> (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) {
  %w0 = ssm.weight "large" : tensor<9x4xf32>
  %w1 = ssm.weight "small" : tensor<7x4xf32>
  %y, %z = ssm.kernel (%a = %w0, %b = %w1, %i = %ids) : (tensor<9x4xf32>, tensor<7x4xf32>, tensor<?xi32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
    %0 = ssm.embedding %a[%i] : tensor<9x4xf32>, tensor<?xi32> -> tensor<?x4xf32>
    %1 = ssm.embedding %b[%i] : tensor<7x4xf32>, tensor<?xi32> -> tensor<?x4xf32>
    ssm.yield %0, %1 : tensor<?x4xf32>, tensor<?x4xf32>
  }
  %v = ssm.kernel (%a = %w0, %i = %others) : (tensor<9x4xf32>, tensor<?xi32>) -> tensor<?x4xf32> {
    %0 = ssm.embedding %a[%i] : tensor<9x4xf32>, tensor<?xi32> -> tensor<?x4xf32>
    ssm.yield %0 : tensor<?x4xf32>
  }
  %u = ssm.kernel (%a = %x) : (tensor<?x4xf32>) -> tensor<?x4xf32> {
    %s = ssm.silu %a : tensor<?x4xf32>
    ssm.yield %s : tensor<?x4xf32>
  }
  return %y, %z, %v, %u : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
}

// -----

// A state is one buffer, read and written; the last rows are rows of S. The
// record of the entry is that of a class that tells T from S.
// CHECK: plan.kernel @conv_64x4 for ["decode", "prefill"]
// CHECK: plan.entry @next {
// CHECK-NEXT: plan.argument "x" T
// CHECK-NEXT: plan.pool "conv.0" set by "conv.0" read by "after" transposed : tensor<?x3x64xf32>
// CHECK-NEXT: plan.result "result0" S
// CHECK: plan.program of @next class "decode" max_length 1 arena T 0 S 0 C 0 {
// CHECK: plan.weight "conv" stored tensor<64x1x4xf32> : memref<64x4xf32>
// CHECK: plan.dispatch @conv_64x4 rows T (%{{.*}}, %{{.*}}, inout %{{.*}}, out %{{.*}})
// CHECK: plan.program of @next class "prefill" arena T 256 S 0 C 0 {
// CHECK: %[[S:.*]] = plan.state "conv.0" : memref<?x3x64xf32>
// CHECK: plan.dispatch @conv_64x4 rows T (%{{.*}}, %{{.*}}, inout %[[S]], out %{{.*}})
// CHECK: plan.dispatch @last_rows_64 rows S
func.func @next_decode(%x: tensor<?x64xf32> {ssm.name = "x"}, %s: tensor<?x3x64xf32> {ssm.state = "conv.0"}, %batch: !ssm.batch)
    -> (tensor<?x64xf32>, tensor<?x3x64xf32> {ssm.state = "conv.0", ssm.name = "after"})
    attributes {ssm.entry = "next", ssm.class = "decode"} {
  %w = ssm.weight "conv" : tensor<64x1x4xf32>
  %r = ssm.reshape %w : tensor<64x1x4xf32> to tensor<64x4xf32>
  %y, %n = ssm.kernel (%a = %x, %b = %r, %c = %s, %d = %batch) : (tensor<?x64xf32>, tensor<64x4xf32>, tensor<?x3x64xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x3x64xf32>) {
    %0, %1 = ssm.conv1d %a, %b state %c of %d : (tensor<?x64xf32>, tensor<64x4xf32>, tensor<?x3x64xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x3x64xf32>)
    ssm.yield %0, %1 : tensor<?x64xf32>, tensor<?x3x64xf32>
  }
  return %y, %n : tensor<?x64xf32>, tensor<?x3x64xf32>
}
func.func @next_prefill(%x: tensor<?x64xf32> {ssm.name = "x"}, %s: tensor<?x3x64xf32> {ssm.state = "conv.0"}, %batch: !ssm.batch)
    -> (tensor<?x64xf32>, tensor<?x3x64xf32> {ssm.state = "conv.0", ssm.name = "after"})
    attributes {ssm.entry = "next", ssm.class = "prefill"} {
  %w = ssm.weight "conv" : tensor<64x1x4xf32>
  %r = ssm.reshape %w : tensor<64x1x4xf32> to tensor<64x4xf32>
  %y, %n = ssm.kernel (%a = %x, %b = %r, %c = %s, %d = %batch) : (tensor<?x64xf32>, tensor<64x4xf32>, tensor<?x3x64xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x3x64xf32>) {
    %0, %1 = ssm.conv1d %a, %b state %c of %d : (tensor<?x64xf32>, tensor<64x4xf32>, tensor<?x3x64xf32>, !ssm.batch) -> (tensor<?x64xf32>, tensor<?x3x64xf32>)
    ssm.yield %0, %1 : tensor<?x64xf32>, tensor<?x3x64xf32>
  }
  %l = ssm.kernel (%a = %y, %b = %batch) : (tensor<?x64xf32>, !ssm.batch) -> tensor<?x64xf32> {
    %0 = ssm.last_rows %a of %b : tensor<?x64xf32> -> tensor<?x64xf32>
    ssm.yield %0 : tensor<?x64xf32>
  }
  return %l, %n : tensor<?x64xf32>, tensor<?x3x64xf32>
}

// -----

// What is computed from an argument alone lies in the arena of constants, and
// is computed in each step.
// CHECK: plan.recipe bytes 0 {
// CHECK: plan.program of @argument class "prefill" arena T 0 S 0 C 64 {
// CHECK: %[[A:.*]] = plan.input "arg1" : memref<16xf32>
// CHECK: %[[C:.*]] = plan.buffer C offset 0 : memref<16xf32>
// CHECK: plan.dispatch @scale_16 rows 1 (%[[A]], out %[[C]])
// CHECK: plan.dispatch @norm_16 rows T
func.func @argument(%x: tensor<?x16xf32>, %a: tensor<16xf32>) -> tensor<?x16xf32> {
  %s = ssm.kernel (%k = %a) : (tensor<16xf32>) -> tensor<16xf32> {
    %l = ssm.scale %k by 2.0 : tensor<16xf32>
    ssm.yield %l : tensor<16xf32>
  }
  %y = ssm.kernel (%k = %x, %b = %s) : (tensor<?x16xf32>, tensor<16xf32>) -> tensor<?x16xf32> {
    %l = ssm.rms_norm %k weight %b eps 1.0e-05 : tensor<?x16xf32>, tensor<16xf32>
    ssm.yield %l : tensor<?x16xf32>
  }
  return %y : tensor<?x16xf32>
}

// -----

// Buffers of different life share memory: a and c, but not a and b, which one
// dispatch reads and writes.
// CHECK: plan.program of @chain class "prefill" arena T 128 S 0 C 0 {
// CHECK: %[[A:.*]] = plan.buffer T offset [[FIRST:[0-9]+]] : memref<?x16xf32>
// CHECK: plan.dispatch @silu_16 rows T (%{{.*}}, out %[[A]])
// CHECK-NOT: plan.buffer T offset [[FIRST]] :
// CHECK: plan.dispatch @silu_16 rows T (%[[A]], out %{{.*}})
// CHECK: plan.buffer T offset [[FIRST]] :
func.func @chain(%x: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %a = ssm.kernel (%k = %x) : (tensor<?x16xf32>) -> tensor<?x16xf32> {
    %s = ssm.silu %k : tensor<?x16xf32>
    ssm.yield %s : tensor<?x16xf32>
  }
  %b = ssm.kernel (%k = %a) : (tensor<?x16xf32>) -> tensor<?x16xf32> {
    %s = ssm.silu %k : tensor<?x16xf32>
    ssm.yield %s : tensor<?x16xf32>
  }
  %c = ssm.kernel (%k = %b) : (tensor<?x16xf32>) -> tensor<?x16xf32> {
    %s = ssm.silu %k : tensor<?x16xf32>
    ssm.yield %s : tensor<?x16xf32>
  }
  %d = ssm.kernel (%k = %c) : (tensor<?x16xf32>) -> tensor<?x16xf32> {
    %s = ssm.silu %k : tensor<?x16xf32>
    ssm.yield %s : tensor<?x16xf32>
  }
  return %d : tensor<?x16xf32>
}

// -----

// A pool that one kernel reads and a later one moves on: `in`, then in place; what
// the second reads of the first lives until then.
// CHECK: plan.program of @convolve class "prefill" arena T 64 S 0 C 0 {
// CHECK: %[[S:.*]] = plan.state "s"
// CHECK: %[[D:.*]] = plan.buffer T offset 0
// CHECK: plan.dispatch @conv_8x3_linear rows T (%{{.*}}, %{{.*}}, %[[S]], %{{.*}}, out %[[D]])
// CHECK: plan.dispatch @conv_8x3_add rows T (%{{.*}}, %{{.*}}, inout %[[S]], %[[D]], out %{{.*}})
func.func @convolve(%x: tensor<?x8xf32> {ssm.name = "x"}, %s: tensor<?x2x8xf32> {ssm.state = "s"}, %batch: !ssm.batch)
    -> (tensor<?x8xf32> {ssm.name = "y"}, tensor<?x2x8xf32> {ssm.state = "s"}) {
  %w = ssm.weight "w" : tensor<8x3xf32>
  %p = ssm.weight "p" : tensor<8x8xf32>
  %d = ssm.kernel (%a = %x, %b = %w, %c = %s, %e = %batch, %f = %p) : (tensor<?x8xf32>, tensor<8x3xf32>, tensor<?x2x8xf32>, !ssm.batch, tensor<8x8xf32>) -> tensor<?x8xf32> {
    %u, %t = ssm.conv1d %a, %b state %c of %e : (tensor<?x8xf32>, tensor<8x3xf32>, tensor<?x2x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x2x8xf32>)
    %l = ssm.linear %u, %f : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
    ssm.yield %l : tensor<?x8xf32>
  }
  %y, %s1 = ssm.kernel (%a = %x, %b = %w, %c = %s, %e = %batch, %f = %d) : (tensor<?x8xf32>, tensor<8x3xf32>, tensor<?x2x8xf32>, !ssm.batch, tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x2x8xf32>) {
    %u, %t = ssm.conv1d %a, %b state %c of %e : (tensor<?x8xf32>, tensor<8x3xf32>, tensor<?x2x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x2x8xf32>)
    %r = ssm.add %u, %f : tensor<?x8xf32>
    ssm.yield %r, %t : tensor<?x8xf32>, tensor<?x2x8xf32>
  }
  return %y, %s1 : tensor<?x8xf32>, tensor<?x2x8xf32>
}
