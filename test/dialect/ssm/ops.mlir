// Every op of the dialect, with and without its optional parts, prints as it
// is written.
// RUN: mamba-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func.func @recipe
func.func @recipe() -> (tensor<4x32x64xf32>, tensor<128x4xf32>, tensor<128x16xf32>) {
  // CHECK: %[[W:.+]] = ssm.weight "layers.0.x_proj.weight" : tensor<200x32xbf16>
  %w = ssm.weight "layers.0.x_proj.weight" : tensor<200x32xbf16>
  // CHECK: %[[WIDE:.+]] = ssm.cast %[[W]] : tensor<200x32xbf16> to tensor<200x32xf32>
  %wide = ssm.cast %w : tensor<200x32xbf16> to tensor<200x32xf32>
  // CHECK: %[[NORM:.+]] = ssm.weight "layers.0.norm.weight" : tensor<32xf32>
  %norm = ssm.weight "layers.0.norm.weight" : tensor<32xf32>
  // CHECK: %[[FOLDED:.+]] = ssm.scale_columns %[[WIDE]], %[[NORM]] : tensor<200x32xf32>, tensor<32xf32>
  %folded = ssm.scale_columns %wide, %norm : tensor<200x32xf32>, tensor<32xf32>
  // CHECK: %[[PACKED:.+]] = ssm.pack %[[FOLDED]] block 64 : tensor<200x32xf32> -> tensor<4x32x64xf32>
  %packed = ssm.pack %folded block 64 : tensor<200x32xf32> -> tensor<4x32x64xf32>
  // CHECK: %[[SCALES:.+]] = ssm.quant_scales %[[WIDE]] bits 8 : tensor<200x32xf32> -> tensor<200x1xbf16>
  %scales = ssm.quant_scales %wide bits 8 : tensor<200x32xf32> -> tensor<200x1xbf16>
  // CHECK: %[[BYTES:.+]] = ssm.quantize %[[WIDE]] by %[[SCALES]] bits 8 : tensor<200x32xf32>, tensor<200x1xbf16> -> tensor<200x32xi8>
  %bytes = ssm.quantize %wide by %scales bits 8 : tensor<200x32xf32>, tensor<200x1xbf16> -> tensor<200x32xi8>
  // CHECK: ssm.dequantize %[[BYTES]] by %[[SCALES]] bits 8 : tensor<200x32xi8>, tensor<200x1xbf16> -> tensor<200x32xf32>
  %again = ssm.dequantize %bytes by %scales bits 8 : tensor<200x32xi8>, tensor<200x1xbf16> -> tensor<200x32xf32>
  // CHECK: %[[PAIRS:.+]] = ssm.pack %[[W]] block 32 interleave 2 : tensor<200x32xbf16> -> tensor<7x16x64xbf16>
  %pairs = ssm.pack %w block 32 interleave 2 : tensor<200x32xbf16> -> tensor<7x16x64xbf16>
  // CHECK: ssm.unpack %[[PAIRS]] interleave 2 : tensor<7x16x64xbf16> -> tensor<200x32xbf16>
  %single = ssm.unpack %pairs interleave 2 : tensor<7x16x64xbf16> -> tensor<200x32xbf16>
  // CHECK: %[[PANELS:.+]] = ssm.pack %[[BYTES]] block 64 interleave 4 : tensor<200x32xi8> -> tensor<4x8x256xi8>
  %panels = ssm.pack %bytes block 64 interleave 4 : tensor<200x32xi8> -> tensor<4x8x256xi8>
  // CHECK: ssm.unpack %[[PANELS]] interleave 4 : tensor<4x8x256xi8> -> tensor<200x32xi8>
  %unpacked = ssm.unpack %panels interleave 4 : tensor<4x8x256xi8> -> tensor<200x32xi8>
  // CHECK: %[[CONV:.+]] = ssm.weight
  %conv = ssm.weight "layers.0.conv1d.weight" : tensor<128x1x4xf32>
  // CHECK: ssm.reshape %[[CONV]] : tensor<128x1x4xf32> to tensor<128x4xf32>
  %taps = ssm.reshape %conv : tensor<128x1x4xf32> to tensor<128x4xf32>
  // CHECK: %[[A_LOG:.+]] = ssm.weight
  %a_log = ssm.weight "layers.0.A_log" : tensor<128x16xf32>
  // CHECK: %[[A:.+]] = ssm.decay %[[A_LOG]] : tensor<128x16xf32>
  %a = ssm.decay %a_log : tensor<128x16xf32>
  // CHECK: ssm.scale %[[A]] by 1.442695{{.*}} : tensor<128x16xf32>
  %a2 = ssm.scale %a by 1.4426950408889634 : tensor<128x16xf32>
  return %packed, %taps, %a2 : tensor<4x32x64xf32>, tensor<128x4xf32>, tensor<128x16xf32>
}

