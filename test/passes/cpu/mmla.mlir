// RUN: mamba-opt %s --cpu-generate-kernels --split-input-file --verify-diagnostics | FileCheck %s

// Rows are copied as pairs, once for all panels, and multiplied two by two outputs by
// four k an instruction: of four rows each panel takes 16, then of two and of one 8. 38 k
// are two turns of 16 and 6 with zeros behind them.
// CHECK-LABEL: plan.kernel @few
// CHECK-SAME: grid <of = rows, block = 16, times = 2>
// CHECK: func.func private @few(
// CHECK-NOT: math.fma
// CHECK: vector.maskedload {{.*}} : memref<?x38xi16>, vector<4xi1>, vector<4xi16> into vector<4xi16>
// CHECK: vector.store %{{.*}} : memref<8x40xf32
// CHECK: memref.prefetch
// CHECK: llvm.call_intrinsic "llvm.aarch64.neon.bfmmla"
// CHECK-NOT: math.fma
// CHECK: return
module attributes {ssm.target = "cpu:aarch64-bf16"} {
  plan.kernel @few for ["few"] (%x: tensor<?x38xbf16>, %w: tensor<3x10x64xbf16>) {
    %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 4, row_block = 16, col_block = 32, row_tile = 4, col_tile = 16, mma = 4> : (tensor<?x38xbf16>, tensor<3x10x64xbf16>) -> tensor<?x40xf32> {
      %c = ssm.cast %a : tensor<?x38xbf16> to tensor<?x38xf32>
      %u = ssm.unpack %b interleave 4 : tensor<3x10x64xbf16> -> tensor<40x38xbf16>
      %r = ssm.linear %c, %u : tensor<?x38xf32>, tensor<40x38xbf16> -> tensor<?x40xf32>
      ssm.yield %r : tensor<?x40xf32>
    }
    plan.yield %y : tensor<?x40xf32>
  }
}

// -----

// Integers are made bf16 in parts of a panel, and only then multiplied.
// CHECK-LABEL: plan.kernel @integers
// CHECK: func.func private @integers(
// CHECK: arith.sitofp
// CHECK: arith.truncf %{{.*}} : vector<4xf32> to vector<4xbf16>
// CHECK: vector.interleave
// CHECK: vector.store %{{.*}} : memref<8x32xf32
// CHECK: llvm.call_intrinsic "llvm.aarch64.neon.bfmmla"
// CHECK-NOT: math.fma
// CHECK: return
module attributes {ssm.target = "cpu:aarch64-bf16"} {
  plan.kernel @integers for ["prefill"] (%x: tensor<?x64xbf16>, %w: tensor<1x64x16xi8>, %s: tensor<1x2x16xbf16>) {
    %y = ssm.kernel (%a = %x, %b = %w, %d = %s) schedule <lanes = 4, row_block = 96, col_block = 16, row_tile = 6, col_tile = 16, k_block = 32, mma = 4> : (tensor<?x64xbf16>, tensor<1x64x16xi8>, tensor<1x2x16xbf16>) -> tensor<?x16xf32> {
      %c = ssm.cast %a : tensor<?x64xbf16> to tensor<?x64xf32>
      %q = ssm.unpack %b : tensor<1x64x16xi8> -> tensor<16x64xi8>
      %t = ssm.unpack %d : tensor<1x2x16xbf16> -> tensor<16x2xbf16>
      %u = ssm.dequantize %q by %t bits 8 : tensor<16x64xi8>, tensor<16x2xbf16> -> tensor<16x64xf32>
      %r = ssm.linear %c, %u : tensor<?x64xf32>, tensor<16x64xf32> -> tensor<?x16xf32>
      ssm.yield %r : tensor<?x16xf32>
    }
    plan.yield %y : tensor<?x16xf32>
  }
}

// -----

// Panels for multiply-adds are not those of such instructions.
module attributes {ssm.target = "cpu:aarch64-bf16"} {
  // expected-error @below {{a weight is in other panels than the schedule's: block 16 interleave 4}}
  plan.kernel @panels for ["few"] (%x: tensor<?x38xbf16>, %w: tensor<3x19x32xbf16>) {
    %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 4, row_block = 16, col_block = 32, row_tile = 4, col_tile = 16, mma = 4> : (tensor<?x38xbf16>, tensor<3x19x32xbf16>) -> tensor<?x40xf32> {
      %c = ssm.cast %a : tensor<?x38xbf16> to tensor<?x38xf32>
      %u = ssm.unpack %b interleave 2 : tensor<3x19x32xbf16> -> tensor<40x38xbf16>
      %r = ssm.linear %c, %u : tensor<?x38xf32>, tensor<40x38xbf16> -> tensor<?x40xf32>
      ssm.yield %r : tensor<?x40xf32>
    }
    plan.yield %y : tensor<?x40xf32>
  }
}

