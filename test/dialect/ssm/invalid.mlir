// One function for each labelled constraint of dialects/ssm/*.td.
// RUN: mamba-opt %s --split-input-file --verify-diagnostics

func.func @type_c1(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{operand #0 must be rows [?, channels] of 32-bit float or 16-bit float or bfloat16 type values, but got 'tensor<4x8xf32>'}}
  ssm.silu %x : tensor<4x8xf32>
  return
}

// -----

func.func @type_c1_channels(%x: tensor<?x?xf32>) {
  // expected-error @+1 {{must be rows [?, channels]}}
  ssm.silu %x : tensor<?x?xf32>
  return
}

// -----

func.func @type_c1_no_channels(%x: tensor<?x0xf32>) {
  // expected-error @+1 {{must be rows [?, channels]}}
  ssm.silu %x : tensor<?x0xf32>
  return
}

// -----

func.func @type_c1_rank(%x: tensor<?x3x8xf32>) {
  // expected-error @+1 {{must be rows [?, channels]}}
  ssm.silu %x : tensor<?x3x8xf32>
  return
}

// -----

func.func @type_c1_element(%x: tensor<?x8xf64>) {
  // expected-error @+1 {{of 32-bit float or 16-bit float or bfloat16 type values, but got 'tensor<?x8xf64>'}}
  ssm.silu %x : tensor<?x8xf64>
  return
}

// -----

func.func @type_c2(%table: tensor<200x64xf32>, %tokens: tensor<7xi32>) {
  // expected-error @+1 {{operand #1 must be tokens [?] of 32-bit signless integer values, but got 'tensor<7xi32>'}}
  ssm.embedding %table[%tokens] : tensor<200x64xf32>, tensor<7xi32> -> tensor<?x64xf32>
  return
}

// -----

func.func @type_c3(%x: tensor<?x8xf32>, %w: tensor<8x4xf32>, %s: tensor<2x3x8xf32>, %batch: !ssm.batch) {
  // expected-error @+1 {{operand #2 must be state pool [?, rows, columns] of 32-bit float values, but got 'tensor<2x3x8xf32>'}}
  ssm.conv1d %x, %w state %s of %batch
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<2x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<2x3x8xf32>)
  return
}

// -----