// CHECK-LABEL: func.func @sampling
// CHECK-SAME: (%[[LOGITS:[a-z0-9]+]]: tensor<?x200xf32>, %[[U:[a-z0-9]+]]: tensor<?x1xf32>, %[[TAU:[a-z0-9]+]]: tensor<?x1xf32>,
// CHECK-SAME: %[[K:[a-z0-9]+]]: tensor<?xi32>, %[[P:[a-z0-9]+]]: tensor<?x1xf32>, %[[M:[a-z0-9]+]]: tensor<?x1xf32>)
func.func @sampling(%logits: tensor<?x200xf32>, %u: tensor<?x1xf32>, %tau: tensor<?x1xf32>,
                    %k: tensor<?xi32>, %p: tensor<?x1xf32>, %m: tensor<?x1xf32>)
    -> (tensor<?xi32>, tensor<?xi32>, tensor<?x1xf32>) {
  // CHECK: ssm.argmax %[[LOGITS]] valid 197 : tensor<?x200xf32> -> tensor<?xi32>
  %greedy = ssm.argmax %logits valid 197 : tensor<?x200xf32> -> tensor<?xi32>
  // CHECK: %[[TOKEN:.+]], %[[LARGEST:.+]] = ssm.sample %[[LOGITS]] at %[[U]] temperature %[[TAU]] top_k %[[K]] top_p %[[P]] min_p %[[M]] valid 200 : (tensor<?x200xf32>, tensor<?x1xf32>, tensor<?x1xf32>, tensor<?xi32>, tensor<?x1xf32>, tensor<?x1xf32>) -> (tensor<?xi32>, tensor<?x1xf32>)
  %token, %largest = ssm.sample %logits at %u temperature %tau top_k %k top_p %p min_p %m valid 200
    : (tensor<?x200xf32>, tensor<?x1xf32>, tensor<?x1xf32>, tensor<?xi32>, tensor<?x1xf32>, tensor<?x1xf32>)
    -> (tensor<?xi32>, tensor<?x1xf32>)
  return %greedy, %token, %largest : tensor<?xi32>, tensor<?xi32>, tensor<?x1xf32>
}