// -----

// Rows of f32 keep their precision.
module attributes {ssm.target = "cpu:aarch64-bf16"} {
  // expected-error @below {{the schedule does not fit target 'cpu:aarch64-bf16': mma = 4 needs rows of bf16, a matrix of bf16 or integers and a target with bf16}}
  plan.kernel @wide for ["few"] (%x: tensor<?x38xf32>, %w: tensor<3x10x64xbf16>) {
    %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 4, row_block = 16, col_block = 32, row_tile = 4, col_tile = 16, mma = 4> : (tensor<?x38xf32>, tensor<3x10x64xbf16>) -> tensor<?x40xf32> {
      %u = ssm.unpack %b interleave 4 : tensor<3x10x64xbf16> -> tensor<40x38xbf16>
      %r = ssm.linear %a, %u : tensor<?x38xf32>, tensor<40x38xbf16> -> tensor<?x40xf32>
      ssm.yield %r : tensor<?x40xf32>
    }
    plan.yield %y : tensor<?x40xf32>
  }
}

// -----

// Nor does a machine without such instructions take them.
module attributes {ssm.target = "cpu:aarch64-dotprod"} {
  // expected-error @below {{the schedule does not fit target 'cpu:aarch64-dotprod': mma = 4 needs rows of bf16}}
  plan.kernel @without for ["few"] (%x: tensor<?x38xbf16>, %w: tensor<3x10x64xbf16>) {
    %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 4, row_block = 16, col_block = 32, row_tile = 4, col_tile = 16, mma = 4> : (tensor<?x38xbf16>, tensor<3x10x64xbf16>) -> tensor<?x40xf32> {
      %c = ssm.cast %a : tensor<?x38xbf16> to tensor<?x38xf32>
      %u = ssm.unpack %b interleave 4 : tensor<3x10x64xbf16> -> tensor<40x38xbf16>
      %r = ssm.linear %c, %u : tensor<?x38xf32>, tensor<40x38xbf16> -> tensor<?x40xf32>
      ssm.yield %r : tensor<?x40xf32>
    }
    plan.yield %y : tensor<?x40xf32>
  }
}

// -----

// A pair is two rows.
module attributes {ssm.target = "cpu:aarch64-bf16"} {
  // expected-error @below {{a projection by pairs of rows needs lanes = 4, mma = 4, even row_block and row_tile, and of integers k_block}}
  plan.kernel @halves for ["few"] (%x: tensor<?x38xbf16>, %w: tensor<3x10x64xbf16>) {
    %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 4, row_block = 16, col_block = 32, row_tile = 3, col_tile = 16, mma = 4> : (tensor<?x38xbf16>, tensor<3x10x64xbf16>) -> tensor<?x40xf32> {
      %c = ssm.cast %a : tensor<?x38xbf16> to tensor<?x38xf32>
      %u = ssm.unpack %b interleave 4 : tensor<3x10x64xbf16> -> tensor<40x38xbf16>
      %r = ssm.linear %c, %u : tensor<?x38xf32>, tensor<40x38xbf16> -> tensor<?x40xf32>
      ssm.yield %r : tensor<?x40xf32>
    }
    plan.yield %y : tensor<?x40xf32>
  }
}

// -----

// Integers have no quads in place.
module attributes {ssm.target = "cpu:aarch64-bf16"} {
  // expected-error @below {{a projection by pairs of rows needs lanes = 4, mma = 4, even row_block and row_tile, and of integers k_block}}
  plan.kernel @in_place for ["prefill"] (%x: tensor<?x64xbf16>, %w: tensor<1x64x16xi8>, %s: tensor<1x2x16xbf16>) {
    %y = ssm.kernel (%a = %x, %b = %w, %d = %s) schedule <lanes = 4, row_block = 96, col_block = 16, row_tile = 6, col_tile = 16, mma = 4> : (tensor<?x64xbf16>, tensor<1x64x16xi8>, tensor<1x2x16xbf16>) -> tensor<?x16xf32> {
      %c = ssm.cast %a : tensor<?x64xbf16> to tensor<?x64xf32>
      %q = ssm.unpack %b : tensor<1x64x16xi8> -> tensor<16x64xi8>
      %t = ssm.unpack %d : tensor<1x2x16xbf16> -> tensor<16x2xbf16>
      %u = ssm.dequantize %q by %t bits 8 : tensor<16x64xi8>, tensor<16x2xbf16> -> tensor<16x64xf32>
      %r = ssm.linear %c, %u : tensor<?x64xf32>, tensor<16x64xf32> -> tensor<?x16xf32>
      ssm.yield %r : tensor<?x16xf32>
    }
    plan.yield %y : tensor<?x16xf32>
  }
}