func.func @type_c4(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{operand #0 must be static tensor of 32-bit float values, but got 'tensor<?x4xf32>'}}
  ssm.decay %x : tensor<?x4xf32>
  return
}

// -----

func.func @type_c4_scalar() {
  // expected-error @+1 {{result #0 must be static tensor of}}
  ssm.weight "D" : tensor<f32>
  return
}

// -----

func.func @type_c4_element(%x: tensor<4x4xbf16>) {
  // expected-error @+1 {{operand #0 must be static tensor of 32-bit float values, but got 'tensor<4x4xbf16>'}}
  ssm.decay %x : tensor<4x4xbf16>
  return
}

// -----
func.func @type_c5(%x: tensor<?x32xf32>, %w: tensor<8x32xi8>) {
  // expected-error @+1 {{operand #1 must be static tensor of}}
  ssm.linear %x, %w : tensor<?x32xf32>, tensor<8x32xi8> -> tensor<?x8xf32>
  return
}

// -----
func.func @type_c5_element(%x: tensor<8x32xi4>, %s: tensor<8x1xbf16>) {
  // expected-error @+1 {{operand #0 must be static matrix of 8-bit signless integer values, but got 'tensor<8x32xi4>'}}
  ssm.dequantize %x by %s bits 4 : tensor<8x32xi4>, tensor<8x1xbf16> -> tensor<8x64xf32>
  return
}

// -----

func.func @weight_c1() {
  // expected-error @+1 {{name must not be empty}}
  ssm.weight "" : tensor<64xf32>
  return
}

// -----

func.func @cast_c1(%x: tensor<8x4xbf16>) {
  // expected-error @+1 {{'y' must have the shape of 'x', got <4x8> and <8x4>}}
  ssm.cast %x : tensor<8x4xbf16> to tensor<4x8xf32>
  return
}

// -----

func.func @reshape_c1(%x: tensor<8x4xf32>) {
  // expected-error @+1 {{'y' must have as many elements as 'x', got 33 and 32}}
  ssm.reshape %x : tensor<8x4xf32> to tensor<33xf32>
  return
}

// -----

func.func @reshape_c2(%x: tensor<8x4xf32>) {
  // expected-error @+1 {{'y' must have the element type of 'x', got 'bf16' and 'f32'}}
  ssm.reshape %x : tensor<8x4xf32> to tensor<32xbf16>
  return
}

// -----

func.func @pack_c1(%x: tensor<200x32xf32>) {
  // expected-error @+1 {{'y' must be [ceil(O / block), ceil(K / interleave), block * interleave] = <4x32x64>, got <3x32x64>}}
  ssm.pack %x block 64 : tensor<200x32xf32> -> tensor<3x32x64xf32>
  return
}

// -----

func.func @pack_c1_interleaved(%x: tensor<200x33xbf16>) {
  // expected-error @+1 {{'y' must be [ceil(O / block), ceil(K / interleave), block * interleave] = <4x17x128>, got <4x16x128>}}
  ssm.pack %x block 64 interleave 2 : tensor<200x33xbf16> -> tensor<4x16x128xbf16>
  return
}

// -----

func.func @pack_c1_matrix(%x: tensor<200xf32>) {
  // expected-error @+1 {{'x' must be a matrix [O, K], got <200>}}
  ssm.pack %x block 64 : tensor<200xf32> -> tensor<4x1x64xf32>
  return
}

// -----

func.func @pack_c2(%x: tensor<200x32xf32>) {
  // expected-error @+1 {{block must be positive, got 0}}
  ssm.pack %x block 0 : tensor<200x32xf32> -> tensor<4x32x64xf32>
  return
}

// -----

func.func @pack_c2_interleave(%x: tensor<200x32xf32>) {
  // expected-error @+1 {{interleave must be positive, got 0}}
  ssm.pack %x block 64 interleave 0 : tensor<200x32xf32> -> tensor<4x32x64xf32>
  return
}

// -----

func.func @pack_c3(%x: tensor<200x32xf32>) {
  // expected-error @+1 {{'y' must have the element type of 'x', got 'bf16' and 'f32'}}
  ssm.pack %x block 64 : tensor<200x32xf32> -> tensor<4x32x64xbf16>
  return
}

// -----

func.func @unpack_c1(%x: tensor<4x32x64xf32>) {
  // expected-error @+1 {{'x' must be [ceil(O / block), ceil(K / interleave), block * interleave] = <5x32x64>, got <4x32x64>}}
  ssm.unpack %x : tensor<4x32x64xf32> -> tensor<257x32xf32>
  return
}

// -----

func.func @unpack_c1_panels(%x: tensor<256x32xf32>) {
  // expected-error @+1 {{'x' must be panels [ceil(O / block), ceil(K / interleave), block * interleave], got <256x32>}}
  ssm.unpack %x : tensor<256x32xf32> -> tensor<256x32xf32>
  return
}

// -----

func.func @unpack_c1_matrix(%x: tensor<4x32x64xf32>) {
  // expected-error @+1 {{'y' must be a matrix [O, K], got <256>}}
  ssm.unpack %x : tensor<4x32x64xf32> -> tensor<256xf32>
  return
}

// -----

func.func @unpack_c3(%x: tensor<4x8x66xi8>) {
  // expected-error @+1 {{interleave must be positive and divide the last dimension of 'x', got 4 and 66}}
  ssm.unpack %x interleave 4 : tensor<4x8x66xi8> -> tensor<66x32xi8>
  return
}

// -----

func.func @unpack_c3_positive(%x: tensor<4x8x64xi8>) {
  // expected-error @+1 {{interleave must be positive and divide the last dimension of 'x', got 0 and 64}}
  ssm.unpack %x interleave 0 : tensor<4x8x64xi8> -> tensor<64x32xi8>
  return
}

// -----

func.func @unpack_c2(%x: tensor<4x32x64xf32>) {
  // expected-error @+1 {{'y' must have the element type of 'x', got 'f16' and 'f32'}}
  ssm.unpack %x : tensor<4x32x64xf32> -> tensor<256x32xf16>
  return
}

// -----

func.func @scale_c1(%x: tensor<8x4xf32>) {
  // expected-error @+1 {{factor must be finite, got 0x7FF0000000000000 : f64}}
  ssm.scale %x by 0x7FF0000000000000 : tensor<8x4xf32>
  return
}

// -----

func.func @scale_columns_c1(%x: tensor<256x64xf32>, %s: tensor<256xf32>) {
  // expected-error @+1 {{'s' must be [K] = <64>, got <256>}}
  ssm.scale_columns %x, %s : tensor<256x64xf32>, tensor<256xf32>
  return
}

// -----

func.func @scale_columns_c1_matrix(%x: tensor<64xf32>, %s: tensor<64xf32>) {
  // expected-error @+1 {{'x' must be a matrix [O, K], got <64>}}
  ssm.scale_columns %x, %s : tensor<64xf32>, tensor<64xf32>
  return
}

// -----

func.func @quant_scales_c1(%x: tensor<8x33xf32>) {
  // expected-error @+1 {{'y' must be [O, ceil(K / 32)] = <8x2>, got <8x1>}}
  ssm.quant_scales %x bits 8 : tensor<8x33xf32> -> tensor<8x1xbf16>
  return
}

// -----

func.func @quant_scales_c1_matrix(%x: tensor<64xf32>) {
  // expected-error @+1 {{'x' must be a matrix [O, K], got <64>}}
  ssm.quant_scales %x bits 8 : tensor<64xf32> -> tensor<2xbf16>
  return
}

// -----

func.func @quant_scales_c2(%x: tensor<8x32xf32>) {
  // expected-error @+1 {{bits must be 8 or 4, got 3}}
  ssm.quant_scales %x bits 3 : tensor<8x32xf32> -> tensor<8x1xbf16>
  return
}

// -----

func.func @quantize_c1_scales(%x: tensor<8x33xf32>, %s: tensor<8x1xbf16>) {
  // expected-error @+1 {{'s' must be [O, ceil(K / 32)] = <8x2>, got <8x1>}}
  ssm.quantize %x by %s bits 4 : tensor<8x33xf32>, tensor<8x1xbf16> -> tensor<8x17xi8>
  return
}

// -----

// 33 weights of 4 bits are 17 bytes.
func.func @quantize_c1(%x: tensor<8x33xf32>, %s: tensor<8x2xbf16>) {
  // expected-error @+1 {{'y' must be [O, ceil(K bits / 8)] = <8x17>, got <8x16>}}
  ssm.quantize %x by %s bits 4 : tensor<8x33xf32>, tensor<8x2xbf16> -> tensor<8x16xi8>
  return
}

// -----

func.func @quantize_c2(%x: tensor<8x32xf32>, %s: tensor<8x1xbf16>) {
  // expected-error @+1 {{bits must be 8 or 4, got 16}}
  ssm.quantize %x by %s bits 16 : tensor<8x32xf32>, tensor<8x1xbf16> -> tensor<8x64xi8>
  return
}

// -----

func.func @dequantize_c1(%x: tensor<8x17xi8>, %s: tensor<8x2xbf16>) {
  // expected-error @+1 {{'x' must be [O, ceil(K bits / 8)] = <8x18>, got <8x17>}}
  ssm.dequantize %x by %s bits 4 : tensor<8x17xi8>, tensor<8x2xbf16> -> tensor<8x35xf32>
  return
}

// -----

func.func @dequantize_c1_scales(%x: tensor<8x33xi8>, %s: tensor<8x1xbf16>) {
  // expected-error @+1 {{'s' must be [O, ceil(K / 32)] = <8x2>, got <8x1>}}
  ssm.dequantize %x by %s bits 8 : tensor<8x33xi8>, tensor<8x1xbf16> -> tensor<8x33xf32>
  return
}

// -----

func.func @dequantize_c2(%x: tensor<8x32xi8>, %s: tensor<8x1xbf16>) {
  // expected-error @+1 {{bits must be 8 or 4, got 0}}
  ssm.dequantize %x by %s bits 0 : tensor<8x32xi8>, tensor<8x1xbf16> -> tensor<8x32xf32>
  return
}

// -----

func.func @embedding_c1(%table: tensor<200x64xf32>, %tokens: tensor<?xi32>) {
  // expected-error @+1 {{'y' must be [T, D] = <?x64>, got <?x32>}}
  ssm.embedding %table[%tokens] : tensor<200x64xf32>, tensor<?xi32> -> tensor<?x32xf32>
  return
}

// -----

func.func @embedding_c1_matrix(%table: tensor<200xf32>, %tokens: tensor<?xi32>) {
  // expected-error @+1 {{'table' must be a matrix [V, D], got <200>}}
  ssm.embedding %table[%tokens] : tensor<200xf32>, tensor<?xi32> -> tensor<?x1xf32>
  return
}

// -----

func.func @rms_norm_c1(%x: tensor<?x64xf32>, %w: tensor<63xf32>) {
  // expected-error @+1 {{'weight' must be [D] = <64>, got <63>}}
  ssm.rms_norm %x weight %w eps 1.0e-5 : tensor<?x64xf32>, tensor<63xf32>
  return
}

// -----

func.func @rms_norm_c2(%x: tensor<?x64xf32>) {
  // expected-error @+1 {{eps must be positive and finite, got 0.000000e+00 : f64}}
  ssm.rms_norm %x eps 0.0 : tensor<?x64xf32>
  return
}

// -----

func.func @rms_norm_c2_finite(%x: tensor<?x64xf32>) {
  // expected-error @+1 {{eps must be positive and finite}}
  ssm.rms_norm %x eps 0x7FF0000000000000 : tensor<?x64xf32>
  return
}

// -----

func.func @linear_c1(%x: tensor<?x64xf32>, %w: tensor<256x65xf32>) {
  // expected-error @+1 {{'w' must be [O, K] = <256x64>, got <256x65>}}
  ssm.linear %x, %w : tensor<?x64xf32>, tensor<256x65xf32> -> tensor<?x256xf32>
  return
}

// -----

func.func @linear_c1_result(%x: tensor<?x64xf32>, %w: tensor<256x64xf32>) {
  // expected-error @+1 {{'y' must be [T, O] = <?x256>, got <?x255>}}
  ssm.linear %x, %w : tensor<?x64xf32>, tensor<256x64xf32> -> tensor<?x255xf32>
  return
}

// -----

func.func @linear_c1_matrix(%x: tensor<?x64xf32>, %w: tensor<4x64x64xf32>) {
  // expected-error @+1 {{'w' must be a matrix [O, K], got <4x64x64>}}
  ssm.linear %x, %w : tensor<?x64xf32>, tensor<4x64x64xf32> -> tensor<?x256xf32>
  return
}

// -----

func.func @linear_c2(%x: tensor<?x64xf32>, %w: tensor<256x64xf32>, %b: tensor<64xf32>) {
  // expected-error @+1 {{'bias' must be [O] = <256>, got <64>}}
  ssm.linear %x, %w bias %b : tensor<?x64xf32>, tensor<256x64xf32>, tensor<64xf32> -> tensor<?x256xf32>
  return
}

// -----

func.func @split_c1(%x: tensor<?x256xf32>) {
  // expected-error @+1 {{widths of the results must add up to the width of 'x', got 255 and 256}}
  ssm.split %x : tensor<?x256xf32> -> tensor<?x128xf32>, tensor<?x127xf32>
  return
}

// -----

func.func @split_c2(%x: tensor<?x256xf32>) {
  // expected-error @+1 {{'parts' must have the element type of 'x', got 'bf16' and 'f32'}}
  ssm.split %x : tensor<?x256xf32> -> tensor<?x128xf32>, tensor<?x128xbf16>
  return
}

// -----

func.func @split_c3(%x: tensor<?x256xf32>) {
  // expected-error @+1 {{must have at least one result}}
  "ssm.split"(%x) : (tensor<?x256xf32>) -> ()
  return
}

// -----

func.func @last_rows_c1(%x: tensor<?x64xf32>, %batch: !ssm.batch) {
  // expected-error @+1 {{'y' must have the shape of 'x', got <?x32> and <?x64>}}
  ssm.last_rows %x of %batch : tensor<?x64xf32> -> tensor<?x32xf32>
  return
}

// -----

func.func @last_rows_c1_element(%x: tensor<?x64xf32>, %batch: !ssm.batch) {
  // expected-error @+1 {{'y' must have the element type of 'x', got 'bf16' and 'f32'}}
  ssm.last_rows %x of %batch : tensor<?x64xf32> -> tensor<?x64xbf16>
  return
}

// -----

func.func @argmax_c1(%logits: tensor<?x200xf32>) {
  // expected-error @+1 {{'valid' must be from 1 to the width of the logits, 200, got 201}}
  ssm.argmax %logits valid 201 : tensor<?x200xf32> -> tensor<?xi32>
  return
}

// -----

func.func @sample_c1(%logits: tensor<?x200xf32>, %u: tensor<?x2xf32>, %tau: tensor<?x1xf32>, %k: tensor<?xi32>, %p: tensor<?x1xf32>, %m: tensor<?x1xf32>) {
  // expected-error @+1 {{'u' must be [S, 1] = <?x1>, got <?x2>}}
  %t, %l = ssm.sample %logits at %u temperature %tau top_k %k top_p %p min_p %m valid 200
    : (tensor<?x200xf32>, tensor<?x2xf32>, tensor<?x1xf32>, tensor<?xi32>, tensor<?x1xf32>, tensor<?x1xf32>)
    -> (tensor<?xi32>, tensor<?x1xf32>)
  return
}

// -----

func.func @sample_c1_min_p(%logits: tensor<?x200xf32>, %u: tensor<?x1xf32>, %tau: tensor<?x1xf32>, %k: tensor<?xi32>, %p: tensor<?x1xf32>, %m: tensor<?x200xf32>) {
  // expected-error @+1 {{'min_p' must be [S, 1] = <?x1>, got <?x200>}}
  %t, %l = ssm.sample %logits at %u temperature %tau top_k %k top_p %p min_p %m valid 200
    : (tensor<?x200xf32>, tensor<?x1xf32>, tensor<?x1xf32>, tensor<?xi32>, tensor<?x1xf32>, tensor<?x200xf32>)
    -> (tensor<?xi32>, tensor<?x1xf32>)
  return
}

// -----

func.func @sample_c1_largest(%logits: tensor<?x200xf32>, %u: tensor<?x1xf32>, %tau: tensor<?x1xf32>, %k: tensor<?xi32>, %p: tensor<?x1xf32>, %m: tensor<?x1xf32>) {
  // expected-error @+1 {{'largest' must be [S, 1] = <?x1>, got <?x3>}}
  %t, %l = ssm.sample %logits at %u temperature %tau top_k %k top_p %p min_p %m valid 200
    : (tensor<?x200xf32>, tensor<?x1xf32>, tensor<?x1xf32>, tensor<?xi32>, tensor<?x1xf32>, tensor<?x1xf32>)
    -> (tensor<?xi32>, tensor<?x3xf32>)
  return
}

// -----

func.func @sample_c2(%logits: tensor<?x200xf32>, %u: tensor<?x1xf32>, %tau: tensor<?x1xf32>, %k: tensor<?xi32>, %p: tensor<?x1xf32>, %m: tensor<?x1xf32>) {
  // expected-error @+1 {{'valid' must be from 1 to the width of the logits, 200, got 0}}
  %t, %l = ssm.sample %logits at %u temperature %tau top_k %k top_p %p min_p %m valid 0
    : (tensor<?x200xf32>, tensor<?x1xf32>, tensor<?x1xf32>, tensor<?xi32>, tensor<?x1xf32>, tensor<?x1xf32>)
    -> (tensor<?xi32>, tensor<?x1xf32>)
  return
}

// -----

func.func @conv1d_c1(%x: tensor<?x8xf32>, %w: tensor<9x4xf32>, %s: tensor<?x3x8xf32>, %batch: !ssm.batch) {
  // expected-error @+1 {{'w' must be [E, W] = <8x4>, got <9x4>}}
  ssm.conv1d %x, %w state %s of %batch
    : (tensor<?x8xf32>, tensor<9x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
  return
}

// -----

func.func @conv1d_c1_matrix(%x: tensor<?x8xf32>, %w: tensor<8x1x4xf32>, %s: tensor<?x3x8xf32>, %batch: !ssm.batch) {
  // expected-error @+1 {{'w' must be a matrix [E, W], got <8x1x4>}}
  ssm.conv1d %x, %w state %s of %batch
    : (tensor<?x8xf32>, tensor<8x1x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
  return
}

// -----

func.func @conv1d_c1_result(%x: tensor<?x8xf32>, %w: tensor<8x4xf32>, %s: tensor<?x3x8xf32>, %batch: !ssm.batch) {
  // expected-error @+1 {{'y' must have the shape of 'x', got <?x4> and <?x8>}}
  ssm.conv1d %x, %w state %s of %batch
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x4xf32>, tensor<?x3x8xf32>)
  return
}

// -----

func.func @conv1d_c1_taps(%x: tensor<?x8xf32>, %w: tensor<8x1xf32>, %s: tensor<?x1x8xf32>, %batch: !ssm.batch) {
  // expected-error @+1 {{'w' must have at least 2 taps, got 1}}
  ssm.conv1d %x, %w state %s of %batch
    : (tensor<?x8xf32>, tensor<8x1xf32>, tensor<?x1x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x1x8xf32>)
  return
}

// -----

func.func @conv1d_c2(%x: tensor<?x8xf32>, %w: tensor<8x4xf32>, %b: tensor<4xf32>, %s: tensor<?x3x8xf32>, %batch: !ssm.batch) {
  // expected-error @+1 {{'bias' must be [E] = <8>, got <4>}}
  ssm.conv1d %x, %w bias %b state %s of %batch
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
  return
}

// -----

func.func @conv1d_c3(%x: tensor<?x8xf32>, %w: tensor<8x4xf32>, %s: tensor<?x4x8xf32>, %batch: !ssm.batch) {
  // expected-error @+1 {{'state' must be [slots, W-1, E] = <?x3x8>, got <?x4x8>}}
  ssm.conv1d %x, %w state %s of %batch
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x4x8xf32>)
  return
}

// -----

func.func @conv1d_c3_result(%x: tensor<?x8xf32>, %w: tensor<8x4xf32>, %s: tensor<?x3x8xf32>, %batch: !ssm.batch) {
  // expected-error @+1 {{'new_state' must have the shape of 'state', got <?x8x3> and <?x3x8>}}
  ssm.conv1d %x, %w state %s of %batch
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x8x3xf32>)
  return
}

