// Folds and canonicalisations; beside each, its near miss.
// RUN: mamba-opt %s --canonicalize --split-input-file | FileCheck %s

// A cast to the same type is its operand.
// CHECK-LABEL: func.func @cast_to_same_type
// CHECK-SAME: (%[[X:.+]]: tensor<8x4xf32>)
func.func @cast_to_same_type(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // CHECK-NEXT: return %[[X]]
  %y = ssm.cast %x : tensor<8x4xf32> to tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// Through f32 and back nothing is rounded.
// CHECK-LABEL: func.func @cast_there_and_back
// CHECK-SAME: (%[[X:.+]]: tensor<8x4xbf16>)
func.func @cast_there_and_back(%x: tensor<8x4xbf16>) -> tensor<8x4xbf16> {
  // CHECK-NEXT: return %[[X]]
  %wide = ssm.cast %x : tensor<8x4xbf16> to tensor<8x4xf32>
  %y = ssm.cast %wide : tensor<8x4xf32> to tensor<8x4xbf16>
  return %y : tensor<8x4xbf16>
}

// CHECK-LABEL: func.func @cast_through_f32
// CHECK-SAME: (%[[X:.+]]: tensor<8x4xbf16>)
func.func @cast_through_f32(%x: tensor<8x4xbf16>) -> tensor<8x4xf16> {
  // CHECK-NEXT: %[[Y:.+]] = ssm.cast %[[X]] : tensor<8x4xbf16> to tensor<8x4xf16>
  // CHECK-NEXT: return %[[Y]]
  %wide = ssm.cast %x : tensor<8x4xbf16> to tensor<8x4xf32>
  %y = ssm.cast %wide : tensor<8x4xf32> to tensor<8x4xf16>
  return %y : tensor<8x4xf16>
}

// Near miss: bf16 between two f32 rounds.
// CHECK-LABEL: func.func @cast_that_rounds
func.func @cast_that_rounds(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // CHECK-NEXT: ssm.cast %{{.+}} : tensor<8x4xf32> to tensor<8x4xbf16>
  // CHECK-NEXT: ssm.cast %{{.+}} : tensor<8x4xbf16> to tensor<8x4xf32>
  %narrow = ssm.cast %x : tensor<8x4xf32> to tensor<8x4xbf16>
  %y = ssm.cast %narrow : tensor<8x4xbf16> to tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

// A reshape to the same shape is its operand.
// CHECK-LABEL: func.func @reshape_to_same_shape
// CHECK-SAME: (%[[X:.+]]: tensor<8x4xf32>)
func.func @reshape_to_same_shape(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // CHECK-NEXT: return %[[X]]
  %y = ssm.reshape %x : tensor<8x4xf32> to tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// Of two reshapes the last decides.
// CHECK-LABEL: func.func @reshape_of_reshape
// CHECK-SAME: (%[[X:.+]]: tensor<8x1x4xf32>)
func.func @reshape_of_reshape(%x: tensor<8x1x4xf32>) -> tensor<32xf32> {
  // CHECK-NEXT: %[[Y:.+]] = ssm.reshape %[[X]] : tensor<8x1x4xf32> to tensor<32xf32>
  // CHECK-NEXT: return %[[Y]]
  %matrix = ssm.reshape %x : tensor<8x1x4xf32> to tensor<8x4xf32>
  %y = ssm.reshape %matrix : tensor<8x4xf32> to tensor<32xf32>
  return %y : tensor<32xf32>
}

// Near miss: an op stands between them.
// CHECK-LABEL: func.func @reshape_of_scaled_reshape
func.func @reshape_of_scaled_reshape(%x: tensor<8x1x4xf32>) -> tensor<32xf32> {
  // CHECK: ssm.reshape
  // CHECK: ssm.scale
  // CHECK: ssm.reshape
  %matrix = ssm.reshape %x : tensor<8x1x4xf32> to tensor<8x4xf32>
  %twice = ssm.scale %matrix by 2.0 : tensor<8x4xf32>
  %y = ssm.reshape %twice : tensor<8x4xf32> to tensor<32xf32>
  return %y : tensor<32xf32>
}

// -----

// What was packed is unpacked to itself.
// CHECK-LABEL: func.func @unpack_of_pack
// CHECK-SAME: (%[[X:.+]]: tensor<200x32xf32>)
func.func @unpack_of_pack(%x: tensor<200x32xf32>) -> tensor<200x32xf32> {
  // CHECK-NEXT: return %[[X]]
  %p = ssm.pack %x block 64 : tensor<200x32xf32> -> tensor<4x32x64xf32>
  %y = ssm.unpack %p : tensor<4x32x64xf32> -> tensor<200x32xf32>
  return %y : tensor<200x32xf32>
}

// Near miss: more rows come out than went in; the rest is padding.
// CHECK-LABEL: func.func @unpack_with_padding
func.func @unpack_with_padding(%x: tensor<200x32xf32>) -> tensor<256x32xf32> {
  // CHECK: ssm.pack
  // CHECK: ssm.unpack
  %p = ssm.pack %x block 64 : tensor<200x32xf32> -> tensor<4x32x64xf32>
  %y = ssm.unpack %p : tensor<4x32x64xf32> -> tensor<256x32xf32>
  return %y : tensor<256x32xf32>
}

// Pairs of columns side by side change nothing.
// CHECK-LABEL: func.func @unpack_of_interleaved_pack
// CHECK-SAME: (%[[X:.+]]: tensor<200x33xbf16>)
func.func @unpack_of_interleaved_pack(%x: tensor<200x33xbf16>) -> tensor<200x33xbf16> {
  // CHECK-NEXT: return %[[X]]
  %p = ssm.pack %x block 64 interleave 2 : tensor<200x33xbf16> -> tensor<4x17x128xbf16>
  %y = ssm.unpack %p interleave 2 : tensor<4x17x128xbf16> -> tensor<200x33xbf16>
  return %y : tensor<200x33xbf16>
}

// Near miss: what was packed in pairs is read as if in blocks of eight.
// CHECK-LABEL: func.func @unpack_otherwise
func.func @unpack_otherwise(%x: tensor<3x1xi8>) -> tensor<3x1xi8> {
  // CHECK: ssm.pack
  // CHECK: ssm.unpack
  %p = ssm.pack %x block 4 interleave 2 : tensor<3x1xi8> -> tensor<1x1x8xi8>
  %y = ssm.unpack %p : tensor<1x1x8xi8> -> tensor<3x1xi8>
  return %y : tensor<3x1xi8>
}

// Near miss: pack clears what stood in the padding.
// CHECK-LABEL: func.func @pack_of_unpack
func.func @pack_of_unpack(%p: tensor<4x32x64xf32>) -> tensor<4x32x64xf32> {
  // CHECK: ssm.unpack
  // CHECK: ssm.pack
  %x = ssm.unpack %p : tensor<4x32x64xf32> -> tensor<200x32xf32>
  %q = ssm.pack %x block 64 : tensor<200x32xf32> -> tensor<4x32x64xf32>
  return %q : tensor<4x32x64xf32>
}

// -----

// CHECK-LABEL: func.func @scale_by_one
// CHECK-SAME: (%[[X:.+]]: tensor<8x4xf32>)
func.func @scale_by_one(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // CHECK-NEXT: return %[[X]]
  %y = ssm.scale %x by 1.0 : tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// Factors multiply.
// CHECK-LABEL: func.func @scale_of_scale
// CHECK-SAME: (%[[X:.+]]: tensor<8x4xf32>)
func.func @scale_of_scale(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // CHECK-NEXT: %[[Y:.+]] = ssm.scale %[[X]] by -3.000000e+00 : tensor<8x4xf32>
  // CHECK-NEXT: return %[[Y]]
  %half = ssm.scale %x by 0.5 : tensor<8x4xf32>
  %y = ssm.scale %half by -6.0 : tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// CHECK-LABEL: func.func @scale_and_back
// CHECK-SAME: (%[[X:.+]]: tensor<8x4xf32>)
func.func @scale_and_back(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // CHECK-NEXT: return %[[X]]
  %half = ssm.scale %x by 0.5 : tensor<8x4xf32>
  %y = ssm.scale %half by 2.0 : tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// Near miss: the product of the factors is not a finite number.
// CHECK-LABEL: func.func @scale_beyond_range
func.func @scale_beyond_range(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // CHECK: ssm.scale
  // CHECK: ssm.scale
  %large = ssm.scale %x by 1.0e300 : tensor<8x4xf32>
  %y = ssm.scale %large by 1.0e300 : tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

// A split into one part is its operand.
// CHECK-LABEL: func.func @split_of_one_part
// CHECK-SAME: (%[[X:.+]]: tensor<?x8xf32>)
func.func @split_of_one_part(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK-NEXT: return %[[X]]
  %y = ssm.split %x : tensor<?x8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// Near miss: one of two parts.
// CHECK-LABEL: func.func @split_of_two_parts
func.func @split_of_two_parts(%x: tensor<?x8xf32>) -> tensor<?x6xf32> {
  // CHECK-NEXT: ssm.split
  %y, %rest = ssm.split %x : tensor<?x8xf32> -> tensor<?x6xf32>, tensor<?x2xf32>
  return %y : tensor<?x6xf32>
}

// The split of a middle part becomes a finer split of the whole, in order.
// CHECK-LABEL: func.func @split_of_split
// CHECK-SAME: (%[[X:.+]]: tensor<?x9xf32>)
func.func @split_of_split(%x: tensor<?x9xf32>)
    -> (tensor<?x2xf32>, tensor<?x1xf32>, tensor<?x3xf32>, tensor<?x3xf32>) {
  // CHECK-NEXT: %[[P:.+]]:4 = ssm.split %[[X]] : tensor<?x9xf32> -> tensor<?x2xf32>, tensor<?x1xf32>, tensor<?x3xf32>, tensor<?x3xf32>
  // CHECK-NEXT: return %[[P]]#0, %[[P]]#1, %[[P]]#2, %[[P]]#3
  %a, %bc, %d = ssm.split %x : tensor<?x9xf32> -> tensor<?x2xf32>, tensor<?x4xf32>, tensor<?x3xf32>
  %b, %c = ssm.split %bc : tensor<?x4xf32> -> tensor<?x1xf32>, tensor<?x3xf32>
  return %a, %b, %c, %d : tensor<?x2xf32>, tensor<?x1xf32>, tensor<?x3xf32>, tensor<?x3xf32>
}

// Near miss: the part is read whole, too.
// CHECK-LABEL: func.func @split_of_shared_part
func.func @split_of_shared_part(%x: tensor<?x6xf32>)
    -> (tensor<?x1xf32>, tensor<?x3xf32>, tensor<?x4xf32>) {
  // CHECK-NEXT: ssm.split
  // CHECK-NEXT: ssm.split
  %a, %bc = ssm.split %x : tensor<?x6xf32> -> tensor<?x2xf32>, tensor<?x4xf32>
  %b, %c = ssm.split %bc : tensor<?x4xf32> -> tensor<?x1xf32>, tensor<?x3xf32>
  return %b, %c, %bc : tensor<?x1xf32>, tensor<?x3xf32>, tensor<?x4xf32>
}

// -----

// Ops are pure: what nobody reads goes, the state it would have left too.
// CHECK-LABEL: func.func @unread
func.func @unread(%x: tensor<?x8xf32>, %w: tensor<8x4xf32>, %s: tensor<?x3x8xf32>, %batch: !ssm.batch) {
  // CHECK-NEXT: return
  %y, %s1 = ssm.conv1d %x, %w state %s of %batch
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
  return
}
