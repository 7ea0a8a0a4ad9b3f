// RUN: mamba-opt %s --ssm-weight-precision=precision=bf16 --cse | FileCheck %s --check-prefix=BF16
// RUN: mamba-opt %s --ssm-weight-precision=precision=f16 --cse | FileCheck %s --check-prefix=F16
// RUN: mamba-opt %s --ssm-weight-precision=precision=int8 --cse | FileCheck %s --check-prefixes=INT,INT8
// RUN: mamba-opt %s --ssm-weight-precision=precision=int4 --cse | FileCheck %s --check-prefixes=INT,INT4
// RUN: mamba-opt %s --ssm-weight-precision --cse >%t.none
// RUN: mamba-opt %s --cse | diff - %t.none
// RUN: not mamba-opt %s --ssm-weight-precision=precision=int3 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// A precision that nobody knows is one error, however many functions there are.
// UNKNOWN-NOT: error:
// UNKNOWN: error: unknown precision of weights 'int3': use f32, bf16, f16, int8 or int4
// UNKNOWN-NOT: error:

// The matrix of a projection; its bias is a vector and stays.
// BF16-LABEL: func.func @projection
// BF16: %[[W:.*]] = ssm.weight "w" : tensor<5x33xf32>
// BF16: %[[B:.*]] = ssm.weight "b" : tensor<5xf32>
// BF16: %[[N:.*]] = ssm.cast %[[W]] : tensor<5x33xf32> to tensor<5x33xbf16>
// BF16: ssm.linear %{{.*}}, %[[N]] bias %[[B]] : tensor<?x33xf32>, tensor<5x33xbf16>, tensor<5xf32>
// F16-LABEL: func.func @projection
// F16: ssm.cast %{{.*}} : tensor<5x33xf32> to tensor<5x33xf16>
// INT-LABEL: func.func @projection
// INT: %[[W:.*]] = ssm.weight "w" : tensor<5x33xf32>
// INT8: %[[S:.*]] = ssm.quant_scales %[[W]] bits 8 : tensor<5x33xf32> -> tensor<5x2xbf16>
// INT8: %[[Q:.*]] = ssm.quantize %[[W]] by %[[S]] bits 8 : {{.*}} -> tensor<5x33xi8>
// INT8: %[[D:.*]] = ssm.dequantize %[[Q]] by %[[S]] bits 8 : {{.*}} -> tensor<5x33xf32>
// INT4: %[[S:.*]] = ssm.quant_scales %[[W]] bits 4 : tensor<5x33xf32> -> tensor<5x2xbf16>
// INT4: %[[Q:.*]] = ssm.quantize %[[W]] by %[[S]] bits 4 : {{.*}} -> tensor<5x17xi8>
// INT4: %[[D:.*]] = ssm.dequantize %[[Q]] by %[[S]] bits 4 : {{.*}} -> tensor<5x33xf32>
// INT: ssm.linear %{{.*}}, %[[D]] bias
func.func @projection(%x: tensor<?x33xf32>) -> tensor<?x5xf32> {
  %w = ssm.weight "w" : tensor<5x33xf32>
  %b = ssm.weight "b" : tensor<5xf32>
  %y = ssm.linear %x, %w bias %b : tensor<?x33xf32>, tensor<5x33xf32>, tensor<5xf32> -> tensor<?x5xf32>
  return %y : tensor<?x5xf32>
}

// An embedding and the head that is tied to it read one matrix.
// BF16-LABEL: func.func @tied
// BF16: %[[N:.*]] = ssm.cast
// BF16-NOT: ssm.cast
// BF16: ssm.embedding %[[N]]
// BF16: ssm.linear %{{.*}}, %[[N]]
// INT-LABEL: func.func @tied
// INT: %[[D:.*]] = ssm.dequantize
// INT-NOT: ssm.quant
// INT: ssm.embedding %[[D]]
// INT-NOT: ssm.quant
// INT: ssm.linear %{{.*}}, %[[D]]
func.func @tied(%tokens: tensor<?xi32>) -> tensor<?x9xf32> {
  %w = ssm.weight "w" : tensor<9x4xf32>
  %x = ssm.embedding %w[%tokens] : tensor<9x4xf32>, tensor<?xi32> -> tensor<?x4xf32>
  %y = ssm.linear %x, %w : tensor<?x4xf32>, tensor<9x4xf32> -> tensor<?x9xf32>
  return %y : tensor<?x9xf32>
}