// -----

func.func @scan_c1(%u: tensor<?x8xf32>, %dt: tensor<?x7xf32>, %A: tensor<8x4xf32>, %B: tensor<?x4xf32>,
                   %h: tensor<?x8x4xf32>, %batch: !ssm.batch) {
  // expected-error @+1 {{'delta' must have the shape of 'u', got <?x7> and <?x8>}}
  ssm.selective_scan %u delta %dt A %A B %B C %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x7xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  return
}

// -----

func.func @scan_c1_gate(%u: tensor<?x8xf32>, %z: tensor<?x8xbf16>, %A: tensor<8x4xf32>, %B: tensor<?x4xf32>,
                        %h: tensor<?x8x4xf32>, %batch: !ssm.batch) {
  // expected-error @+1 {{'z' must have the element type of 'u', got 'bf16' and 'f32'}}
  ssm.selective_scan %u delta %u A %A B %B C %B gate %z state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8xbf16>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  return
}

// -----

func.func @scan_c1_result(%u: tensor<?x8xf32>, %A: tensor<8x4xf32>, %B: tensor<?x4xf32>,
                          %h: tensor<?x8x4xf32>, %batch: !ssm.batch) {
  // expected-error @+1 {{'y' must have the shape of 'u', got <?x4> and <?x8>}}
  ssm.selective_scan %u delta %u A %A B %B C %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x4xf32>, tensor<?x8x4xf32>)
  return
}

