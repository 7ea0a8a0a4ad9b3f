// Which schedules of a projection are taken, and which are refused.
// RUN: mamba-opt %s --ssm-assign-schedules --split-input-file --verify-diagnostics | FileCheck %s

module attributes {ssm.target = "cuda:sm_80"} {

// Many tokens get tiles, few a warp for each column; a decode step may have many
// sequences, and gets lower tiles.
// CHECK-LABEL: func.func @prefill
// CHECK: schedule <row_block = 64, {{.*}}row_tile
// CHECK-LABEL: func.func @few
// CHECK: schedule <lanes = {{[0-9]+}}, row_block = 8,
// CHECK-LABEL: func.func @decode
// CHECK: schedule <row_block = 32, {{.*}}row_tile
func.func @prefill(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) -> tensor<?x64xf32> attributes {ssm.class = "prefill"} {
  %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32> {
    %l = ssm.linear %a, %b : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
    ssm.yield %l : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}
func.func @few(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) -> tensor<?x64xf32> attributes {ssm.class = "few"} {
  %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32> {
    %l = ssm.linear %a, %b : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
    ssm.yield %l : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}
func.func @decode(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) -> tensor<?x64xf32> attributes {ssm.class = "decode"} {
  %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32> {
    %l = ssm.linear %a, %b : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
    ssm.yield %l : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}

// Few rows of bf16 go to the matrix unit, unless columns are so few that only the
// lanes of FMA fill the machine.
// CHECK-LABEL: func.func @few_wide
// CHECK: schedule <lanes = 4, row_block = 16, {{.*}}mma = 16>
// CHECK-LABEL: func.func @few_narrow
// CHECK: schedule <lanes = {{8|16|32}}, row_block = 8, {{.*}}threads = {{[0-9]+}}>
func.func @few_wide(%x: tensor<?x2560xbf16>, %q: tensor<10240x2560xi8>, %s: tensor<10240x80xbf16>) -> tensor<?x10240xf32> attributes {ssm.class = "few"} {
  %y = ssm.kernel (%a = %x, %b = %q, %c = %s) : (tensor<?x2560xbf16>, tensor<10240x2560xi8>, tensor<10240x80xbf16>) -> tensor<?x10240xf32> {
    %f = ssm.cast %a : tensor<?x2560xbf16> to tensor<?x2560xf32>
    %w = ssm.dequantize %b by %c bits 8 : tensor<10240x2560xi8>, tensor<10240x80xbf16> -> tensor<10240x2560xf32>
    %l = ssm.linear %f, %w : tensor<?x2560xf32>, tensor<10240x2560xf32> -> tensor<?x10240xf32>
    ssm.yield %l : tensor<?x10240xf32>
  }
  return %y : tensor<?x10240xf32>
}
func.func @few_narrow(%x: tensor<?x5120xbf16>, %w: tensor<192x5120xbf16>) -> tensor<?x192xf32> attributes {ssm.class = "few"} {
  %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x5120xbf16>, tensor<192x5120xbf16>) -> tensor<?x192xf32> {
    %f = ssm.cast %a : tensor<?x5120xbf16> to tensor<?x5120xf32>
    %l = ssm.linear %f, %b : tensor<?x5120xf32>, tensor<192x5120xbf16> -> tensor<?x192xf32>
    ssm.yield %l : tensor<?x192xf32>
  }
  return %y : tensor<?x192xf32>
}

// The last rows of the sequences are few, however many tokens there are.
// CHECK-LABEL: func.func @head
// CHECK: ssm.last_rows
// CHECK: schedule <lanes = {{[0-9]+}}, row_block = 8,
func.func @head(%x: tensor<?x64xf32>, %w: tensor<200x64xf32>, %batch: !ssm.batch) -> tensor<?x200xf32> attributes {ssm.class = "prefill"} {
  %l = ssm.kernel (%a = %x, %b = %batch) : (tensor<?x64xf32>, !ssm.batch) -> tensor<?x64xf32> {
    %r = ssm.last_rows %a of %b : tensor<?x64xf32> -> tensor<?x64xf32>
    ssm.yield %r : tensor<?x64xf32>
  }
  %y = ssm.kernel (%a = %l, %b = %w) : (tensor<?x64xf32>, tensor<200x64xf32>) -> tensor<?x200xf32> {
    %r = ssm.linear %a, %b : tensor<?x64xf32>, tensor<200x64xf32> -> tensor<?x200xf32>
    ssm.yield %r : tensor<?x200xf32>
  }
  return %y : tensor<?x200xf32>
}

// In the class whose bits do not depend on T there is one form.
// CHECK-LABEL: func.func @invariant_head
// CHECK: ssm.last_rows
// CHECK: schedule <row_block = 64, {{.*}}row_tile
func.func @invariant_head(%x: tensor<?x64xf32>, %w: tensor<200x64xf32>, %batch: !ssm.batch) -> tensor<?x200xf32> attributes {ssm.class = "invariant"} {
  %l = ssm.kernel (%a = %x, %b = %batch) : (tensor<?x64xf32>, !ssm.batch) -> tensor<?x64xf32> {
    %r = ssm.last_rows %a of %b : tensor<?x64xf32> -> tensor<?x64xf32>
    ssm.yield %r : tensor<?x64xf32>
  }
  %y = ssm.kernel (%a = %l, %b = %w) : (tensor<?x64xf32>, tensor<200x64xf32>) -> tensor<?x200xf32> {
    %r = ssm.linear %a, %b : tensor<?x64xf32>, tensor<200x64xf32> -> tensor<?x200xf32>
    ssm.yield %r : tensor<?x200xf32>
  }
  return %y : tensor<?x200xf32>
}

}

// -----

module attributes {ssm.target = "cuda:sm_80"} {
func.func @lanes(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) -> tensor<?x64xf32> {
  // expected-error @below {{the schedule does not fit target 'cuda:sm_80': lanes must be 0 for tiles, or 8, 16 or 32 for few rows, got 4}}
  %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 4, row_block = 32, col_block = 16, row_tile = 4, col_tile = 4, k_block = 8, threads = 32> : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32> {
    %l = ssm.linear %a, %b : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
    ssm.yield %l : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}
}

// -----

module attributes {ssm.target = "cuda:sm_80"} {
func.func @threads(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) -> tensor<?x64xf32> {
  // expected-error @below {{the schedule does not fit target 'cuda:sm_80': row_block / row_tile times col_block / col_tile must be the threads, with tiles from 1 to 64}}
  %y = ssm.kernel (%a = %x, %b = %w) schedule <row_block = 32, col_block = 16, row_tile = 4, col_tile = 4, k_block = 8, threads = 64> : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32> {
    %l = ssm.linear %a, %b : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
    ssm.yield %l : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}
}

// -----

module attributes {ssm.target = "cuda:sm_80"} {
func.func @loads(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) -> tensor<?x64xf32> {
  // expected-error @below {{the schedule does not fit target 'cuda:sm_80': row_block and col_block must be multiples of the 32 rows that 256 threads load at a time}}
  %y = ssm.kernel (%a = %x, %b = %w) schedule <row_block = 16, col_block = 64, row_tile = 1, col_tile = 4, k_block = 8, threads = 256> : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32> {
    %l = ssm.linear %a, %b : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
    ssm.yield %l : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}
}

// -----

module attributes {ssm.target = "cuda:sm_80"} {
func.func @k_block(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) -> tensor<?x64xf32> {
  // expected-error @below {{the schedule does not fit target 'cuda:sm_80': k_block must be a multiple of 8 up to 1024, got 12}}
  %y = ssm.kernel (%a = %x, %b = %w) schedule <row_block = 32, col_block = 16, row_tile = 4, col_tile = 4, k_block = 12, threads = 32> : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32> {
    %l = ssm.linear %a, %b : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
    ssm.yield %l : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}
}

// -----

module attributes {ssm.target = "cuda:sm_80"} {
func.func @shared(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) -> tensor<?x64xf32> {
  // expected-error @below {{the schedule does not fit target 'cuda:sm_80': it takes 67584 bytes of shared memory, a block has 49152: take smaller tiles or chunks}}
  %y = ssm.kernel (%a = %x, %b = %w) schedule <row_block = 128, col_block = 128, row_tile = 8, col_tile = 8, k_block = 32, threads = 256> : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32> {
    %l = ssm.linear %a, %b : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
    ssm.yield %l : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}
}

// -----

module attributes {ssm.target = "cuda:sm_80"} {
func.func @registers(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) -> tensor<?x64xf32> {
  // expected-error @below {{the schedule does not fit target 'cuda:sm_80': it takes about 448 registers, a thread of 32 has 255: take smaller tiles or fewer threads}}
  %y = ssm.kernel (%a = %x, %b = %w) schedule <row_block = 128, col_block = 64, row_tile = 16, col_tile = 16, k_block = 8, threads = 32> : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32> {
    %l = ssm.linear %a, %b : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
    ssm.yield %l : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}
}

// -----

module attributes {ssm.target = "cuda:sm_80"} {
func.func @outputs(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) -> tensor<?x64xf32> {
  // expected-error @below {{the schedule does not fit target 'cuda:sm_80': row_block and col_tile must be powers of two up to 32, at most 64 outputs a lane}}
  %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 32, row_block = 16, col_block = 8, col_tile = 8, k_block = 64, threads = 32> : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32> {
    %l = ssm.linear %a, %b : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
    ssm.yield %l : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}
}

// -----

module attributes {ssm.target = "cuda:sm_80"} {
func.func @shares(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) -> tensor<?x64xf32> {
  // expected-error @below {{the schedule does not fit target 'cuda:sm_80': k_block must be K, or a multiple of the 512 k whose weights are loaded at a time, got 16 of 64}}
  %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 32, row_block = 8, col_block = 4, col_tile = 1, k_block = 16, threads = 512> : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32> {
    %l = ssm.linear %a, %b : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
    ssm.yield %l : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}
}

// -----

module attributes {ssm.target = "cuda:sm_80"} {
func.func @warps(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) -> tensor<?x64xf32> {
  // expected-error @below {{the schedule does not fit target 'cuda:sm_80': col_block must be col_tile times the 1 groups of a warp, times warps of which the threads are a multiple}}
  %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 32, row_block = 8, col_block = 3, col_tile = 1, k_block = 64, threads = 128> : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32> {
    %l = ssm.linear %a, %b : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
    ssm.yield %l : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}
}

// -----

module attributes {ssm.target = "cuda:sm_80"} {
func.func @blocks(%x: tensor<?x64xf32>, %w: tensor<250000x64xf32>) -> tensor<?x250000xf32> {
  // expected-error @below {{the schedule does not fit target 'cuda:sm_80': 65536 rows take 4096000000 blocks, a grid has 2147483647: take larger tiles}}
  %y = ssm.kernel (%a = %x, %b = %w) schedule <lanes = 32, row_block = 1, col_block = 4, col_tile = 1, k_block = 64, threads = 128> : (tensor<?x64xf32>, tensor<250000x64xf32>) -> tensor<?x250000xf32> {
    %l = ssm.linear %a, %b : tensor<?x64xf32>, tensor<250000x64xf32> -> tensor<?x250000xf32>
    ssm.yield %l : tensor<?x250000xf32>
  }
  return %y : tensor<?x250000xf32>
}
}