// A matrix that is computed from weights is rounded once, after the last step.
// A checkpoint's own bf16 is not rounded at all.
// BF16-LABEL: func.func @computed
// BF16: %[[W:.*]] = ssm.weight "w" : tensor<8x4xbf16>
// BF16: %[[S:.*]] = ssm.scale_columns
// BF16: %[[N:.*]] = ssm.cast %[[S]] : tensor<8x4xf32> to tensor<8x4xbf16>
// BF16-NOT: ssm.cast
// BF16: ssm.linear %{{.*}}, %[[N]]
// BF16: ssm.linear %{{.*}}, %[[W]] : tensor<?x4xf32>, tensor<8x4xbf16>
// F16-LABEL: func.func @computed
// F16: %[[S:.*]] = ssm.scale_columns
// F16: ssm.cast %[[S]] : tensor<8x4xf32> to tensor<8x4xf16>
func.func @computed(%x: tensor<?x4xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %w = ssm.weight "w" : tensor<8x4xbf16>
  %n = ssm.weight "n" : tensor<4xf32>
  %wide = ssm.cast %w : tensor<8x4xbf16> to tensor<8x4xf32>
  %scaled = ssm.scale_columns %wide, %n : tensor<8x4xf32>, tensor<4xf32>
  %rounded = ssm.cast %scaled : tensor<8x4xf32> to tensor<8x4xbf16>
  %y = ssm.linear %x, %rounded : tensor<?x4xf32>, tensor<8x4xbf16> -> tensor<?x8xf32>
  %z = ssm.linear %x, %wide : tensor<?x4xf32>, tensor<8x4xf32> -> tensor<?x8xf32>
  return %y, %z : tensor<?x8xf32>, tensor<?x8xf32>
}

// The projection of a time step is small and stays bf16, behind a softplus too;
// the one whose result is only u is not.
// INT-LABEL: func.func @time_step
// INT: %[[N:.*]] = ssm.cast %{{.*}} : tensor<8x2xf32> to tensor<8x2xbf16>
// INT: %[[P:.*]] = ssm.linear %{{.*}}, %[[N]] : tensor<?x2xf32>, tensor<8x2xbf16>
// INT: ssm.softplus %[[P]]
// INT: %[[D:.*]] = ssm.dequantize
// INT: ssm.linear %{{.*}}, %[[D]]
// INT: ssm.selective_scan
// F16-LABEL: func.func @time_step
// F16: ssm.cast %{{.*}} : tensor<8x2xf32> to tensor<8x2xf16>
func.func @time_step(%r: tensor<?x2xf32>, %A: tensor<8x4xf32>, %B: tensor<?x4xf32>, %h: tensor<?x8x4xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>) {
  %w = ssm.weight "dt" : tensor<8x2xf32>
  %v = ssm.weight "u" : tensor<8x2xf32>
  %p = ssm.linear %r, %w : tensor<?x2xf32>, tensor<8x2xf32> -> tensor<?x8xf32>
  %dt = ssm.softplus %p : tensor<?x8xf32>
  %u = ssm.linear %r, %v : tensor<?x2xf32>, tensor<8x2xf32> -> tensor<?x8xf32>
  %y, %h1 = ssm.selective_scan %u delta %dt A %A B %B C %B state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  return %y, %h1 : tensor<?x8xf32>, tensor<?x8x4xf32>
}

// Near misses: a matrix that is an argument would be rounded in each step;
// vectors, the convolution and A are small.
// BF16-LABEL: func.func @others
// BF16-NOT: bf16
// INT-LABEL: func.func @others
// INT-NOT: i8
func.func @others(%x: tensor<?x8xf32>, %w: tensor<8x8xf32>, %s: tensor<?x3x8xf32>, %h: tensor<?x8x4xf32>, %batch: !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x3x8xf32>, tensor<?x8x4xf32>) {
  %norm = ssm.weight "norm" : tensor<8xf32>
  %taps = ssm.weight "conv" : tensor<8x4xf32>
  %A = ssm.weight "A" : tensor<8x4xf32>
  %D = ssm.weight "D" : tensor<8xf32>
  %B = ssm.weight "B" : tensor<4xf32>
  %y = ssm.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %n = ssm.rms_norm %y weight %norm eps 1.0e-05 : tensor<?x8xf32>, tensor<8xf32>
  %c, %s1 = ssm.conv1d %n, %taps state %s of %batch
    : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<?x3x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x3x8xf32>)
  %z, %h1 = ssm.selective_scan %c delta %n A %A B %B C %B skip %D state %h of %batch
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<8xf32>, tensor<?x8x4xf32>, !ssm.batch)
    -> (tensor<?x8xf32>, tensor<?x8x4xf32>)
  return %z, %s1, %h1 : tensor<?x8xf32>, tensor<?x3x8xf32>, tensor<?x8x4xf32>
}