// -----

func.func @scan_c2(%u: tensor<?x8xf32>, %A: tensor<7x4xf32>, %B: tensor<?x4xf32>,
                   %h: tensor<?x8x4xf32>, %batch: !ssm.batch) {
  // expected-error @+1 {{'A' must be [E, N] = <8x4>, got <7x4>}}
  ssm.selective_scan %u delta %u A %A B %B C %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<7x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  return
}

// -----

func.func @scan_c2_matrix(%u: tensor<?x8xf32>, %A: tensor<8xf32>, %B: tensor<?x4xf32>,
                          %h: tensor<?x8x4xf32>, %batch: !ssm.batch) {
  // expected-error @+1 {{'A' must be a matrix [E, N], got <8>}}
  ssm.selective_scan %u delta %u A %A B %B C %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  return
}

// -----

func.func @scan_c3(%u: tensor<?x8xf32>, %A: tensor<8x4xf32>, %B: tensor<?x5xf32>, %C: tensor<?x4xf32>,
                   %h: tensor<?x8x4xf32>, %batch: !ssm.batch) {
  // expected-error @+1 {{'B' must be [T, N] = <?x4>, got <?x5>}}
  ssm.selective_scan %u delta %u A %A B %B C %C state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x5xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  return
}

// -----

func.func @scan_c3_constant(%u: tensor<?x8xf32>, %A: tensor<8x4xf32>, %B: tensor<?x4xf32>, %C: tensor<8xf32>,
                            %h: tensor<?x8x4xf32>, %batch: !ssm.batch) {
  // expected-error @+1 {{'C' must be [N] = <4>, got <8>}}
  ssm.selective_scan %u delta %u A %A B %B C %C state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<8xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  return
}