// CHECK-LABEL: func.func @rows
// CHECK-SAME: (%[[TOKENS:[a-z0-9]+]]: tensor<?xi32>, %[[TABLE:[a-z0-9]+]]: tensor<200x64xf16>,
// CHECK-SAME: %[[W:[a-z0-9]+]]: tensor<256x64xbf16>, %[[BIAS:[a-z0-9]+]]: tensor<256xf32>,
// CHECK-SAME: %[[NORM:[a-z0-9]+]]: tensor<64xf32>)
func.func @rows(%tokens: tensor<?xi32>, %table: tensor<200x64xf16>, %w: tensor<256x64xbf16>,
                %bias: tensor<256xf32>, %norm: tensor<64xf32>) -> tensor<?x64xf32> {
  // CHECK: %[[R:.+]] = ssm.embedding %[[TABLE]][%[[TOKENS]]] : tensor<200x64xf16>, tensor<?xi32> -> tensor<?x64xf32>
  %r = ssm.embedding %table[%tokens] : tensor<200x64xf16>, tensor<?xi32> -> tensor<?x64xf32>
  // CHECK: %[[N:.+]] = ssm.rms_norm %[[R]] weight %[[NORM]] eps 1.000000e-05 : tensor<?x64xf32>, tensor<64xf32>
  %n = ssm.rms_norm %r weight %norm eps 1.0e-05 : tensor<?x64xf32>, tensor<64xf32>
  // CHECK: ssm.rms_norm %[[R]] eps 1.000000e-03 : tensor<?x64xf32>
  %plain = ssm.rms_norm %r eps 1.0e-03 : tensor<?x64xf32>
  // CHECK: %[[XZ:.+]] = ssm.linear %[[N]], %[[W]] bias %[[BIAS]] : tensor<?x64xf32>, tensor<256x64xbf16>, tensor<256xf32> -> tensor<?x256xf32>
  %xz = ssm.linear %n, %w bias %bias : tensor<?x64xf32>, tensor<256x64xbf16>, tensor<256xf32> -> tensor<?x256xf32>
  // CHECK: ssm.linear %{{.+}}, %[[W]] : tensor<?x64xf32>, tensor<256x64xbf16> -> tensor<?x256xbf16>
  %half = ssm.linear %plain, %w : tensor<?x64xf32>, tensor<256x64xbf16> -> tensor<?x256xbf16>
  // CHECK: ssm.cast %{{.+}} : tensor<?x256xbf16> to tensor<?x256xf32>
  %whole = ssm.cast %half : tensor<?x256xbf16> to tensor<?x256xf32>
  // CHECK: %[[SUM:.+]] = ssm.add %[[XZ]], %{{.+}} : tensor<?x256xf32>
  %sum = ssm.add %xz, %whole : tensor<?x256xf32>
  // CHECK: %[[PARTS:.+]]:3 = ssm.split %[[SUM]] : tensor<?x256xf32> -> tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x128xf32>
  %x, %z, %rest = ssm.split %sum : tensor<?x256xf32> -> tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x128xf32>
  // CHECK: %[[SILU:.+]] = ssm.silu %[[PARTS]]#0 : tensor<?x64xf32>
  %silu = ssm.silu %x : tensor<?x64xf32>
  // CHECK: %[[DT:.+]] = ssm.softplus %[[SILU]] : tensor<?x64xf32>
  %dt = ssm.softplus %silu : tensor<?x64xf32>
  // CHECK: ssm.gate %[[DT]], %[[PARTS]]#1 : tensor<?x64xf32>
  %y = ssm.gate %dt, %z : tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @sequences
func.func @sequences(%x: tensor<?x128xf32>, %taps: tensor<128x4xf32>, %bias: tensor<128xf32>,
                     %s: tensor<?x3x128xf32>, %batch: !ssm.batch)
    -> (tensor<?x128xf32>, tensor<?x3x128xf32>) {
  // CHECK: %{{.+}}, %[[S:.+]] = ssm.conv1d %{{.+}}, %{{.+}} bias %{{.+}} state %{{.+}} of %{{.+}} : (tensor<?x128xf32>, tensor<128x4xf32>, tensor<128xf32>, tensor<?x3x128xf32>, !ssm.batch) -> (tensor<?x128xf32>, tensor<?x3x128xf32>)
  %y, %s1 = ssm.conv1d %x, %taps bias %bias state %s of %batch
    : (tensor<?x128xf32>, tensor<128x4xf32>, tensor<128xf32>, tensor<?x3x128xf32>, !ssm.batch)
    -> (tensor<?x128xf32>, tensor<?x3x128xf32>)
  // CHECK: ssm.conv1d %{{.+}}, %{{.+}} state %[[S]] of %{{.+}} : (tensor<?x128xf32>, tensor<128x4xf32>, tensor<?x3x128xf32>, !ssm.batch)
  %y2, %s2 = ssm.conv1d %y, %taps state %s1 of %batch
    : (tensor<?x128xf32>, tensor<128x4xf32>, tensor<?x3x128xf32>, !ssm.batch)
    -> (tensor<?x128xf32>, tensor<?x3x128xf32>)
  // CHECK: ssm.last_rows %{{.+}} of %{{.+}} : tensor<?x128xf32> -> tensor<?x128xf32>
  %last = ssm.last_rows %y2 of %batch : tensor<?x128xf32> -> tensor<?x128xf32>
  return %last, %s2 : tensor<?x128xf32>, tensor<?x3x128xf32>
}

// CHECK-LABEL: func.func @scan
func.func @scan(%u: tensor<?x128xf32>, %dt: tensor<?x128xf32>, %bias: tensor<128xf32>,
                %A: tensor<128x16xf32>, %B: tensor<?x16xf32>, %C: tensor<?x16xf32>, %D: tensor<128xf32>,
                %z: tensor<?x128xf32>, %h: tensor<?x128x16xf32>, %batch: !ssm.batch)
    -> (tensor<?x128xf32>, tensor<?x128x16xf32>) {
  // All that is optional stands there.
  // CHECK: ssm.selective_scan %{{.+}} delta %{{.+}} bias %{{.+}} softplus A %{{.+}} log2 B %{{.+}} C %{{.+}} skip %{{.+}} gate %{{.+}} state %{{.+}} of %{{.+}} :
  // CHECK-SAME: (tensor<?x128xf32>, tensor<?x128xf32>, tensor<128xf32>, tensor<128x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<128xf32>, tensor<?x128xf32>, tensor<?x128x16xf32>, !ssm.batch) -> (tensor<?x128xf32>, tensor<?x128x16xf32>)
  %y, %h1 = ssm.selective_scan %u delta %dt bias %bias softplus A %A log2 B %B C %C skip %D gate %z
      state %h of %batch
    : (tensor<?x128xf32>, tensor<?x128xf32>, tensor<128xf32>, tensor<128x16xf32>, tensor<?x16xf32>,
       tensor<?x16xf32>, tensor<128xf32>, tensor<?x128xf32>, tensor<?x128x16xf32>, !ssm.batch)
    -> (tensor<?x128xf32>, tensor<?x128x16xf32>)
  // Nothing of it does.
  // CHECK: ssm.selective_scan %{{.+}} delta %{{.+}} A %{{.+}} B %{{.+}} C %{{.+}} state %{{.+}} of %{{.+}} :
  %y2, %h2 = ssm.selective_scan %y delta %dt A %A B %B C %C state %h1 of %batch
    : (tensor<?x128xf32>, tensor<?x128xf32>, tensor<128x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>,
       tensor<?x128x16xf32>, !ssm.batch) -> (tensor<?x128xf32>, tensor<?x128x16xf32>)
  return %y2, %h2 : tensor<?x128xf32>, tensor<?x128x16xf32>
}

// CHECK-LABEL: func.func @int8_rows
func.func @int8_rows(%x: tensor<?x70xf32>) -> tensor<?x70xf32> {
  // CHECK: %[[Y:.+]] = ssm.int8_rows %{{.+}} : tensor<?x70xf32>
  %y = ssm.int8_rows %x : tensor<?x70xf32>
  return %y : tensor<?x70xf32>
}

// CHECK-LABEL: func.func @sliced_scan
func.func @sliced_scan(%u: tensor<?x8xf32>, %bias: tensor<8xf32>, %A: tensor<8x4xf32>, %B: tensor<?x4xf32>,
                       %c: tensor<4xf32>, %h: tensor<?x8x4xf32>, %batch: !ssm.batch) -> tensor<?x8xf32> {
  // CHECK: %[[P:.+]] = ssm.scan_slices %{{.+}} delta %{{.+}} bias %{{.+}} softplus A %{{.+}} log2 B %{{.+}} state %{{.+}} of %{{.+}} :
  // CHECK-SAME: -> tensor<5x9x8xf32>
  %p = ssm.scan_slices %u delta %u bias %bias softplus A %A log2 B %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> tensor<5x9x8xf32>
  // CHECK: ssm.selective_scan {{.*}} state %{{.+}} slices %[[P]] of %{{.+}} :
  %y, %h1 = ssm.selective_scan %u delta %u bias %bias softplus A %A log2 B %B C %c state %h slices %p of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<4xf32>,
       tensor<?x8x4xf32>, tensor<5x9x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  // CHECK: ssm.scan_slices %{{.+}} delta %{{.+}} A %{{.+}} B %{{.+}} state %{{.+}} of %{{.+}} :
  %q = ssm.scan_slices %y delta %u A %A B %c state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> tensor<1x9x8xf32>
  return %y : tensor<?x8xf32>
}

// B and C may be constant in time, each by itself.
// CHECK-LABEL: func.func @time_invariant_scan
func.func @time_invariant_scan(%u: tensor<?x8xbf16>, %dt: tensor<?x8xbf16>, %A: tensor<8x4xf32>,
                               %B: tensor<4xf32>, %C: tensor<?x4xbf16>, %h: tensor<?x8x4xf32>,
                               %batch: !ssm.batch) -> tensor<?x8xbf16> {
  // CHECK: ssm.selective_scan {{.*}} : (tensor<?x8xbf16>, tensor<?x8xbf16>, tensor<8x4xf32>, tensor<4xf32>, tensor<?x4xbf16>,
  %y, %h1 = ssm.selective_scan %u delta %dt A %A B %B C %C state %h of %batch
    : (tensor<?x8xbf16>, tensor<?x8xbf16>, tensor<8x4xf32>, tensor<4xf32>, tensor<?x4xbf16>,
       tensor<?x8x4xf32>, !ssm.batch) -> (tensor<?x8xbf16>, tensor<?x8x4xf32>)
  return %y : tensor<?x8xbf16>
}

// CHECK-LABEL: func.func @kernel
// CHECK-SAME: (%[[X:.+]]: tensor<?x32xf32>, %[[P:.+]]: tensor<4x32x64xf32>)
func.func @kernel(%x: tensor<?x32xf32>, %p: tensor<4x32x64xf32>) -> tensor<?x200xf32> {
  // CHECK: %[[Y:.+]] = ssm.kernel (%[[A:.+]] = %[[X]], %[[B:.+]] = %[[P]]) schedule <lanes = 16, col_block = 64> {note = "first"} : (tensor<?x32xf32>, tensor<4x32x64xf32>) -> tensor<?x200xf32> {
  %y = ssm.kernel (%a = %x, %b = %p) schedule <lanes = 16, col_block = 64> {note = "first"}
      : (tensor<?x32xf32>, tensor<4x32x64xf32>) -> tensor<?x200xf32> {
    // CHECK-NEXT: %[[W:.+]] = ssm.unpack %[[B]] : tensor<4x32x64xf32> -> tensor<200x32xf32>
    %w = ssm.unpack %b : tensor<4x32x64xf32> -> tensor<200x32xf32>
    // CHECK-NEXT: %[[L:.+]] = ssm.linear %[[A]], %[[W]]
    %l = ssm.linear %a, %w : tensor<?x32xf32>, tensor<200x32xf32> -> tensor<?x200xf32>
    // CHECK-NEXT: ssm.yield %[[L]] : tensor<?x200xf32>
    ssm.yield %l : tensor<?x200xf32>
  }
  // Without a schedule it is not chosen yet.
  // CHECK: ssm.kernel (%[[A:.+]] = %[[Y]]) : (tensor<?x200xf32>) -> tensor<?x200xf32> {
  %z = ssm.kernel (%a = %y) : (tensor<?x200xf32>) -> tensor<?x200xf32> {
    %s = ssm.silu %a : tensor<?x200xf32>
    ssm.yield %s : tensor<?x200xf32>
  }
  return %z : tensor<?x200xf32>
}