// -----

func.func @scan_c3_type(%u: tensor<?x8xf32>, %A: tensor<8x4xf32>, %B: tensor<4x4xf32>, %C: tensor<4xf32>,
                        %h: tensor<?x8x4xf32>, %batch: !ssm.batch) {
  // expected-error @+1 {{operand #3 must be rows [?, channels] of 32-bit float or 16-bit float or bfloat16 type values or static vector of 32-bit float or bfloat16 type values, but got 'tensor<4x4xf32>'}}
  ssm.selective_scan %u delta %u A %A B %B C %C state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<4x4xf32>, tensor<4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  return
}

// -----

func.func @scan_c4(%u: tensor<?x8xf32>, %A: tensor<8x4xf32>, %B: tensor<?x4xf32>, %D: tensor<4xf32>,
                   %h: tensor<?x8x4xf32>, %batch: !ssm.batch) {
  // expected-error @+1 {{'D' must be [E] = <8>, got <4>}}
  ssm.selective_scan %u delta %u A %A B %B C %B skip %D state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  return
}

// -----

func.func @scan_c4_bias(%u: tensor<?x8xf32>, %A: tensor<8x4xf32>, %B: tensor<?x4xf32>, %bias: tensor<4xf32>,
                        %h: tensor<?x8x4xf32>, %batch: !ssm.batch) {
  // expected-error @+1 {{'delta_bias' must be [E] = <8>, got <4>}}
  ssm.selective_scan %u delta %u bias %bias A %A B %B C %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<4xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  return
}

// -----

func.func @scan_c5(%u: tensor<?x8xf32>, %A: tensor<8x4xf32>, %B: tensor<?x4xf32>,
                   %h: tensor<?x4x8xf32>, %batch: !ssm.batch) {
  // expected-error @+1 {{'state' must be [slots, E, N] = <?x8x4>, got <?x4x8>}}
  ssm.selective_scan %u delta %u A %A B %B C %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4x8xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x4x8xf32>)
  return
}

// -----

func.func @scan_c5_result(%u: tensor<?x8xf32>, %A: tensor<8x4xf32>, %B: tensor<?x4xf32>,
                          %h: tensor<?x8x4xf32>, %batch: !ssm.batch) {
  // expected-error @+1 {{'new_state' must have the shape of 'state', got <?x4x8> and <?x8x4>}}
  ssm.selective_scan %u delta %u A %A B %B C %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x4x8xf32>)
  return
}

// -----

func.func @scan_c6(%u: tensor<?x8xf32>, %A: tensor<8x4xf32>, %B: tensor<?x4xf32>,
                   %h: tensor<?x8x4xf32>, %p: tensor<3x8x8xf32>, %batch: !ssm.batch) {
  // expected-error @+1 {{'slices' must be [slices, 2N+1, E] = <3x9x8>, got <3x8x8>}}
  ssm.selective_scan %u delta %u A %A B %B C %B state %h slices %p of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, tensor<3x8x8xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  return
}

// -----

func.func @slices_c1(%u: tensor<?x8xf32>, %d: tensor<?x4xf32>, %A: tensor<8x4xf32>, %B: tensor<?x4xf32>, %h: tensor<?x8x4xf32>,
                     %batch: !ssm.batch) {
  // expected-error @+1 {{'delta' must have the shape of 'u', got <?x4> and <?x8>}}
  ssm.scan_slices %u delta %d A %A B %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch) -> tensor<3x9x8xf32>
  return
}

// -----

func.func @slices_c1_type(%u: tensor<?x8xf32>, %d: tensor<?x8xbf16>, %A: tensor<8x4xf32>, %B: tensor<?x4xf32>, %h: tensor<?x8x4xf32>,
                     %batch: !ssm.batch) {
  // expected-error @+1 {{'delta' must have the element type of 'u'}}
  ssm.scan_slices %u delta %d A %A B %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xbf16>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch) -> tensor<3x9x8xf32>
  return
}

// -----

func.func @slices_c2(%u: tensor<?x8xf32>, %d: tensor<?x8xf32>, %A: tensor<4x4xf32>, %B: tensor<?x4xf32>, %h: tensor<?x8x4xf32>,
                     %batch: !ssm.batch) {
  // expected-error @+1 {{'A' must be [E, N] = <8x4>, got <4x4>}}
  ssm.scan_slices %u delta %d A %A B %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<4x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch) -> tensor<3x9x8xf32>
  return
}

// -----

func.func @slices_c2_vector(%u: tensor<?x8xf32>, %d: tensor<?x8xf32>, %A: tensor<8xf32>, %B: tensor<?x4xf32>, %h: tensor<?x8x4xf32>,
                     %batch: !ssm.batch) {
  // expected-error @+1 {{'A' must be a matrix [E, N], got <8>}}
  ssm.scan_slices %u delta %d A %A B %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch) -> tensor<3x9x8xf32>
  return
}

// -----

func.func @slices_c3(%u: tensor<?x8xf32>, %d: tensor<?x8xf32>, %A: tensor<8x4xf32>, %B: tensor<?x5xf32>, %h: tensor<?x8x4xf32>,
                     %batch: !ssm.batch) {
  // expected-error @+1 {{'B' must be [T, N] = <?x4>, got <?x5>}}
  ssm.scan_slices %u delta %d A %A B %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x5xf32>, tensor<?x8x4xf32>, !ssm.batch) -> tensor<3x9x8xf32>
  return
}

// -----

func.func @slices_c3_constant(%u: tensor<?x8xf32>, %d: tensor<?x8xf32>, %A: tensor<8x4xf32>, %B: tensor<5xf32>, %h: tensor<?x8x4xf32>,
                     %batch: !ssm.batch) {
  // expected-error @+1 {{'B' must be [N] = <4>, got <5>}}
  ssm.scan_slices %u delta %d A %A B %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<5xf32>, tensor<?x8x4xf32>, !ssm.batch) -> tensor<3x9x8xf32>
  return
}

// -----

func.func @slices_c4(%u: tensor<?x8xf32>, %d: tensor<?x8xf32>, %bias: tensor<4xf32>, %A: tensor<8x4xf32>, %B: tensor<?x4xf32>, %h: tensor<?x8x4xf32>,
                     %batch: !ssm.batch) {
  // expected-error @+1 {{'delta_bias' must be [E] = <8>, got <4>}}
  ssm.scan_slices %u delta %d bias %bias A %A B %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<4xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch) -> tensor<3x9x8xf32>
  return
}

// -----

func.func @slices_c5(%u: tensor<?x8xf32>, %d: tensor<?x8xf32>, %A: tensor<8x4xf32>, %B: tensor<?x4xf32>, %h: tensor<?x4x8xf32>,
                     %batch: !ssm.batch) {
  // expected-error @+1 {{'state' must be [slots, E, N] = <?x8x4>, got <?x4x8>}}
  ssm.scan_slices %u delta %d A %A B %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4x8xf32>, !ssm.batch) -> tensor<3x9x8xf32>
  return
}

// -----

func.func @slices_c6(%u: tensor<?x8xf32>, %d: tensor<?x8xf32>, %A: tensor<8x4xf32>, %B: tensor<?x4xf32>, %h: tensor<?x8x4xf32>,
                     %batch: !ssm.batch) {
  // expected-error @+1 {{'p' must be [slices, 2N+1, E] = <3x9x8>, got <3x9x4>}}
  ssm.scan_slices %u delta %d A %A B %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch) -> tensor<3x9x4xf32>
  return
}

// -----

func.func @kernel_c1(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{region arguments must have the types of the operands}}
  "ssm.kernel"(%x) ({
  ^bb0(%a: tensor<?x4xf32>):
    ssm.yield
  }) : (tensor<?x8xf32>) -> ()
  return
}

// -----

func.func @kernel_c2(%x: tensor<?x8xf32>) {
  ssm.kernel (%a = %x) : (tensor<?x8xf32>) -> tensor<?x4xf32> {
    // expected-error @+1 {{values must have the types of the kernel's results, got 'tensor<?x8xf32>' and 'tensor<?x4xf32>'}}
    ssm.yield %a : tensor<?x8xf32>
  }
  return
}

// -----

func.func @kernel_c3(%x: tensor<?x8xf32>) {
  ssm.kernel (%a = %x) : (tensor<?x8xf32>) -> () {
    // expected-error @+1 {{must not stand in an 'ssm.kernel': only ssm ops may}}
    arith.constant 1.0 : f32
  }
  return
}

// -----

func.func @kernel_c3_weight(%x: tensor<?x8xf32>) {
  ssm.kernel (%a = %x) : (tensor<?x8xf32>) -> () {
    // expected-error @+1 {{must not stand in an 'ssm.kernel': pass it as an operand}}
    ssm.weight "D" : tensor<8xf32>
  }
  return
}

// -----

func.func @kernel_c3_kernel(%x: tensor<?x8xf32>) {
  ssm.kernel (%a = %x) : (tensor<?x8xf32>) -> () {
    // expected-error @+1 {{must not stand in an 'ssm.kernel': kernels do not nest}}
    ssm.kernel (%b = %a) : (tensor<?x8xf32>) -> () {
    }
  }
  return
}

// -----

// The syntax counts operands and types.
func.func @kernel_syntax(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{expected 1 operand types, got 0}}
  ssm.kernel (%a = %x) : () -> () {
  }
  return
}
